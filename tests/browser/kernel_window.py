"""A second client of a notebook's kernel, which reads the results of cells without the page."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
from jupyter_client import BlockingKernelClient
from numpy.typing import NDArray

REPLY_WITHIN_S = 30


class KernelWindow:
    """Runs silent code on the kernel's main shell, after the cell that may be running there.

    Parameters
    ----------
    connection_file : Path
    folder : Path
        For the files in which arrays are passed.
    """

    def __init__(self, connection_file: Path, folder: Path) -> None:
        self._folder = folder
        self._array_count = 0
        self._client = BlockingKernelClient()
        self._client.load_connection_file(str(connection_file))
        self._client.start_channels(stdin=False, hb=False)

    def close(self) -> None:
        """Disconnect from the kernel, which continues to run."""
        self._client.stop_channels()

    def do(self, code: str, *, timeout_s: float = REPLY_WITHIN_S) -> None:
        """Run code; an error in it fails the test."""
        self._ask(code, {}, timeout_s)

    def value(self, expression: str, *, timeout_s: float = REPLY_WITHIN_S) -> Any:
        """The value of an expression, which JSON must be able to represent."""
        asked = {"value": f"__import__('json').dumps({expression})"}
        answer = self._ask("", asked, timeout_s)["user_expressions"]["value"]
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def array(self, expression: str) -> NDArray[Any]:
        """The value of an expression that is an array."""
        self._array_count += 1
        path = self._folder / f"array_{id(self)}_{self._array_count}.npy"
        self.do(f"__import__('numpy').save({str(path)!r}, {expression})")
        array: NDArray[Any] = np.load(path)
        return array

    def _ask(self, code: str, expressions: dict[str, str], timeout_s: float) -> dict[str, Any]:
        asked = self._client.execute(
            code, silent=True, store_history=False, user_expressions=expressions
        )
        while True:
            reply = self._client.get_shell_msg(timeout=timeout_s)
            if reply["parent_header"].get("msg_id") == asked:
                break
        content: dict[str, Any] = reply["content"]
        if content["status"] == "aborted":
            # A kernel aborts the requests that are queued behind an interrupted cell.
            return self._ask(code, expressions, timeout_s)
        if content["status"] != "ok":
            trace = "\n".join(content.get("traceback", []))
            raise AssertionError(
                f"{code}\n{content.get('ename')}: {content.get('evalue')}\n{trace}"
            )
        return content

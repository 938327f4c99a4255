"""A kernel without a browser that runs cells and keeps all that it publishes."""

from __future__ import annotations

import ast
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from ..support.versions import environment_with

T = TypeVar("T")

PATIENCE_S = 30
EXIT_WITHIN_S = 5
# Names that the cells of these tests use.
BEGINNING = """
import pathlib, threading, time
import numpy as np
from grok_live_widget import GrokLive, PushToTalk, RehearsalServer, ServerVad
"""


@dataclass(frozen=True, slots=True)
class Published:
    """One message of the kernel's iopub channel."""

    kind: str
    parent: str
    content: dict[str, Any]
    buffers: list[bytes] = field(repr=False)
    sent_s: float
    """By the kernel's clock, which is this machine's."""

    @property
    def custom(self) -> dict[str, Any]:
        """The content of a widget's custom message."""
        content: dict[str, Any] = self.content["data"]["content"]
        return content


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution."""

    kernel: Kernel
    execution: str

    @property
    def has_ended(self) -> bool:
        idle = {"execution_state": "idle"}
        return any(each.content == idle for each in self._published("status"))

    @property
    def output(self) -> str:
        return "".join(each.content["text"] for each in self._published("stream"))

    @property
    def comm_id(self) -> str:
        """The comm of the widget that this cell has made."""
        opened = self._published("comm_open")
        made = [
            each.content["comm_id"]
            for each in opened
            if each.content["data"]["state"].get("_model_module") == "anywidget"
        ]
        assert len(made) == 1, "the cell makes one panel"
        return str(made[0])

    def _published(self, kind: str) -> list[Published]:
        return [each for each in self.kernel.published(kind) if each.parent == self.execution]

    def wait(self) -> dict[str, Any]:
        """Wait for its end; an error in it fails the test."""
        answer = self.wait_for_reply()
        if answer["status"] != "ok":
            trace = "\n".join(answer.get("traceback", []))
            raise AssertionError(f"{answer.get('ename')}: {answer.get('evalue')}\n{trace}")
        return answer

    def wait_for_reply(self) -> dict[str, Any]:
        reply = self.kernel.reply_to(self.execution)
        self.kernel.wait(lambda: self.has_ended, "the cell to end")
        return reply


class Kernel:
    """A kernel with these versions of libraries.

    Parameters
    ----------
    folder : Path
        Where it writes its files.
    requirements : str
        Such as ``"ipykernel==6.31.0"``.
    **variables : str
        Environment variables to be added.
    """

    def __init__(self, folder: Path, *requirements: str, **variables: str) -> None:
        self.folder = folder
        self._published: list[Published] = []
        self._news = threading.Condition()
        self._is_open = True
        self._stop_count = 0
        environment = environment_with(
            *requirements,
            IPYTHONDIR=str(folder),
            PYDEVD_DISABLE_FILE_VALIDATION="1",
            **variables,
        )
        key = b"between the kernel and these tests"
        # A TCP port that is free now may be taken by another test before the kernel listens there.
        # The path of a socket may have 107 characters, which those of `folder` may exceed.
        self._sockets = tempfile.TemporaryDirectory(prefix="kernel_")
        self._address = f"{self._sockets.name}/socket"
        path, ports = write_connection_file(
            str(folder / "kernel.json"), transport="ipc", ip=self._address, key=key
        )
        with (folder / "kernel.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ipykernel_launcher", "-f", path],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.session = Session(key=key)
        self._context = zmq.Context()
        self._shell = self._connected(zmq.DEALER, ports["shell_port"])
        self._control = self._connected(zmq.DEALER, ports["control_port"])
        self._iopub = self._connected(zmq.SUB, ports["iopub_port"])
        self._reader = threading.Thread(target=self._read, name="iopub")
        self._reader.start()
        try:
            self._wait_until_ready()
            self.run(BEGINNING)
        except BaseException:
            self.close()
            raise

    def _connected(self, kind: int, port: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        if kind == zmq.SUB:
            socket.subscribe(b"")
        else:
            socket.identity = self.session.bsession
        socket.connect(f"ipc://{self._address}-{port}")
        return socket

    def _wait_until_ready(self) -> None:
        """Wait until it replies, and what it publishes arrives here."""

        def answers() -> bool:
            assert self._process.poll() is None, (self.folder / "kernel.log").read_text()
            self.session.send(self._shell, "kernel_info_request")
            return bool(self._shell.poll(200)) and bool(self._published)

        self.wait(answers, "the kernel to answer")

    def close(self) -> None:
        """Shut the kernel down; kill it if it does not exit by itself."""
        # Measured coverage is written when the process exits.
        self.session.send(self._control, "shutdown_request", {"restart": False})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_WITHIN_S)
        self._process.kill()
        self._process.wait()
        self._is_open = False
        self._reader.join()
        self._context.destroy()
        self._sockets.cleanup()

    # ----------------------------------------------------------------- published messages
    def _read(self) -> None:
        while self._is_open:
            if not self._iopub.poll(100):
                continue
            _, message = self.session.recv(self._iopub, 0)
            published = Published(
                message["msg_type"],
                message["parent_header"].get("msg_id", ""),
                message["content"],
                [bytes(each) for each in message["buffers"]],
                message["header"]["date"].timestamp(),
            )
            with self._news:
                self._published.append(published)
                self._news.notify_all()

    def published(self, kind: str = "", since: int = 0) -> list[Published]:
        with self._news:
            found = self._published[since:]
        return [each for each in found if kind in ("", each.kind)]

    @property
    def position(self) -> int:
        """How many messages it has published so far."""
        return len(self._published)

    def wait(self, condition: Callable[[], T], what: str = "", timeout_s: float = PATIENCE_S) -> T:
        """Call `condition` after each message until it is true; returns its value."""
        deadline_s = time.monotonic() + timeout_s
        while not (answer := condition()):
            if time.monotonic() > deadline_s:
                raise AssertionError(f"waited {timeout_s:g} s for {what or condition}")
            with self._news:
                self._news.wait(0.05)
        return answer

    # ----------------------------------------------------------------- requests
    def begin(self, code: str, cell: str = "") -> Cell:
        """Begin to run code as the cell of this name."""
        return self._execute(code, cell)

    def run(self, code: str, cell: str = "") -> Cell:
        """Run code to its end; an error in it fails the test."""
        running = self._execute(code, cell)
        running.wait()
        return running

    def value(self, expression: str) -> Any:
        """The value of an expression, which must be serializable as JSON."""
        asked = {"value": f"__import__('json').dumps({expression})"}
        answer = self._execute("", "", asked).wait()["user_expressions"]["value"]
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def _execute(self, code: str, cell: str, expressions: dict[str, str] | None = None) -> Cell:
        content = {
            "code": code,
            "silent": not code,
            "store_history": False,
            "user_expressions": expressions or {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = self.session.msg("execute_request", content)
        if cell:
            message["metadata"]["cellId"] = cell
        self.send(message)
        return Cell(self, message["header"]["msg_id"])

    def send(self, message: dict[str, Any]) -> None:
        """Send on the shell channel."""
        self.session.send(self._shell, message)

    def reply_to(self, request: str) -> dict[str, Any]:
        """The content of the reply on the shell channel."""
        return self._reply_on(self._shell, request)

    def _reply_on(self, channel: zmq.Socket[bytes], request: str) -> dict[str, Any]:
        while channel.poll(PATIENCE_S * 1000):
            _, reply = self.session.recv(channel, 0)
            if reply["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = reply["content"]
                return content
        raise AssertionError(f"waited {PATIENCE_S} s for a reply of the kernel")

    @contextlib.contextmanager
    def blocked(self, *, by_counting: bool = False) -> Iterator[Cell]:
        """Run a cell that sleeps, or counts, until the block is left."""
        self._stop_count += 1
        stop = self.folder / f"stop_{self._stop_count}"
        step = "count += 1" if by_counting else "time.sleep(0.02)"
        cell = self.begin(
            f"stop, count = pathlib.Path({str(stop)!r}), 0\n"
            f"print('running')\nwhile not stop.exists():\n    {step}"
        )
        self.wait(lambda: cell.output, "the cell to run")
        try:
            yield cell
        finally:
            stop.touch()
            cell.wait()

    def interrupt(self) -> None:
        """Interrupt, like a notebook's stop button."""
        self._process.send_signal(signal.SIGINT)

    # ----------------------------------------------------------------- subshells
    def new_subshell(self) -> str:
        """Create a subshell, as JupyterLab does; ipykernel 7 has them."""
        return str(self._ask_control("create_subshell_request", {})["subshell_id"])

    def end_subshell(self, subshell: str) -> None:
        """Delete a subshell."""
        self._ask_control("delete_subshell_request", {"subshell_id": subshell})

    def _ask_control(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        request = self.session.send(self._control, kind, content)
        answer = self._reply_on(self._control, request["header"]["msg_id"])
        assert answer["status"] == "ok"
        return answer

"""Servers in processes of their own, which do not touch the user's settings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from ..support.waiting import wait_until

START_WITHIN_S = 60
END_WITHIN_S = 15

PLACES = {
    "HOME": "home",
    "IPYTHONDIR": "ipython",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "XDG_CONFIG_HOME": "config",
    "XDG_STATE_HOME": "state",
}


def own_environment(folder: Path) -> dict[str, str]:
    """Environment variables with which a program neither reads nor writes the user's settings."""
    # The back end of matplotlib that the tests use is not for notebooks, and the connection is
    # where users have it.
    left_out = ("XAI_API_KEY", "MPLBACKEND", "GROK_LIVE_ISOLATION")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {name: str(folder / place) for name, place in PLACES.items()}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Program:
    """A server in a process of its own, which writes a log.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        Its current folder; everything that it writes is below it.
    ask : callable
        Raises `OSError` while it does not answer.
    name : str
        What messages call it.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        ask: Callable[[], object],
        *,
        name: str,
    ) -> None:
        self.folder = folder
        self._name, self._ask = name, ask
        self._log_path = folder / "program.log"
        self._log = self._log_path.open("wb")
        self._process = subprocess.Popen(
            command,
            env=own_environment(folder),
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        try:
            wait_until(self._answers, timeout_s=START_WITHIN_S, what=f"{self._name} to answer")
        except BaseException as failure:
            failure.add_note(self.log())
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def log(self) -> str:
        """The end of what it has written."""
        return self._log_path.read_text(errors="replace")[-3000:]

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"{self._name} exited at once")
        try:
            self._ask()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End it together with the processes that it has started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()


def fetch(url: str) -> None:
    """Raise `OSError` unless a page is served at this address."""
    urllib.request.urlopen(url, timeout=30).close()

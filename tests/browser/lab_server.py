"""A separate JupyterLab, which does not touch the user's settings, kernels or workspaces."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..support.notebooks import new_notebook, write_notebook
from .programs import PLACES, Program, free_port

LOCALHOST = "127.0.0.1"

INSECURE_HOST = "notebook.test"
"""A name of this machine whose pages are not secure for a browser, unlike those of 127.0.0.1."""


class LabServer(Program):
    """JupyterLab, or Notebook 7, on a free port, with a root folder for generated notebooks.

    Parameters
    ----------
    folder : Path
        Everything that it reads and writes is below this folder.
    application : {"lab", "notebook"}
    options : sequence of str
        Further ones of its command.
    headers : dict of str to str or None
        Of its pages.
    """

    def __init__(
        self,
        folder: Path,
        application: str = "lab",
        options: Sequence[str] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.application = application
        self.folder = folder
        self._headers = headers or {}
        self.root = folder / "notebooks"
        self.root.mkdir(parents=True)
        self._write_settings()
        self.token = secrets.token_hex(16)
        self.port = free_port()
        command = [sys.executable, "-m", "jupyter", application, *self._options(), *options]
        super().__init__(command, folder, self._ask_status, name="JupyterLab")

    # ----------------------------------------------------------------- start
    def _options(self) -> list[str]:
        return [
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--ServerApp.local_hostnames=localhost",
            f"--ServerApp.local_hostnames={INSECURE_HOST}",
            "--LabApp.news_url=None",
            f"--ServerApp.tornado_settings={self._tornado_settings()}",
            # A tenth of the default, so that little output is enough to exceed it.
            "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=100000",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]

    def _tornado_settings(self) -> dict[str, Any]:
        # Otherwise each page load starts Node, to check whether a build is needed.
        settings: dict[str, Any] = {"page_config_data": {"buildCheck": False}}
        return settings | ({"headers": self._headers} if self._headers else {})

    def _write_settings(self) -> None:
        """Let JupyterLab save the state of widgets, which tests inspect, and show no prompts."""
        folder = self.folder / PLACES["JUPYTERLAB_SETTINGS_DIR"]
        for place, settings in _SETTINGS.items():
            file = folder / f"{place}.jupyterlab-settings"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(settings))

    @property
    def runtime_dir(self) -> Path:
        return self.folder / PLACES["JUPYTER_RUNTIME_DIR"]

    @property
    def data_dir(self) -> Path:
        return self.folder / PLACES["JUPYTER_DATA_DIR"]

    # ----------------------------------------------------------------- requests
    def _ask_status(self) -> None:
        self.request("GET", "/api/status")

    def request(self, method: str, path: str, content: Any = None) -> Any:
        """Send a request to its REST interface."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Write a notebook of code cells; returns its path below the root."""
        write_notebook(new_notebook(cells), self.root / f"{name}.ipynb")
        return f"{name}.ipynb"

    def begin_kernel(self, path: str, kernel_name: str = "python3") -> tuple[str, str]:
        """Start the kernel of a notebook; returns the ids of its session and of itself."""
        session = self.request(
            "POST",
            "/api/sessions",
            {"path": path, "name": path, "type": "notebook", "kernel": {"name": kernel_name}},
        )
        return session["id"], session["kernel"]["id"]

    def end_session(self, session_id: str) -> None:
        """Shut down a notebook's kernel, unless a test has done so."""
        with contextlib.suppress(urllib.error.HTTPError):
            self.request("DELETE", f"/api/sessions/{session_id}")

    def page_url(self, path: str, workspace: str, host: str = LOCALHOST) -> str:
        """The address of a notebook in its own workspace, in which no other notebook is open."""
        place = f"lab/workspaces/{path.removesuffix('.ipynb')}_{workspace}/tree/{path}"
        if self.application == "notebook":
            place = f"notebooks/{path}"
        return self.url(place, host)

    def url(self, place: str, host: str = LOCALHOST) -> str:
        """The address of a page."""
        return f"http://{host}:{self.port}/{place}?token={self.token}"


_SETTINGS = {
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},
}

"""A JupyterHub with one user, behind its own proxy and below a path of its own."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from ..support.hosts import WITH_NODE, host_program
from ..support.notebooks import new_notebook, write_notebook
from ..support.waiting import wait_until
from .browsers import LOAD_WITHIN_MS
from .programs import PLACES, Program, fetch, free_port

BASE_URL = "/lab-hub/"
# On a busy machine more than JupyterHub's 30 s.
SPAWN_WITHIN_S = 120
USER, PASSWORD = "ada", "a password of the tests"

_CONFIGURATION = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{base_url}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.db_url = "sqlite://"
c.ConfigurableHTTPProxy.command = {proxy}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allowed_users = {{{user!r}}}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = {start_within_s}
c.Spawner.cmd = {command}
c.Spawner.notebook_dir = {root!r}
c.Spawner.environment = {environment}
c.Spawner.args = {arguments}
"""


class HubServer(Program):
    """The hub, its proxy (configurable-http-proxy) and, once the user logs in, a JupyterLab.

    Parameters
    ----------
    folder : Path
        Everything that it reads and writes is below this folder.
    headers : dict of str to str
        What the user's server adds to each of its answers.
    """

    def __init__(self, folder: Path, headers: dict[str, str]) -> None:
        proxy = host_program("configurable-http-proxy", "node_modules/.bin")
        self.folder, self.root = folder, folder / "notebooks"
        self.root.mkdir()
        port = free_port()
        self.address = f"http://127.0.0.1:{port}{BASE_URL}"
        configuration = folder / "jupyterhub_config.py"
        configuration.write_text(
            _CONFIGURATION.format(
                port=port,
                start_within_s=SPAWN_WITHIN_S,
                hub_port=free_port(),
                api_port=free_port(),
                base_url=BASE_URL,
                proxy=[WITH_NODE, proxy],
                user=USER,
                password=PASSWORD,
                home=str(folder / PLACES["HOME"]),
                command=[host_program("jupyterhub-singleuser")],
                root=str(self.root),
                environment={name: str(folder / place) for name, place in PLACES.items()},
                arguments=[
                    "--allow-root",
                    "--LabApp.expose_app_in_browser=True",
                    "--LabApp.news_url=None",
                    f"--ServerApp.tornado_settings={{'headers': {headers}}}",
                ],
            )
        )
        command = [host_program("jupyterhub"), "-f", str(configuration)]
        super().__init__(
            command, folder, lambda: fetch(f"{self.address}hub/health"), name="JupyterHub"
        )

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Write a notebook of code cells; returns its path below the root."""
        notebook = new_notebook(cells)
        # Otherwise JupyterLab asks which kernel it is for.
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        write_notebook(notebook, self.root / f"{name}.ipynb")
        return f"{name}.ipynb"

    def log_in(self, page: Page, path: str) -> None:
        """Log in as the user, whose server is started, and open a notebook."""
        place = f"user/{USER}/lab/tree/{path}"
        page.goto(f"{self.address}hub/spawn?next={BASE_URL}{place}", timeout=LOAD_WITHIN_MS)
        page.get_by_label("Username:").fill(USER)
        page.get_by_label("Password:").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.address}{place}*", timeout=1000 * SPAWN_WITHIN_S)

    def connection_file(self, page: Page) -> Path:
        """That of the one kernel, which the page starts."""
        folder = self.folder / PLACES["JUPYTER_RUNTIME_DIR"]
        return wait_until(
            lambda: next(folder.glob("kernel-*.json"), None),
            timeout_s=LOAD_WITHIN_MS / 1000,
            what="a kernel",
            pause=lambda: page.wait_for_timeout(100),
        )

"""Firefox, driven over WebDriver BiDi, and the loudspeaker and microphone that it has in tests.

Playwright drives only a Firefox of its own. That of the system has an endpoint of the standard
https://www.w3.org/TR/webdriver-bidi/, whose messages are JSON over one WebSocket.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import connect

from ..support.waiting import wait_until
from .speech import write_wav

__all__ = ["RATE_HZ", "Firefox", "PulseAudio", "missing_programs"]

RATE_HZ = 48_000
START_WITHIN_S = 60
ANSWER_WITHIN_S = 60
PAUSE_S = 0.1

HERE = Path(__file__).parent
_FIREFOX = ("firefox-esr", "firefox")

# The microphone is allowed without a prompt; as for users, a click must start the sound.
_PREFERENCES = {
    "media.navigator.permission.disabled": True,
    # Long blocks, since a busy machine loses short ones.
    "media.cubeb_latency_mtg_frames": 4096,
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9",
    "toolkit.telemetry.enabled": False,
}


def missing_programs() -> str:
    """Which programs are to be installed before Firefox can talk here; empty: none."""
    missing = [
        name for name in ("pulseaudio", "pactl", "paplay", "parec") if not shutil.which(name)
    ]
    missing += [] if any(map(shutil.which, _FIREFOX)) else ["firefox-esr"]
    return ", ".join(missing)


class PulseAudio:
    """A sound server with one loudspeaker and one microphone, both of 48 kHz.

    Firefox needs an output device: without one its AudioContext never runs. What it plays can be
    recorded, and what is said to it comes from files.

    Parameters
    ----------
    folder : Path
        For its settings, and for the sounds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The path of a socket may have 107 characters, which those of `folder` may exceed.
        self._runtime = tempfile.TemporaryDirectory(prefix="pulse_")
        own = {"HOME": str(folder), "XDG_RUNTIME_DIR": self._runtime.name}
        own["PULSE_RUNTIME_PATH"] = f"{self._runtime.name}/pulse"
        left_out = ("PULSE_SERVER", "DBUS_SESSION_BUS_ADDRESS")
        self.environment = {k: v for k, v in os.environ.items() if k not in left_out} | own
        null_sink = f"module-null-sink rate={RATE_HZ} channels=1"
        modules = (
            "module-native-protocol-unix",
            f"{null_sink} sink_name=loudspeaker",
            f"{null_sink} sink_name=said",
            # A monitor is no microphone for browsers, so it is given the name of one.
            "module-remap-source master=said.monitor source_name=microphone",
        )
        loads = [f"--load={module}" for module in modules]
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm"]
        self._log = (folder / "pulseaudio.log").open("wb")
        self._process = self._begin("pulseaudio", *options, *loads)

    def __enter__(self) -> PulseAudio:
        try:
            wait_until(self._answers, timeout_s=START_WITHIN_S, what="PulseAudio to answer")
            for device in ("sink loudspeaker", "source microphone"):
                self._run("pactl", f"set-default-{device.split()[0]}", device.split()[1])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        _end(self._process)
        self._log.close()
        self._runtime.cleanup()

    def _begin(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        options = {"stdout": self._log, "stderr": self._log} | options
        return subprocess.Popen(command, env=self.environment, **options)

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True, stdout=self._log, timeout=60)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "pulseaudio.log").read_text()
        asked = self._begin("pactl", "list", "short", "sources", stdout=subprocess.PIPE)
        return b"microphone" in asked.communicate(timeout=30)[0]

    def say(self, samples: NDArray[np.float64], rate_hz: int) -> None:
        """Play a sound into the microphone, to its end."""
        write_wav(self._folder / "said.wav", samples, rate_hz)
        self._run("paplay", "--device=said", str(self._folder / "said.wav"))

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[NDArray[np.float64]]]:
        """Record the loudspeaker; the list has the sound after the block."""
        heard: list[NDArray[np.float64]] = []
        path = self._folder / "heard.raw"
        form = ["--raw", "--format=float32le", f"--rate={RATE_HZ}", "--channels=1"]
        with path.open("wb") as file:
            recorder = self._begin("parec", "--device=loudspeaker.monitor", *form, stdout=file)
            try:
                wait_until(lambda: path.stat().st_size, timeout_s=30, what="the recorder")
                yield heard
            finally:
                _end(recorder)
        sound = np.fromfile(path, "<f4", count=path.stat().st_size // 4)
        heard.append(sound.astype(np.float64))


class Firefox:
    """One page of Firefox, without a window.

    Parameters
    ----------
    folder : Path
        For its profile.
    environment : dict
        That of a sound server.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        profile = folder / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(
            "".join(
                f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in _PREFERENCES.items()
            )
        )
        program = next(filter(None, map(shutil.which, _FIREFOX)))
        options = ["--headless", "--no-remote", "--remote-debugging-port=0"]
        self._log = folder / "firefox.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, *options, "--profile", str(profile)],
                env=environment | {"MOZ_CRASHREPORTER_DISABLE": "1"},
                stdout=log,
                stderr=log,
            )
        self._stack = contextlib.ExitStack()
        self._stack.callback(_end, self._process)
        self._count = 0
        self.errors: list[str] = []

    def __enter__(self) -> Firefox:
        try:
            address = wait_until(self._address, timeout_s=START_WITHIN_S, what="Firefox")
            opening = connect(f"{address}/session", max_size=None, proxy=None)
            self._socket = self._stack.enter_context(opening)
            self.do("session.new", capabilities={})
            self.do("session.subscribe", events=["log.entryAdded"])
            [page] = self.do("browsingContext.getTree", maxDepth=0)["contexts"]
            self._page = page["context"]
            seams = f"() => {{ {(HERE / 'seams.js').read_text()} }}"
            self.do("script.addPreloadScript", functionDeclaration=seams)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _address(self) -> str:
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        _, found, rest = self._log.read_text(errors="replace").partition("BiDi listening on ")
        return rest.splitlines()[0] if found and "\n" in rest else ""

    def do(self, method: str, **params: Any) -> Any:
        """Send a command of WebDriver BiDi, and return its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(ANSWER_WITHIN_S))
            if answer.get("method") == "log.entryAdded":
                self._keep_error(answer["params"])
            if answer.get("id") == self._count:
                break
        assert answer["type"] == "success", f"{method}: {answer}"
        return answer["result"]

    def _keep_error(self, entry: dict[str, Any]) -> None:
        """What the page threw, and nobody caught; what it wrote to its console is no error."""
        if entry["type"] == "javascript" and entry["level"] == "error":
            self.errors.append(entry["text"])

    @property
    def version(self) -> str:
        return str(self.evaluate("() => navigator.userAgent").rpartition("/")[2])

    def goto(self, url: str) -> None:
        self.do("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def set_viewport(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self.do("browsingContext.setViewport", context=self._page, viewport=size)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Call a JavaScript function with a value that JSON can represent, and await its result."""
        called = f"async () => JSON.stringify(await ({script})({json.dumps(argument)}) ?? null)"
        answer = self.do(
            "script.callFunction",
            functionDeclaration=called,
            awaitPromise=True,
            target={"context": self._page},
        )
        assert answer["type"] == "success", f"{script}: {answer}"
        return json.loads(answer["result"]["value"])

    def until(self, script: str, argument: Any = None, *, timeout_s: float = 30, what: str) -> Any:
        """Wait until a JavaScript function returns something true."""
        return wait_until(
            lambda: self.evaluate(script, argument),
            timeout_s=timeout_s,
            what=what,
            pause=lambda: time.sleep(PAUSE_S),
        )

    def click(self, selector: str) -> None:
        """Click the middle of an element as a user does, so that the browser counts the click."""
        x, y = self.evaluate(
            """(selector) => {
              const element = document.querySelector(selector);
              element.scrollIntoView({ block: 'nearest' });
              const { x, y, width, height } = element.getBoundingClientRect();
              return [Math.round(x + width / 2), Math.round(y + height / 2)];
            }""",
            selector,
        )
        move = {"type": "pointerMove", "x": x, "y": y}
        press = [{"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")]
        self._perform({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    def type(self, text: str) -> None:
        """Press the keys of a text, where the focus is."""
        keys = [{"type": f"key{way}", "value": key} for key in text for way in ("Down", "Up")]
        self._perform({"type": "key", "id": "keyboard", "actions": keys})

    def _perform(self, actions: dict[str, Any]) -> None:
        self.do("input.performActions", context=self._page, actions=[actions])

    def screenshot(self, path: Path) -> None:
        answer = self.do("browsingContext.captureScreenshot", context=self._page)
        path.write_bytes(base64.b64decode(answer["data"]))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

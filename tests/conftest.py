"""Fixtures for all tests, and the order in which tests run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from websockets.asyncio.server import Server, serve

from grok_live_widget._threads import LoopThread
from grok_live_widget.audio import Resampler, pcm_from_samples, read_audio, samples_from_pcm

from .support.sound import RATE_HZ

HERE = Path(__file__).parent

# Set before any test module is imported: a key in the environment must never connect a test to
# the paid service, and plots must not need a display.
os.environ.pop("XAI_API_KEY", None)
os.environ["MPLBACKEND"] = "agg"
# Where the connection of a talk is, unless a test chooses; `make test-all` runs tests of talks
# again with "process".
os.environ.setdefault("GROK_LIVE_ISOLATION", "thread")

# A shell that starts the tests in the background makes them, and so the processes that they
# interrupt, ignore SIGINT.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# On a busy machine examples take long for reasons that are not those of the tests.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests marked so with the connection in a thread, and in a process."""
    if metafunc.definition.get_closest_marker("both_isolations"):
        metafunc.fixturenames.append("isolation")
        metafunc.parametrize("isolation", ["thread", "process"], indirect=True)


@pytest.fixture
def isolation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the connections of the test's talks are."""
    monkeypatch.setenv("GROK_LIVE_ISOLATION", request.param)
    kind: str = request.param
    return kind


@pytest.fixture
def in_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look into the session, which they cannot where it is in another process."""
    monkeypatch.setenv("GROK_LIVE_ISOLATION", "thread")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `browser`, and run folders and tests that take long last.

    Tests of `peers` carry that mark themselves, because some of them are part of `make test`.
    """
    late = {"browser", "peers"}
    for item in items:
        if folder_of(item) == "browser":
            item.add_marker("browser")
    items.sort(key=lambda item: folder_of(item) in late or bool(item.get_closest_marker("slow")))


def folder_of(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]


# --------------------------------------------------------------------------- sound
@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., np.ndarray]:
    """`speech(text, voice="rms") -> int16 [shape=(n,)]` at 24 kHz, clear and natural."""
    if not shutil.which("flite"):
        pytest.skip("flite is not installed")
    folder = tmp_path_factory.mktemp("speech")
    spoken: dict[tuple[str, str], np.ndarray] = {}

    def speak(text: str, voice: str = "rms") -> np.ndarray:
        if (text, voice) not in spoken:
            path = folder / f"{len(spoken)}.wav"
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
            pcm, rate_hz = read_audio(path)
            resampler = Resampler(rate_hz, RATE_HZ)
            samples = resampler.push(samples_from_pcm(pcm), is_last=True)
            spoken[text, voice] = pcm_from_samples(samples)
        return spoken[text, voice]

    return speak


@pytest.fixture(scope="session")
def silence() -> Callable[[float], np.ndarray]:
    """`silence(duration_s) -> int16 [shape=(n,)]`."""
    return lambda duration_s: np.zeros(round(duration_s * RATE_HZ), np.int16)


@pytest.fixture(scope="session")
def question(speech: Any, silence: Any) -> np.ndarray:
    """One spoken sentence with a little silence before it; int16 at 24 kHz."""
    return np.concatenate((silence(0.5), speech("Hello there, what is your name?")))


# --------------------------------------------------------------------------- servers
class Peer:
    """A WebSocket server with the handler of a test, on a thread of its own."""

    def __init__(self, handler: Any, **options: Any) -> None:
        self._thread = LoopThread("test-peer")
        self._server: Server = self._thread.run(self._open(handler, options))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/v1/realtime"

    async def _open(self, handler: Any, options: dict[str, Any]) -> Server:
        return await serve(handler, "127.0.0.1", 0, compression=None, close_timeout=0.5, **options)

    def close(self) -> None:
        self._thread.run(self._close())
        self._thread.close()

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """`peer(async_handler, **options_of_serve) -> Peer`, which is closed after the test."""
    peers: list[Peer] = []

    def start(handler: Any, **options: Any) -> Peer:
        peers.append(Peer(handler, **options))
        return peers[-1]

    yield start
    for each in peers:
        each.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA's certificate, and a certificate of localhost that it has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    folder = tmp_path_factory.mktemp("authority")

    def openssl(command: str, *more: str) -> None:
        words = ["openssl", *command.split(), *more]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text(
        "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    new = "req -newkey rsa:2048 -nodes"
    openssl(
        f"{new} -x509 -days 2 -keyout ca.key -out ca.pem",
        *("-subj", "/CN=A company", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    openssl(f"{new} -keyout server.key -out server.csr", "-subj", "/CN=localhost")
    openssl(
        "x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
        "-out server.pem -extfile names"
    )
    return folder

"""A sound system without hardware: PulseAudio with one loudspeaker, which one microphone hears."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import pytest

from ..support.waiting import wait_until

MICROPHONE = "desk"
LOUDSPEAKER = "room"

_COMMANDS = (
    "load-module module-native-protocol-unix",
    f"load-module module-null-sink sink_name={LOUDSPEAKER} rate=48000",
    # Chromium hides the monitors of loudspeakers.
    f"load-module module-remap-source master={LOUDSPEAKER}.monitor source_name={MICROPHONE} "
    "source_properties=device.description=Desk",
    f"set-default-source {MICROPHONE}",
)


class SoundSystem:
    """PulseAudio for one browser, below a folder of its own."""

    def __init__(self) -> None:
        if shutil.which("pulseaudio") is None:
            pytest.skip("PulseAudio is not installed")
        # The path of a socket is short.
        self._folder = Path(tempfile.mkdtemp(prefix="pulse_"))
        script = self._folder / "start.pa"
        script.write_text("\n".join(_COMMANDS))
        self.environment = {
            "XDG_RUNTIME_DIR": str(self._folder),
            "PULSE_RUNTIME_PATH": str(self._folder / "pulse"),
        }
        options = [
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--disable-shm",
            "-F",
            str(script),
        ]
        self._process = subprocess.Popen(
            ["pulseaudio", *options],
            env=os.environ | self.environment | {"HOME": str(self._folder)},
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        wait_until(
            lambda: MICROPHONE in self._control("list", "short", "sources"),
            timeout_s=30,
            what="PulseAudio",
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def mute(self, is_muted: bool) -> None:
        """Mute the microphone, as a key of the computer does."""
        self._control("set-source-mute", MICROPHONE, str(int(is_muted)))

    def set_volume(self, percent: int) -> None:
        """How loud the loudspeaker is."""
        self._control("set-sink-volume", LOUDSPEAKER, f"{percent}%")

    def unplug(self) -> None:
        """Take away the microphone, and the device that it is part of."""
        self._control("unload-module", "module-remap-source")
        self._control("unload-module", "module-null-sink")

    def _control(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments],
            env=os.environ | self.environment | {"HOME": str(self._folder)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

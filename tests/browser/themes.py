"""The light and the dark theme of JupyterLab."""

from __future__ import annotations

import pytest

__all__ = ["LIGHT_AND_DARK", "THEMES"]

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# The behaviour is that of the light theme; the pictures of both are looked at before a release.
LIGHT_AND_DARK = pytest.mark.parametrize(
    "theme", ["light", pytest.param("dark", marks=pytest.mark.slow)]
)

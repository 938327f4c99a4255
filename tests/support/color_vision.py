"""How different colours look to people who see colours otherwise.

Sources: Machado, G. M., Oliveira, M. M., & Fernandes, L. A. F. (2009). A physiologically-based
model for simulation of color vision deficiency. IEEE TVCG 15(6), table of severity 1.0; CIE
15:2004 for L*a*b* (D65); WCAG 2.2 for contrast.
"""

from __future__ import annotations

import numpy as np

VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Linear sRGB to CIE XYZ.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color: str) -> np.ndarray:
    """``"#rrggbb"`` as linear light."""
    coded = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(color: str, vision: str = "normal") -> np.ndarray:
    """L*, a* and b* of a colour as it is seen."""
    seen = np.clip(VISIONS[vision] @ linear(color), 0, 1)
    ratios = (_XYZ @ seen) / _XYZ.sum(axis=1)
    cubes = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    x, y, z = cubes
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: str, other: str, vision: str) -> float:
    """The distance in CIELAB (1976); about 2.3 is just noticeable."""
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


def contrast(one: str, other: str) -> float:
    """The ratio of luminances, from 1 to 21."""
    low, high = sorted(float(_XYZ[1] @ linear(each)) + 0.05 for each in (one, other))
    return high / low

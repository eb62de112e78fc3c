"""Colours for people and for points of the body's surface."""

from __future__ import annotations

import colorsys

import numpy as np

# Light colours that differ in hue and read well on photographs when they are shaded.
_PEOPLE = np.array([[166, 196, 232], [242, 190, 148], [172, 216, 170], [214, 178, 226], [240, 222, 150],
                    [150, 214, 214], [240, 170, 180], [200, 200, 200]]) / 255.0

_HUES_ACROSS = 1.6  # turns of the colour wheel from v = 0 to v = 1
_WHEEL = np.array([colorsys.hsv_to_rgb(hue, 0.85, 1.0) for hue in np.linspace(0, 1, 361)])


def person_colour(index: int) -> np.ndarray:
    """(3,) RGB in [0, 1] of the person with this number; colours repeat after eight."""
    return _PEOPLE[index % len(_PEOPLE)]


def uv_colours(uv: np.ndarray) -> np.ndarray:
    """Colours of atlas coordinates: hue turns with v, brightness falls from the chart's middle column to its edges.

    Args:
        uv: (..., 2) in [0, 1].
    Returns:
        (..., 3) RGB in [0, 1].
    """
    u, v = np.clip(np.moveaxis(np.asarray(uv, dtype=float), -1, 0), 0.0, 1.0)
    hue = v * _HUES_ACROSS % 1.0
    brightness = 1.0 - 0.55 * np.abs(2.0 * u - 1.0)
    return _WHEEL[np.rint(hue * 360).astype(int)] * brightness[..., None]

"""Axes of exported files: x to the right, y up, z towards the viewer, metres, with the camera at the origin.

That is the camera frame turned half around x, so that people stand upright and face the viewer as in the photo.
"""

from __future__ import annotations

import numpy as np

# Turns exported axes into camera axes (y down, z forward) and back: it is its own inverse.
CAMERA_FROM_FILE = np.diag([1.0, -1.0, -1.0])

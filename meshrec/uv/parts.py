"""Names, sides and mirror images of the 24 DensePose parts."""

from __future__ import annotations

import numpy as np

PART_COUNT = 24
PART_NAMES = (
    "background",
    "torso back",
    "torso front",
    "right hand",
    "left hand",
    "left foot",
    "right foot",
    "right upper leg back",
    "left upper leg back",
    "right upper leg front",
    "left upper leg front",
    "right lower leg back",
    "left lower leg back",
    "right lower leg front",
    "left lower leg front",
    "left upper arm front",
    "right upper arm front",
    "left upper arm back",
    "right upper arm back",
    "left lower arm front",
    "right lower arm front",
    "left lower arm back",
    "right lower arm back",
    "head right",
    "head left",
)
# Part of the mirrored body at the mirrored place, 0 (background) to 24.
MIRROR_PART = np.array([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23])
MIRROR_PART.setflags(write=False)

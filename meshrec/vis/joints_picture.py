"""2D joints drawn over a photograph: bones and dots, the person's left and right in different colours."""

from __future__ import annotations

import cv2
import numpy as np

from meshrec.errors import InvalidInput
from meshrec.structures import JointSet

LEFT, RIGHT, MIDDLE = (60, 200, 255), (255, 150, 40), (255, 255, 255)
_OUTLINE = (0, 0, 0)
_SUBPIXEL_BITS = 4


def draw_joints(
    image: np.ndarray, joints_px: np.ndarray, confidence: np.ndarray, joint_set: JointSet, width_px: int = 2
) -> np.ndarray:
    """The picture with a person's joints: left ones blue, right ones orange, those in the middle white.

    Args:
        image: (H, W, 3) uint8 RGB.
        joints_px: (J, 2) continuous pixels.
        confidence: (J,) joints of 0 are left out, those below 1 are drawn hollow.
        joint_set: names and bones.
        width_px: of the bones.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: no such image, or other joints than the set has.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInput("A picture of joints needs the photo as a uint8 array of shape (height, width, 3).")
    if joints_px.shape != (len(joint_set), 2):
        raise InvalidInput(f"{joint_set.name} has {len(joint_set)} joints, got positions of shape {joints_px.shape}.")
    drawn = np.ascontiguousarray(image).copy()
    places = {name: _place(point) for name, point, known in zip(joint_set.names, joints_px, confidence) if known > 0}
    bones = [(first, second) for first, second in joint_set.bones if first in places and second in places]
    for colour_of, width in ((lambda *names: _OUTLINE, width_px + 2), (_colour, width_px)):
        for first, second in bones:
            cv2.line(drawn, places[first], places[second], colour_of(first, second), width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for name, place in places.items():
        radius = (width_px + 1) << _SUBPIXEL_BITS
        seen = confidence[joint_set.index(name)] >= 1
        cv2.circle(drawn, place, radius, _colour(name), cv2.FILLED if seen else 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return drawn


def _place(point: np.ndarray) -> tuple[int, int]:
    """A point as OpenCV takes it: in sixteenths of a pixel, whose centres it counts as integers."""
    limit = 2**15  # far outside of any picture, and still a number that it can draw to
    x, y = (min(max(float(value) - 0.5, -limit), limit) for value in point)
    return round(x * 2**_SUBPIXEL_BITS), round(y * 2**_SUBPIXEL_BITS)


def _colour(*names: str) -> tuple[int, int, int]:
    """That of the side which all names are on."""
    for side, colour in (("left_", LEFT), ("right_", RIGHT)):
        if all(name.startswith(side) for name in names):
            return colour
    return MIDDLE

"""Random views of a person: one square crop with its turn, mirror, light and blur, applied alike to all labels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.structures import BODY30

DRAWS = 11  # standard normal numbers that make a view
_SMALLEST_BOX_PX = 8.0
_MIRROR = list(BODY30.mirror)


@dataclass(frozen=True)
class CropView:
    """One crop of one image.

    Attributes:
        size: side of the crop in its own pixels.
        zoom: crop pixels per image pixel.
        affine: (2, 3) image pixels to crop pixels.
        turn_cam: (3, 3) what the crop does to points in the camera's axes: a turn about the optical axis, then
            perhaps a mirroring of x.
        mirror: whether left and right change places.
        gain, offset: of red, green and blue, (3,), and of brightness in 8-bit grey levels.
        blur_px: standard deviation of a blur in crop pixels, 0 for none.
    """

    size: int
    zoom: float
    affine: np.ndarray
    turn_cam: np.ndarray
    mirror: bool
    gain: np.ndarray
    offset: float = 0.0
    blur_px: float = 0.0

    @classmethod
    def of_box(
        cls,
        box_xywh_px: np.ndarray,
        size: int,
        draw: np.ndarray | None = None,
        enlargement: float = PERSON_CROP_ENLARGEMENT,
    ) -> CropView:
        """A view of the person in a box.

        Args:
            draw: (11,) standard normal numbers: scale, shift (2), turn, mirror, gain, offset, blur, colour (3). Zeros,
                or None, give the crop that reconstruction uses.
            enlargement: side of the crop, before it is scaled at random, over the larger side of the box.
        """
        draw = np.zeros(DRAWS) if draw is None else draw
        x, y, width, height = (float(value) for value in box_xywh_px)
        side = enlargement * max(width, height, _SMALLEST_BOX_PX) * np.exp(0.15 * draw[0])
        centre = np.array([x + width / 2, y + height / 2]) + 0.05 * side * draw[1:3]
        angle, mirror = np.deg2rad(14) * draw[3], bool(draw[4] > 0)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        turn[0] *= -1 if mirror else 1
        linear = size / side * turn[:2, :2]
        affine = np.hstack([linear, (np.array([size, size]) / 2 - linear @ centre)[:, None]])
        blur_px = 0.4 * draw[7] if draw[7] > 1 else 0.0
        gain = np.exp(0.2 * draw[5] + 0.1 * draw[8:])
        return cls(size, size / side, affine, turn, mirror, gain, 12 * draw[6], blur_px)

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """(size, size, 3) uint8 crop of an image (H, W, 3) uint8, with the view's light and blur."""
        # Where the crop shrinks the image, each of its pixels is a mean over several samples.
        fine = int(np.clip(np.floor(1 / self.zoom), 1, 8))
        crop = cv2.warpAffine(pixels, self._for_opencv(fine), (self.size * fine,) * 2, flags=cv2.INTER_LINEAR)
        if fine > 1:
            crop = cv2.resize(crop, (self.size, self.size), interpolation=cv2.INTER_AREA)
        crop = np.clip(crop * self.gain + self.offset, 0, 255)
        return (cv2.GaussianBlur(crop, (0, 0), self.blur_px) if self.blur_px else crop).astype(np.uint8)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """(size, size) float32, 0 or 1, of a mask (H, W)."""
        warped = cv2.warpAffine(
            mask.astype(np.uint8), self._for_opencv(), (self.size, self.size), flags=cv2.INTER_NEAREST
        )
        return warped.astype(np.float32)

    def points_crop(self, points_px: np.ndarray) -> np.ndarray:
        """(..., 2) image pixels to crop pixels."""
        return points_px @ self.affine[:, :2].T + self.affine[:, 2]

    def joints_ndc(self, joints_px: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints (30, 2) in the crop from -1 to 1, under their names there, and (30,) confidence, 0 outside."""
        joints = self.points_crop(joints_px) * 2 / self.size - 1
        confidence = confidence * (np.abs(joints) < 1).all(1)
        order = _MIRROR if self.mirror else slice(None)
        return joints[order].astype(np.float32), confidence[order].astype(np.float32)

    def joints_cam(self, joints_cam: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joints (30, 3) turned with the crop, under their names there, and (30,) their confidence."""
        order = _MIRROR if self.mirror else slice(None)
        return (joints_cam @ self.turn_cam.T)[order].astype(np.float32), confidence[order].astype(np.float32)

    def _for_opencv(self, fine: int = 1) -> np.ndarray:
        """The affine map between positions that count pixel centres as integers, to a crop of `fine` times the size."""
        shifted = self.affine * fine
        shifted[:, 2] += shifted[:, :2] @ [0.5, 0.5] - 0.5
        return shifted

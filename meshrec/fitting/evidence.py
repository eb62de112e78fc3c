"""What is known of people in images, for a body to be fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.errors import InvalidInput
from meshrec.structures import IuvMap, JointSet, PinholeCamera
from meshrec.structures.indexing import keep_axis

# A box around somebody's joints is this much smaller than the crop that people are usually cut out by.
_CROP_PER_BOX = 1.2


@dataclass(frozen=True)
class Evidence:
    """Joints of B people in their images, and optionally where else they are seen.

    For masks, IUV and parts the images should be crops around the people: outlines are compared to a fourteenth of the
    side, and every pixel is drawn.

    Attributes:
        joints_px: (B, J, 2) in the pixels of ``camera``; joints of confidence zero may hold anything, also NaN.
        confidence: (B, J) 0 to 1; 0 where a joint is not known.
        joint_set: names of the joints; those that the body lacks are left out.
        camera: of each person's image or crop.
        masks: (B, H, W) share of the person in every pixel of the camera's image, 0 to 1.
        iuv: continuous IUV of the same pixels, of the atlas that is given to the fitter.
        parts: (B, H, W) long, DensePose-style chart of every pixel, 0 at background.
    """

    joints_px: Tensor
    confidence: Tensor
    joint_set: JointSet
    camera: PinholeCamera
    masks: Tensor | None = None
    iuv: IuvMap | None = None
    parts: Tensor | None = None

    def __post_init__(self) -> None:
        height, width = self.camera.image_size
        images = {"masks": self.masks, "iuv": None if self.iuv is None else self.iuv.mask, "parts": self.parts}
        check_shapes(
            joints_px=(self.joints_px, f"B {len(self.joint_set)} 2"),
            confidence=(self.confidence, f"B {len(self.joint_set)}"),
            camera=(self.camera.focal_px, "B 2"),
            **{name: (value, f"B {height} {width}") for name, value in images.items() if value is not None},
        )
        if not bool((self.confidence >= 0).all()):
            raise InvalidInput("Confidences of joints must be numbers of at least 0, got a negative one or NaN.")
        unknown = ~self.joints_px.isfinite().all(-1) & (self.confidence > 0)
        if bool(unknown.any()):
            person, joint = unknown.nonzero()[0].tolist()
            raise InvalidInput(
                f"The {self.joint_set.names[joint]} of person {person} has confidence "
                f"{float(self.confidence[person, joint]):.2f} but no finite position; set its confidence to 0."
            )

    def __len__(self) -> int:
        return self.joints_px.shape[0]

    def __getitem__(self, index) -> Evidence:
        """The evidence of some people; an integer keeps the batch axis."""
        index = keep_axis(index)
        masks, iuv, parts = (None if value is None else value[index] for value in (self.masks, self.iuv, self.parts))
        return Evidence(
            self.joints_px[index], self.confidence[index], self.joint_set, self.camera[index], masks, iuv, parts
        )

    def to(self, *args, **kwargs) -> Evidence:
        values = (self.joints_px, self.confidence, self.joint_set, self.camera, self.masks, self.iuv)
        moved = (value.to(*args, **kwargs) if hasattr(value, "to") else value for value in values)
        # Chart numbers stay whole whatever type is asked for.
        parts = None if self.parts is None else self.parts.to(*args, **kwargs).long()
        return Evidence(*moved, parts)

    @property
    def person_px(self) -> Tensor:
        """(B,) size of each person: the side of a usual crop around the known joints, in pixels.

        It is the longer side of the image where fewer than two joints are known. Residuals are measured relative to it,
        so that a fit does not depend on the resolution of the image.
        """
        known = (self.confidence > 0)[..., None]
        low = torch.where(known, self.joints_px, torch.inf).amin(1)
        high = torch.where(known, self.joints_px, -torch.inf).amax(1)
        side = _CROP_PER_BOX * (high - low).amax(1)
        return torch.where((side > 0) & side.isfinite(), side, float(max(self.camera.image_size)))

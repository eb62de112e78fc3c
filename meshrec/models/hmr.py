"""Body parameters straight from a crop: backbone, reader of its features, iterative regressor (HMR, SPIN)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meshrec.body.model import BodyModel
from meshrec.checks import check_shapes
from meshrec.models.correspondence_net import IMAGE_MEAN, IMAGE_STD
from meshrec.models.iterative_regressor import BodyEstimate, IterativeRegressor
from meshrec.models.shared_perception import SharedPerception
from meshrec.structures import BodyParams, CropBodies, WeakPerspectiveCamera


@dataclass(frozen=True)
class HmrOutput:
    """What the net believes after each of its steps.

    Attributes:
        steps: one estimate per step; losses read the last one, the discriminators all of them.
        joints: (B, 30, 3) where the perception that a light HMR shares saw joints, see `CropBodies`.
    """

    steps: tuple[BodyEstimate, ...]
    joints: Tensor | None = None

    @property
    def params(self) -> BodyParams:
        """Shape and pose of the last step, in camera axes."""
        return self.steps[-1].params

    @property
    def camera(self) -> WeakPerspectiveCamera:
        """Weak perspective of the crops, of the last step."""
        return self.steps[-1].camera

    def bodies(self, body: BodyModel) -> CropBodies:
        """What any net answers: the body in that shape and pose."""
        return CropBodies(body(self.params).vertices, self.camera, params=self.params, joints=self.joints)

    @property
    def every_params(self) -> BodyParams:
        """(steps * B) bodies of all steps, those of the first step first."""
        every = [step.params for step in self.steps]
        return BodyParams(
            torch.cat([params.betas for params in every]),
            torch.cat([params.global_orient for params in every]),
            torch.cat([params.body_pose for params in every]),
        )


class MeanOfLastMap(nn.Module):
    """Reads a backbone by averaging its coarsest map (HMR, SPIN): list of (B, C, h, w) -> (B, C)."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        return maps[-1].mean(dim=(2, 3))


class Hmr(nn.Module):
    """From crops of people to the parameters of their bodies.

    Args:
        backbone: (B, 3, H, W) normalised pictures to feature maps, finest first.
        regressor: of the reader's vector.
        reader: what the backbone gives to one vector (B, F).
        frozen_backbone: for what is shared with another method: it never learns, and takes pictures as they are.
    """

    def __init__(
        self,
        backbone: nn.Module,
        regressor: IterativeRegressor,
        reader: nn.Module | None = None,
        *,
        frozen_backbone: bool = False,
    ) -> None:
        super().__init__()
        self.frozen_backbone = frozen_backbone
        self.backbone = backbone
        self.reader = MeanOfLastMap() if reader is None else reader
        self.regressor = regressor
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> HmrOutput:
        """Bodies of crops.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], best of the size that the net was trained with.
        """
        check_shapes(images=(images, "B 3 H W"))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_backbone):
            features = self.backbone(images if self.frozen_backbone else (images - self.image_mean) / self.image_std)
        joints = self.backbone.joints_in(features) if isinstance(self.backbone, SharedPerception) else None
        return HmrOutput(self.regressor(self.reader(features)), joints)

    def train(self, mode: bool = True) -> Hmr:
        """As usual, but batch statistics of a frozen backbone stay what they are."""
        super().train(mode)
        self.backbone.train(mode and not self.frozen_backbone)
        return self

"""What light DecoMR knows of a person before it draws a surface, as features for another method."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from meshrec.models.body_code import BodyEncoder, joints_from_heatmaps
from meshrec.models.correspondence_net import Correspondence, CorrespondenceNet
from meshrec.structures import BODY30


class SharedPerception(nn.Module):
    """The correspondence net and the location net's encoder of bodies, with 2D joints.

    The encoder's code was learnt from hundreds of thousands of rendered bodies, so that little training is left to do:
    after 750 pictures, a regressor of it was wrong by 272 mm per vertex (root aligned), one of pooled maps and joints
    by 291 to 296 mm; the mean body by 360 mm.

    Args:
        correspondence_net: with heatmaps of joints.
        body_encoder: of its correspondence, code and joints.
    """

    def __init__(self, correspondence_net: CorrespondenceNet, body_encoder: BodyEncoder) -> None:
        super().__init__()
        self.correspondence_net, self.body_encoder = correspondence_net, body_encoder
        self.width = body_encoder.width + 3 * len(BODY30)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> (B, width) the code of the body; x, y and certainty of 30 joints."""
        return _encoded(self.correspondence_net(images), self.body_encoder)

    def joints_in(self, features: Tensor) -> Tensor:
        """(B, 30, 3) x, y and confidence out of the vectors."""
        return features[:, self.body_encoder.width :].unflatten(1, (-1, 3))


class CorrespondenceReader(nn.Module):
    """The same features, for a method that shares the correspondence net and learns to encode bodies by itself.

    Args:
        body_encoder: of correspondence, code and joints.
    """

    def __init__(self, body_encoder: BodyEncoder) -> None:
        super().__init__()
        self.body_encoder = body_encoder

    def forward(self, found: Correspondence) -> Tensor:
        """What the net found in B crops -> (B, width), see `SharedPerception.forward`."""
        return _encoded(found, self.body_encoder)


def _encoded(found: Correspondence, body_encoder: BodyEncoder) -> Tensor:
    joints = joints_from_heatmaps(found.joint_heatmaps)
    return torch.cat([body_encoder(found.iuv, found.code, joints), joints.flatten(1)], dim=1)

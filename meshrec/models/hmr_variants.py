"""The forms of HMR: as SPIN released it, as its paper has it, and a light one. All their sizes stand here."""

from __future__ import annotations

import torch
from torch import nn

from meshrec.models.backbones import ResNet50
from meshrec.models.hmr import Hmr
from meshrec.models.iterative_regressor import IterativeRegressor
from meshrec.models.part_code import PART_COUNT
from meshrec.models.shared_perception import CorrespondenceReader, SharedPerception
from meshrec.models.variants import light_body_encoder, light_correspondence_net
from meshrec.structures import BODY30


def spin_hmr() -> Hmr:
    """SPIN's network: 26,977,501 parameters, random until loaded; no ReLU in the regressor, fixed mean parameters."""
    backbone = ResNet50(classifier=False)
    return Hmr(backbone, IterativeRegressor(backbone.channels[-1], relu=False))


def paper_hmr() -> Hmr:
    """HMR's network with 6D rotations: ReLUs in the regressor, and mean parameters that are learnt.

    The paper's encoder is the second version of ResNet-50; this is the first one, as in every PyTorch successor.
    """
    backbone = ResNet50(classifier=False)
    return Hmr(backbone, IterativeRegressor(backbone.channels[-1], relu=True, learn_mean=True))


def light_hmr(iuv_input: bool = False, own_encoder: bool = False) -> Hmr:
    """A narrow regressor on what light DecoMR knows of a person, which is filled from its weights and never learns.

    Args:
        iuv_input: of the correspondence net that is shared.
        own_encoder: share that net alone; the encoder of its correspondence then learns with the regressor.
    """
    unfilled = torch.zeros(PART_COUNT, 2), torch.ones(PART_COUNT, 2)  # boxes of parts, which the weights hold too
    net, encoder = light_correspondence_net(*unfilled, iuv_input=iuv_input), light_body_encoder()
    reader = CorrespondenceReader(encoder) if own_encoder else nn.Identity()
    backbone = net if own_encoder else SharedPerception(net, encoder)
    regressor = IterativeRegressor(encoder.width + 3 * len(BODY30), width=768, relu=True, dropout=0.2)
    return Hmr(backbone, regressor, reader, frozen_backbone=True)

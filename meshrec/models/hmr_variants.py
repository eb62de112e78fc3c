"""The forms of HMR: as SPIN released it, as its paper has it, and a light one. All their sizes stand here."""

from __future__ import annotations

from meshrec.models.backbones import ResNet50, TimmBackbone
from meshrec.models.grid_reader import GridReader
from meshrec.models.hmr import Hmr
from meshrec.models.iterative_regressor import IterativeRegressor

LIGHT_CHANNELS = (48, 96, 192, 320)  # of the light correspondence net's backbone


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


def light_hmr() -> Hmr:
    """A reader and a narrow regressor on the light correspondence net's backbone, which is filled from its weights."""
    backbone = TimmBackbone("resnet18", channels=LIGHT_CHANNELS)
    reader = GridReader(backbone.channels, {3: 48, 2: 16}, cells=4)
    return Hmr(
        backbone, IterativeRegressor(reader.width, width=512, relu=True, dropout=0.2), reader, frozen_backbone=True
    )

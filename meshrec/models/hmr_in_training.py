"""An HMR with what only training needs: a discriminator."""

from __future__ import annotations

from torch import nn

from meshrec.models.hmr import Hmr


class HmrInTraining(Hmr):
    """Predicts what the net that it is made of predicts, with its very modules.

    Args:
        net: trained in place.
        discriminator: of adversarial training, or None.
    """

    def __init__(self, net: Hmr, discriminator: nn.Module | None = None) -> None:
        super().__init__(net.backbone, net.regressor, net.reader, frozen_backbone=net.frozen_backbone)
        self.discriminator = discriminator

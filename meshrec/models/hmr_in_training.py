"""An HMR with what only training needs: a discriminator, and a frozen backbone that stays as it is."""

from __future__ import annotations

from torch import nn

from meshrec.models.hmr import Hmr


class HmrInTraining(Hmr):
    """Predicts what the net that it is made of predicts, with its very modules.

    Args:
        net: trained in place.
        discriminator: of adversarial training, or None.
        frozen_backbone: the backbone belongs to another net too: its batch statistics do not move either.
    """

    def __init__(self, net: Hmr, discriminator: nn.Module | None = None, *, frozen_backbone: bool = False) -> None:
        super().__init__(net.backbone, net.regressor, net.reader)
        self.discriminator = discriminator
        self.frozen_backbone = frozen_backbone

    def train(self, mode: bool = True) -> HmrInTraining:
        super().train(mode)
        if self.frozen_backbone:
            self.backbone.eval()
        return self

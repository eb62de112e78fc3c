"""Image encoders of the detector: lists of maps at strides 4, 8, 16 and 32."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.ops import FrozenBatchNorm2d

from meshrec.models.backbones import TimmBackbone

_MSRA = {"msra_resnet50": resnet.resnet50, "msra_resnet101": resnet.resnet101}


class FixedNorm(FrozenBatchNorm2d):
    """Normalisation by stored statistics, in one fused step; they and the affine part are never trained."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class MsraResNet(nn.Module):
    """The residual net of detectron2's zoo, with fixed normalisation and random weights until a checkpoint is loaded.

    It is torchvision's, except that the first block of a stage halves the map in its 1x1 convolution, as in the
    original paper's nets by MSRA.

    Args:
        name: ``msra_resnet50`` or ``msra_resnet101``.
    """

    channels = (256, 512, 1024, 2048)

    def __init__(self, name: str) -> None:
        super().__init__()
        net = _MSRA[name](weights=None, norm_layer=FixedNorm)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        for stage in self.stages[1:]:
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> four maps, finest first."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def make_backbone(name: str, channels: tuple[int, ...] = ()) -> MsraResNet | TimmBackbone:
    """An encoder by its name in `RcnnConfig`; it has ``channels`` and gives four maps, finest first.

    Args:
        name: of the zoo's residual nets or of timm's encoders.
        channels: widths of timm's residual nets; empty for the usual ones.
    Raises:
        ValueError: widths were given for a net whose widths are fixed, or timm's encoder has other strides.
    """
    if name not in _MSRA:
        return TimmBackbone(name, **({"channels": tuple(channels)} if channels else {}))
    if channels:
        raise ValueError(f"{name} has fixed widths; leave backbone_channels empty, got {tuple(channels)}.")
    return MsraResNet(name)

"""Image encoders behind one interface: a list of feature maps at strides 4, 8, 16 and 32, and their channel counts."""

from __future__ import annotations

import timm
from torch import Tensor, nn
from torchvision.models import resnet50


class ResNet50(nn.Module):
    """Torchvision's ResNet-50, DecoMR's encoder; random weights unless a checkpoint is loaded, never a download.

    The classifier ``fc`` is idle but kept, because official checkpoints hold it.
    """

    channels = (256, 512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.resnet = resnet50(weights=None)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> four maps, finest first."""
        net = self.resnet
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        features = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            features.append(x)
        return features


class TimmBackbone(nn.Module):
    """Any timm encoder with stages at strides 4, 8, 16 and 32, with random weights.

    Args:
        name: timm's model name, for example ``"resnet18"``.
        options: further arguments of timm's constructor; residual nets take ``channels=(48, 96, 192, 320)``.
    Raises:
        ValueError: the encoder has no such stages.
    """

    strides = (4, 8, 16, 32)

    def __init__(self, name: str, **options) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False, features_only=True, **options)
        stages = {stride: stage for stage, stride in enumerate(net.feature_info.reduction())}
        if not set(self.strides) <= set(stages):
            raise ValueError(f"{name} has stages at strides {sorted(stages)}, but {self.strides} are needed.")
        self.net = net
        self._stages = tuple(stages[stride] for stride in self.strides)
        self.channels = tuple(net.feature_info.channels()[stage] for stage in self._stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> four maps, finest first."""
        features = self.net(x)
        return [features[stage] for stage in self._stages]

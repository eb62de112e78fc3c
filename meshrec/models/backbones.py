"""Image encoders behind one interface: a list of feature maps at strides 4, 8, 16 and 32, and their channel counts."""

from __future__ import annotations

from collections.abc import Mapping

import timm
import torch
from torch import Tensor, nn
from torchvision.models import resnet50


class ResNet50(nn.Module):
    """Torchvision's ResNet-50, encoder of DecoMR and HMR; random weights unless a checkpoint is loaded, no download.

    Args:
        inputs: channels of the pictures.
        classifier: keeps the idle layer ``fc``, because official checkpoints of DecoMR hold it; those of SPIN do not.
    """

    channels = (256, 512, 1024, 2048)

    def __init__(self, inputs: int = 3, classifier: bool = True) -> None:
        super().__init__()
        self.resnet = resnet50(weights=None)
        if not classifier:
            self.resnet.fc = nn.Identity()
        if inputs != 3:
            self.resnet.conv1 = nn.Conv2d(inputs, 64, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, inputs, H, W) -> four maps, finest first."""
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
        inputs: channels of the pictures.
        options: further arguments of timm's constructor; residual nets take ``channels=(48, 96, 192, 320)``.
    Raises:
        ValueError: the encoder has no such stages.
    """

    strides = (4, 8, 16, 32)

    def __init__(self, name: str, inputs: int = 3, **options) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False, features_only=True, in_chans=inputs, **options)
        stages = {stride: stage for stage, stride in enumerate(net.feature_info.reduction())}
        if not set(self.strides) <= set(stages):
            raise ValueError(f"{name} has stages at strides {sorted(stages)}, but {self.strides} are needed.")
        self.net = net
        self._stages = tuple(stages[stride] for stride in self.strides)
        self.channels = tuple(net.feature_info.channels()[stage] for stage in self._stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, inputs, H, W) -> four maps, finest first."""
        features = self.net(x)
        return [features[stage] for stage in self._stages]


def widen_first_convolution(state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """Weights of a net that reads fewer channels, with zeros for the new ones: it goes on as if they were not there.

    Args:
        state: by name, of the same net with fewer input channels; anything else is given back as it is.
        net: whose first convolution reads the input.
    """
    name = next(f"{name}.weight" for name, module in net.named_modules() if isinstance(module, nn.Conv2d))
    own, given = net.get_parameter(name), state.get(name)
    if given is None or given.ndim != 4 or given.shape[1] >= own.shape[1] or given.shape[0] != own.shape[0]:
        return dict(state)
    missing = given.new_zeros(len(given), own.shape[1] - given.shape[1], *given.shape[2:])
    return {**state, name: torch.cat([given, missing], 1)}

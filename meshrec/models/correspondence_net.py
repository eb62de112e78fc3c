"""Correspondence net: from a crop of a person to its IUV map, with local features and a global code (DecoMR's CNet)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meshrec.checks import check_shapes
from meshrec.models.blocks import UpBlock
from meshrec.structures import IuvMap

# Mean and standard deviation of ImageNet's RGB values in [0, 1], which all our encoders expect.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Correspondence:
    """Result of the correspondence net; h, w are a quarter of the image's sides. ``None``: this form lacks it.

    Attributes:
        iuv: mask probability and atlas coordinates, (B, h, w) and (B, 2, h, w).
        mask_logit: (B, h, w) the mask before the sigmoid, for losses.
        features: (B, C, h, w) local features.
        code: (B, D) pooled features.
        part_logits: (B, 25, h, w), background first.
        uv_residual: (B, 48, h, w) in the boxes of parts 1 to 24.
        front_logit: (B, h, w) of the surface belonging to the front half of the body.
        facing_logits: (B, bins) of the heading, bin 0 towards the camera, bins in the sense of growing heading.
        joint_heatmaps: (B, J, h, w) logits over the pixels.
    """

    iuv: IuvMap
    mask_logit: Tensor
    features: Tensor
    code: Tensor
    part_logits: Tensor | None = None
    uv_residual: Tensor | None = None
    front_logit: Tensor | None = None
    facing_logits: Tensor | None = None
    joint_heatmaps: Tensor | None = None


class CorrespondenceNet(nn.Module):
    """Encoder, decoder with additive skips up to stride 4, and a head.

    The paper's form is ResNet-50 without laterals (the decoder has the encoder's widths) and a ``ContinuousHead``; the
    default form has a light encoder and a ``PartHead``. See ``meshrec.models.variants``.

    Args:
        backbone: gives feature maps at strides 4, 8, 16, 32; its ``channels`` lists their widths.
        head: maps (B, C, h, w) features to ``HeadOutput``.
        decoder_channels: widths of the decoder at strides 4, 8, 16; where one differs from the encoder's, the skip
            passes through a 1x1 convolution.
        facing_bins: number of classes of the heading predicted from the code; 0 for none.
        atlas_hash: the atlas of the predicted coordinates.
        norm: normalisation of the decoder, see ``meshrec.models.blocks``.
        iuv_input: the backbone reads six channels, the picture and the correspondence that another network found.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, *, decoder_channels: tuple[int, int, int],
                 facing_bins: int = 0, atlas_hash: str = "", norm: str = "group", iuv_input: bool = False) -> None:
        super().__init__()
        self.iuv_input = iuv_input
        self.backbone = backbone
        self.head = head
        self.atlas_hash = atlas_hash
        self.feature_channels = decoder_channels[0]
        self.code_channels = backbone.channels[-1]
        inputs = (*decoder_channels[1:], backbone.channels[-1])
        self.decoder = nn.ModuleList(UpBlock(a, b, norm) for a, b in zip(inputs, decoder_channels, strict=True))
        self.laterals = nn.ModuleList(nn.Identity() if a == b else nn.Conv2d(a, b, 1)
                                      for a, b in zip(backbone.channels[:-1], decoder_channels, strict=True))
        self.facing = nn.Linear(self.code_channels, facing_bins) if facing_bins else None
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD)[:, None, None], persistent=False)

    def forward(self, images: Tensor, iuv: IuvMap | None = None) -> Correspondence:
        """Dense correspondence of crops.

        Args:
            images: (B, 3, H, W) RGB in [0, 1]; sides of 64 pixels or more, best a multiple of 32.
            iuv: what a DensePose-RCNN found in the same pixels, (B, H, W); nothing where its mask is zero. A net with
                `iuv_input` works without it too, one without `iuv_input` takes none.
        Raises:
            ValueError: correspondence for a net without `iuv_input`, or of another atlas.
        """
        check_shapes(images=(images, "B 3 H W"))
        pictures = (images - self.image_mean) / self.image_std
        if self.iuv_input:
            pictures = torch.cat([pictures, self._as_channels(iuv, images)], 1)
        elif iuv is not None:
            raise ValueError("This correspondence net was built without iuv_input.")
        encoded = self.backbone(pictures)
        code = encoded[-1].mean(dim=(2, 3))
        features = encoded[-1]
        for level in reversed(range(len(self.decoder))):
            up, lateral, skip = self.decoder[level], self.laterals[level], encoded[level]
            features = up(features, skip.shape[-2:]) + lateral(skip)
        out = self.head(features)
        facing_logits = self.facing(code).float() if self.facing is not None else None
        return Correspondence(IuvMap(out.mask_logit.sigmoid(), out.uv, self.atlas_hash), out.mask_logit, features, code,
                              out.part_logits, out.uv_residual, out.front_logit, facing_logits, out.joint_heatmaps)

    def _as_channels(self, iuv: IuvMap | None, images: Tensor) -> Tensor:
        """(B, 3, H, W) mask and, inside it, coordinates around the atlas' middle; all zero where nothing is known."""
        if iuv is None:
            return torch.zeros_like(images)
        if iuv.atlas_hash and self.atlas_hash and iuv.atlas_hash != self.atlas_hash:
            raise ValueError(f"The correspondence is of atlas {iuv.atlas_hash}, the net of {self.atlas_hash}.")
        check_shapes(images=(images, "B C H W"), mask=(iuv.mask, "B H W"))
        mask = iuv.mask[:, None]
        return torch.cat([mask, (2 * iuv.uv - 1) * mask], 1).to(images)

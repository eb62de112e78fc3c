"""What a camera adds to a scene: blur, motion, exposure, colour, noise of the sensor, JPEG."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice

_RADIUS = 4
_MOVED, _GREY, _COMPRESSED = 0.15, 0.05, 0.6
_BLOCK = 8
# The example tables of the JPEG standard (ITU-T T.81, annex K), which most encoders scale by quality.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, *(99,) * 32,
)  # fmt: skip
# RGB to Y, Cb, Cr (ITU-T T.871), without the offset of the chroma planes.
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def develop(scene: Tensor, dice: Dice) -> Tensor:
    """Photograph scenes: (B, 3, S, S) in [0, 1] to the same."""
    count = len(scene)
    uniform = lambda low, high: dice.uniform(count, 1, 1, 1, low=low, high=high)  # noqa: E731
    picture = blur(scene, _kernels(count, dice))
    gain = uniform(0.8, 1.4) * (1 + 0.07 * dice.normal(count, 3, 1, 1))
    contrast, gamma = uniform(0.7, 1.3), uniform(0.65, 1.15)
    saturation = torch.where(dice.chance(_GREY, count, 1, 1, 1), 0.0, uniform(0.6, 1.25))
    mean, grey = picture.mean((1, 2, 3), keepdim=True), picture.mean(1, keepdim=True)
    # contrast, saturation and gain are all affine in the colours: gain * (contrast * (grey + saturation * (c - grey)))
    picture = torch.lerp(grey, picture, saturation)
    picture.mul_(contrast * gain).add_(mean * (1 - contrast) * gain).clamp_(1e-4, 1).pow_(gamma)
    # Photon noise grows with the root of the light, read-out noise does not.
    photon, readout = 0.03 * uniform(0, 1) ** 2, 0.015 * uniform(0, 1) ** 2
    picture.add_(dice.normal(*picture.shape).mul_(photon * picture.sqrt() + readout)).clamp_(0, 1)
    return _compress_some(picture, dice)


def blur(picture: Tensor, kernels: Tensor) -> Tensor:
    """Convolve every picture (B, 3, S, S) with a kernel (B, k, k) of its own, edges reflected."""
    count, channels, height, width = picture.shape
    radius = min(kernels.shape[-1] // 2, height - 1)
    flat = F.pad(picture.reshape(1, -1, height, width), (radius,) * 4, mode="reflect")
    weights = kernels[:, None].repeat_interleave(channels, 0)
    return F.conv2d(flat, weights, groups=count * channels).view(count, channels, height, width)


def _kernels(count: int, dice: Dice) -> Tensor:
    """(B, k, k): out-of-focus blur for all, smeared along a direction for those who or whose camera moved."""
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, device=dice.device).float()
    sigma = 0.35 + 1.1 * dice.uniform(count) ** 2
    length = torch.where(dice.chance(_MOVED, count), dice.uniform(count, low=0.8, high=2.6), 0.0)
    angle = dice.uniform(count, low=0.0, high=math.pi)
    # A Gaussian with the variances sigma^2 across and sigma^2 + length^2 along the movement.
    across = sigma.square().reciprocal()
    along = (sigma.square() + length.square()).reciprocal()
    x, y = offsets[None, None, :], offsets[None, :, None]
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    kernel = torch.exp(
        -0.5
        * (along[:, None, None] * (cosine * x + sine * y) ** 2 + across[:, None, None] * (cosine * y - sine * x) ** 2)
    )
    return kernel / kernel.sum((1, 2), keepdim=True)


def _compress_some(picture: Tensor, dice: Dice) -> Tensor:
    quality = dice.uniform(len(picture), low=25.0, high=95.0)
    chosen = dice.chance(_COMPRESSED, len(picture)).nonzero()[:, 0]
    if not len(chosen):
        return picture
    return picture.index_copy_(0, chosen, jpeg(picture.index_select(0, chosen), quality.index_select(0, chosen)))


def jpeg(picture: Tensor, quality: Tensor) -> Tensor:
    """What is left of pictures after baseline JPEG, without chroma subsampling.

    Args:
        picture: (B, 3, H, W) in [0, 1].
        quality: (B,) 1 to 100, as encoders mean it.
    Returns:
        (B, 3, H, W) in [0, 1].
    """
    count, _, height, width = picture.shape
    padded = F.pad(picture, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    down, across = padded.shape[-2] // _BLOCK, padded.shape[-1] // _BLOCK
    to_ycc = torch.tensor(_TO_YCC, device=picture.device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    tables = torch.tensor([_LUMA, _CHROMA, _CHROMA], device=picture.device).float()
    steps = (tables * scale[:, None, None]).round().clamp(1, 255)[:, :, None] / 255
    transform = _cosine_transform(picture.device)
    planes = (to_ycc @ padded.flatten(2)).view(count, 3, down, _BLOCK, across, _BLOCK)
    planes[:, 0] -= 0.5
    blocks = planes.permute(0, 1, 2, 4, 3, 5).reshape(count, 3, down * across, _BLOCK * _BLOCK)
    coefficients = blocks @ transform.mT
    coefficients.div_(steps).round_().mul_(steps)
    blocks = (coefficients @ transform).view(count, 3, down, across, _BLOCK, _BLOCK)
    planes = blocks.permute(0, 1, 2, 4, 3, 5).reshape(count, 3, -1)
    planes[:, 0] += 0.5
    decoded = torch.linalg.inv(to_ycc) @ planes
    return decoded.view(padded.shape)[..., :height, :width].clamp(0, 1)


def _cosine_transform(device: torch.device) -> Tensor:
    """(64, 64) orthonormal two-dimensional cosine transform of flattened 8 x 8 blocks."""
    number = torch.arange(_BLOCK, device=device).float()
    rows = torch.cos(math.pi / _BLOCK * (number[None] + 0.5) * number[:, None]) * math.sqrt(2 / _BLOCK)
    rows[0] /= math.sqrt(2)
    return torch.kron(rows, rows)

"""The dark that people leave on the ground below them, so that they stand in their pictures and not before them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.detection.scene_cameras import SceneCameras
from meshrec.data.synthetic.dice import Dice

_STEP_PX = 4  # shadows are soft: a quarter of the resolution holds them
_NEAR_GROUND_M = 0.35  # what is lower casts the shadow
_FADES_M = 0.22  # how far a shadow reaches beyond what casts it
_STRENGTH = (0.15, 0.65)


def darken_ground(
    background: Tensor, cameras: SceneCameras, bodies_cam: Tensor, offset_m: Tensor, image: Tensor, dice: Dice
) -> Tensor:
    """Backgrounds with soft shadows.

    Args:
        background: (B, 3, S, S).
        bodies_cam: (P, V, 3) around their origins, camera axes; offset_m: (P, 3) of these in the camera frame.
        image: (P,) long, the scene of each.
    Returns:
        (B, 3, S, S).
    """
    size = background.shape[-1]
    strength = dice.uniform(len(background), 1, 1, low=_STRENGTH[0], high=_STRENGTH[1])
    rays = cameras.rays_world(_STEP_PX)
    down = rays[..., 1] < -1e-3
    reach = cameras.height_m[:, None, None] / (-rays[..., 1]).clamp_min(1e-3)
    ground = rays[..., 0::2] * reach[..., None]  # (B, n, n, 2) x and z of the ground that each pixel would show
    middle, half = _stands(cameras, bodies_cam, offset_m, image)
    away = (ground.index_select(0, image) - middle[:, None, None]).abs() / (half + _FADES_M)[:, None, None]
    dark = torch.exp(-0.5 * (1.5 * away).square().sum(-1)) * down.index_select(0, image)
    light = _product(1 - strength.index_select(0, image) * dark, image, len(background))
    return background * F.interpolate(light[:, None], size=(size, size), mode="bilinear", align_corners=False)


def _stands(cameras: SceneCameras, bodies_cam: Tensor, offset_m: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """(P, 2) middle and half sides, x and z in the world, of what each body has near its lowest point."""
    points = (bodies_cam[:, ::4] + offset_m[:, None]) @ cameras.rotation.index_select(0, image)
    low = points[..., 1] < points[..., 1].amin(1, keepdim=True) + _NEAR_GROUND_M
    plane, low = points[..., 0::2], low[..., None]
    least, largest = torch.where(low, plane, torch.inf).amin(1), torch.where(low, plane, -torch.inf).amax(1)
    return 0.5 * (least + largest), 0.5 * (largest - least)


def _product(light: Tensor, image: Tensor, scenes: int) -> Tensor:
    """(B, n, n) products of the maps (P, n, n) of every scene's people; the same to the last bit every time."""
    counts = torch.bincount(image, minlength=scenes)
    slot = torch.arange(len(image), device=image.device) - (counts.cumsum(0) - counts).index_select(0, image)
    factors = light.new_ones(scenes, int(counts.max()), *light.shape[1:])
    return factors.index_put((image, slot), light).prod(1)

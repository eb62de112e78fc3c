"""Where the people of made-up scenes stand: feet on the ground, next to each other, never inside each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from meshrec.data.detection.scene_cameras import SceneCameras
from meshrec.data.synthetic.dice import Dice

_CANDIDATES = 24
_SLAB_EDGES_M = (0.45, 0.95, 1.4)  # between feet and shins, thighs and hips, trunk and arms, and what is above
_GAP_M = 0.03  # clothes stand off the bodies
_NEAREST_M = 1.0
_JUMPING, _HIGHEST_JUMP_M = 0.04, 0.45
_GROUPS = 0.55  # share of scenes whose people stand beside each other rather than anywhere
_NEARER, _FARTHER = 0.55, 4.5  # bounds of others' distances, relative to the main person's
_ROWS_M = 3.0  # how far behind each other the people of a group stand at most
_EVERY = 3  # vertices that footprints look at: a third of them leave out no more than a centimetre


def place_people(bodies_world: Tensor, image: Tensor, cameras: SceneCameras, dice: Dice) -> tuple[Tensor, Tensor]:
    """Put people down one after the other; who finds no free place within a few tries stays away.

    Args:
        bodies_world: (P, V, 3) posed bodies in world axes, metres, around their own origins.
        image: (P,) long, the scene of each, sorted; the first of a scene is the main person.
    Returns:
        (P, 3) world positions of the bodies' origins, and (P,) bool, who found a place.
    """
    scenes, people = len(cameras), len(image)
    counts = torch.bincount(image, minlength=scenes)
    slot = torch.arange(people, device=image.device) - (counts.cumsum(0) - counts).index_select(0, image)
    most = int(counts.max()) if people else 0
    lift = dice.chance(_JUMPING, people) * dice.uniform(people, high=_HIGHEST_JUMP_M) - bodies_world[..., 1].amin(1)
    own = footprints(bodies_world[:, ::_EVERY], lift)
    tables = own.new_zeros(scenes, most, *own.shape[1:]).index_put((image, slot), own)
    waiting = torch.zeros(scenes, most, dtype=torch.bool, device=image.device)
    waiting[image, slot] = True
    ground, placed = own.new_zeros(scenes, most, 2), torch.zeros_like(waiting)
    groups = dice.chance(_GROUPS, scenes)
    for turn in range(most):
        candidates = _candidates(ground[:, :turn], placed[:, :turn], cameras, groups, dice)
        before = tables[:, :turn] + ground[:, :turn].repeat(1, 1, 2)[:, :, None]
        moved = tables[:, turn, None] + candidates.repeat(1, 1, 2)[:, :, None]
        touching = collide(moved[:, :, None], before[:, None]) & placed[:, None, :turn]
        free = ~touching.any(2)
        best = (free * (1 + _inside(candidates, cameras).int())).argmax(1)  # the first of the best kind
        ground[:, turn] = candidates[torch.arange(scenes, device=image.device), best]
        placed[:, turn] = free.any(1) & waiting[:, turn]
    x, z = ground[image, slot].unbind(1)
    return torch.stack([x, lift, z], 1), placed[image, slot]


def footprints(bodies_world: Tensor, lift: Tensor) -> Tensor:
    """Boxes on the ground around four layers of each body, one above the other.

    Args:
        bodies_world: (P, V, 3) around the bodies' origins; lift: (P,) their height above the ground, metres.
    Returns:
        (P, 4, 4) least x, least z, largest x, largest z; infinite and empty for a layer without any vertex.
    """
    edges = torch.tensor(_SLAB_EDGES_M, device=lift.device)
    layer = torch.bucketize((bodies_world[..., 1] + lift[:, None]).contiguous(), edges)
    plane = bodies_world[..., 0::2]
    boxes = []
    for number in range(len(_SLAB_EDGES_M) + 1):
        inside = (layer == number)[..., None]
        boxes.append(
            torch.cat(
                [torch.where(inside, plane, torch.inf).amin(1), torch.where(inside, plane, -torch.inf).amax(1)], 1
            )
        )
    return torch.stack(boxes, 1)


def collide(one: Tensor, other: Tensor) -> Tensor:
    """(...) bool, whether two people's footprints (..., 4, 4) meet in some layer."""
    low = torch.maximum(one[..., :2], other[..., :2])
    high = torch.minimum(one[..., 2:], other[..., 2:])
    return (low - high < _GAP_M).all(-1).any(-1)


def _candidates(ground: Tensor, placed: Tensor, cameras: SceneCameras, groups: Tensor, dice: Dice) -> Tensor:
    """(B, T, 2) x and z where the next person of each scene might stand, given where others (B, n, 2) do."""
    scenes, others = placed.shape
    main, half_width = cameras.main_distance_m[:, None], cameras.half_width()[:, None]
    if not others:
        distance = main.expand(-1, _CANDIDATES)
        across = dice.uniform(scenes, _CANDIDATES, low=-0.55, high=0.55) * half_width * distance
        return torch.stack([across, -distance], -1)
    spread = dice.uniform(scenes, _CANDIDATES, low=math.log(_NEARER), high=math.log(_FARTHER))
    distance = (main * spread.exp()).clamp_min(_NEAREST_M)
    across = dice.uniform(scenes, _CANDIDATES, low=-1.05, high=1.05) * half_width * distance
    anywhere = torch.stack([across, -distance], -1)
    friend = dice.integers(others, scenes, _CANDIDATES)
    friend = torch.where(placed.gather(1, friend), friend, 0)
    beside = ground.gather(1, friend[..., None].expand(-1, -1, 2))
    side = torch.where(dice.chance(0.5, scenes, _CANDIDATES), 1.0, -1.0)
    aside = side * dice.uniform(scenes, _CANDIDATES, low=0.3, high=1.3)
    behind = dice.chance(0.3, scenes, _CANDIDATES) * dice.uniform(scenes, _CANDIDATES, high=_ROWS_M)
    beside = beside + torch.stack([aside, 0.4 * dice.normal(scenes, _CANDIDATES) - behind], -1)
    beside[..., 1].clamp_(max=-_NEAREST_M)
    return torch.where(groups[:, None, None], beside, anywhere)


def _inside(candidates: Tensor, cameras: SceneCameras) -> Tensor:
    """(B, T) bool, whether the picture is wide enough to show who stands there."""
    return candidates[..., 0].abs() < -candidates[..., 1] * cameras.half_width()[:, None]

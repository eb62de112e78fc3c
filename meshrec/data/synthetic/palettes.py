"""What colours people's skin, hair and clothes have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.suits import PAINTS

# Skin albedo, linear-ish RGB, from very light to very dark.
_SKIN_TONES = (
    (0.91, 0.74, 0.65),
    (0.87, 0.67, 0.55),
    (0.80, 0.58, 0.44),
    (0.68, 0.47, 0.34),
    (0.52, 0.34, 0.24),
    (0.38, 0.24, 0.17),
    (0.26, 0.17, 0.12),
)
_HAIR_TONES = (
    (0.06, 0.05, 0.04),
    (0.12, 0.08, 0.05),
    (0.26, 0.16, 0.09),
    (0.45, 0.30, 0.15),
    (0.72, 0.57, 0.34),
    (0.55, 0.54, 0.53),
    (0.40, 0.15, 0.08),
)
_LIPS_ON_SKIN = (0.9, 0.6, 0.6)


@dataclass(frozen=True)
class Palettes:
    """Colours of B people.

    Attributes:
        paints: (B, len(PAINTS), 2, 3) the two colours of every paint, in [0, 1].
        hair: (B, 3); complexion: (B, 3) factors on the colours of a photographed skin.
    """

    paints: Tensor
    hair: Tensor
    complexion: Tensor


def draw_palettes(count: int, dice: Dice) -> Palettes:
    """Colours for B people; dark, grey and white clothes are as common as coloured ones."""
    device = dice.device
    skin_tones, hair_tones = torch.tensor(_SKIN_TONES, device=device), torch.tensor(_HAIR_TONES, device=device)
    paints = fabric_colours(dice, count, len(PAINTS), 2)
    skin = skin_tones[dice.integers(len(_SKIN_TONES), count)] * dice.uniform(count, 1, low=0.85, high=1.15)
    hair = hair_tones[dice.integers(len(_HAIR_TONES), count)] * dice.uniform(count, 1, low=0.7, high=1.3)
    lips = skin * torch.tensor(_LIPS_ON_SKIN, device=device)
    eye = torch.tensor([0.08, 0.06, 0.05], device=device) + 0.25 * dice.uniform(count, 3) * dice.chance(0.3, count, 1)
    for name, colour in (("lips", lips), ("eye", eye), ("brow", hair)):
        paints[:, PAINTS.index(name)] = colour[:, None]
    uneven = torch.tensor([[1.06], [0.94]], device=device)
    strands = torch.tensor([[1.0], [0.6]], device=device)
    paints[:, PAINTS.index("skin")] = skin[:, None] * uneven
    paints[:, PAINTS.index("hair")] = hair[:, None] * strands
    complexion = dice.uniform(count, 1, low=0.75, high=1.15) * (1 + 0.05 * dice.normal(count, 3))
    return Palettes(paints.clamp(0, 1), hair.clamp(0, 1), complexion)


def fabric_colours(dice: Dice, *shape: int) -> Tensor:
    """(*shape, 3) colours of cloth."""
    hue, value = dice.uniform(*shape, 1), dice.uniform(*shape, 1) ** 1.3
    saturation = dice.uniform(*shape, 1) ** 2 * 0.9
    wheel = 0.5 + 0.5 * torch.cos(2 * math.pi * (hue - torch.tensor([0.0, 1 / 3, 2 / 3], device=dice.device)))
    return (0.03 + 0.94 * value * (1 - saturation * (1 - wheel))).clamp(0, 1)

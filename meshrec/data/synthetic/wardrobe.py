"""Procedural clothes, hair and skin: colours and thickness as functions of the place on the rest body.

Everything is evaluated per visible pixel on the rest-pose position, so edges stay sharp at any resolution and no
texture has to be drawn. A wardrobe is a set of numbers per person; it needs no files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from meshrec.structures import BODY30

# Skin albedo, linear-ish RGB, from very light to very dark.
_SKIN_TONES = torch.tensor(
    [
        [0.91, 0.74, 0.65],
        [0.87, 0.67, 0.55],
        [0.80, 0.58, 0.44],
        [0.68, 0.47, 0.34],
        [0.52, 0.34, 0.24],
        [0.38, 0.24, 0.17],
        [0.26, 0.17, 0.12],
    ]
)
_HAIR_TONES = torch.tensor(
    [
        [0.06, 0.05, 0.04],
        [0.12, 0.08, 0.05],
        [0.26, 0.16, 0.09],
        [0.45, 0.30, 0.15],
        [0.72, 0.57, 0.34],
        [0.55, 0.54, 0.53],
        [0.40, 0.15, 0.08],
    ]
)
_GARMENTS = ("shirt", "jacket", "trousers", "skirt", "shoes", "socks", "gloves", "hat", "hair")


@dataclass(frozen=True)
class RestAnatomy:
    """Landmark coordinates of the rest body that garments are cut to, metres, body axes."""

    joints: dict[str, tuple[float, float, float]]

    @classmethod
    def from_joints(cls, joints: Tensor) -> RestAnatomy:
        """From the rest joints (30, 3) in the order of BODY30."""
        return cls({name: tuple(point) for name, point in zip(BODY30.names, joints.tolist())})

    def x(self, name: str) -> float:
        return self.joints[name][0]

    def y(self, name: str) -> float:
        return self.joints[name][1]

    def z(self, name: str) -> float:
        return self.joints[name][2]


@dataclass(frozen=True)
class Outfits:
    """What B people wear; lengths in metres on the rest body, colours in [0, 1].

    Attributes:
        skin, eye: (B, 3) albedo.
        colours: garment to (B, 2, 3), the two colours of its pattern.
        pattern: garment to (B, 8): kind, frequency, phase, direction (3), contrast, photo scale.
        worn: garment to (B,) bool.
        cut: name of a length to (B,).
    """

    skin: Tensor
    eye: Tensor
    colours: dict[str, Tensor]
    pattern: dict[str, Tensor]
    worn: dict[str, Tensor]
    cut: dict[str, Tensor]


def draw_outfits(count: int, anatomy: RestAnatomy, generator: Generator) -> Outfits:
    """Dress B people at random."""
    uniform = lambda low=0.0, high=1.0: low + (high - low) * torch.rand(count, generator=generator)  # noqa: E731
    chance = lambda probability: uniform() < probability  # noqa: E731
    tone = _SKIN_TONES[torch.randint(len(_SKIN_TONES), (count,), generator=generator)]
    skin = (tone * uniform(0.85, 1.15)[:, None]).clamp(0, 1)
    colours = {name: _fabric_colours(count, generator) for name in _GARMENTS}
    hair = _HAIR_TONES[torch.randint(len(_HAIR_TONES), (count,), generator=generator)] * uniform(0.7, 1.3)[:, None]
    colours["hair"] = torch.stack([hair, hair * 0.6], dim=1)
    pattern = {name: _patterns(count, generator) for name in _GARMENTS}
    skirt = chance(0.12)
    worn = {
        "shirt": chance(0.94),
        "jacket": chance(0.22),
        "trousers": ~skirt | chance(0.2),
        "skirt": skirt,
        "shoes": chance(0.85),
        "socks": chance(0.4),
        "gloves": chance(0.05),
        "hat": chance(0.12),
        "hair": chance(0.93),
    }
    knee, ankle, hip = anatomy.y("left_knee"), anatomy.y("left_ankle"), anatomy.y("left_hip")
    shoulder, elbow, wrist = anatomy.x("left_shoulder"), anatomy.x("left_elbow"), anatomy.x("left_wrist")
    sleeve = _choose(
        [
            uniform(shoulder - 0.03, shoulder + 0.03),
            uniform(shoulder + 0.07, elbow),
            uniform(elbow + 0.05, wrist - 0.03),
            uniform(wrist - 0.03, wrist + 0.02),
        ],
        (0.12, 0.4, 0.1, 0.38),
        generator,
    )
    leg = _choose(
        [
            uniform(hip - 0.16, hip - 0.05),
            uniform(knee - 0.05, hip - 0.15),
            uniform(ankle + 0.1, knee - 0.08),
            uniform(ankle - 0.03, ankle + 0.04),
        ],
        (0.08, 0.22, 0.07, 0.63),
        generator,
    )
    cut = {
        "sleeve": sleeve,
        "jacket_sleeve": uniform(wrist - 0.05, wrist + 0.02),
        "leg": leg,
        "shirt_hem": uniform(hip - 0.14, hip + 0.1),
        "jacket_hem": uniform(hip - 0.35, hip + 0.05),
        "jacket_opening": uniform(0.0, 0.12) * chance(0.7),
        "waist": uniform(hip + 0.02, anatomy.y("spine1") + 0.04),
        "neckline": uniform(-0.1, 0.02),
        "skirt_hem": uniform(ankle + 0.15, hip - 0.22),
        "sock_top": uniform(ankle + 0.04, knee - 0.08),
        "shoe_top": _choose(
            [uniform(ankle - 0.03, ankle + 0.03), uniform(ankle + 0.1, ankle + 0.25)], (0.85, 0.15), generator
        ),
        "hairline": uniform(0.0, 0.04),
        "hair_length": _choose([uniform(-0.02, 0.05), uniform(0.12, 0.4)], (0.6, 0.4), generator),
        "hair_thickness": uniform(0.004, 0.03),
        "beard": uniform(0.0, 0.06) * chance(0.2),
        "hat_brim": uniform(0.03, 0.07),
        "loose_top": uniform(0.0, 0.03),
        "loose_leg": uniform(0.0, 0.025),
        "wrinkle": uniform(0.0, 0.012),
    }
    eye = torch.tensor([0.08, 0.06, 0.05]) + 0.25 * torch.rand(count, 3, generator=generator) * chance(0.3)[:, None]
    return Outfits(skin, eye, colours, pattern, worn, cut)


def coverage(outfits: Outfits, anatomy: RestAnatomy, person: Tensor, rest: Tensor) -> dict[str, Tensor]:
    """Which garments cover points of the rest body, innermost first.

    Args:
        person: (N,) index of the person each point belongs to.
        rest: (N, 3) rest positions, metres, body axes.
    Returns:
        Garment to (N,) bool, in the order in which they are put on.
    """
    x, y, z = rest[:, 0].abs(), rest[:, 1], rest[:, 2]
    cut = {name: value[person] for name, value in outfits.cut.items()}
    worn = {name: value[person] for name, value in outfits.worn.items()}
    neck, head, top, crotch = anatomy.y("neck"), anatomy.y("head"), anatomy.y("head_top"), anatomy.y("left_hip") - 0.08
    eyes, ear_z = anatomy.y("left_eye"), anatomy.z("left_ear")
    arm = (x > anatomy.x("left_shoulder") - 0.02) & (y > anatomy.y("spine2"))
    leg = ~arm & (y < anatomy.y("pelvis") + 0.15)
    collar = neck + cut["neckline"] + 0.35 * (x - 0.05).clamp_min(0) - 0.25 * (z - ear_z).clamp_min(0)
    torso_top = (y < collar) | ((x > 0.09) & (y < neck + 0.06))
    face = (z > ear_z + 0.025) & (y < eyes + 0.035 + cut["hairline"]) & (y > head - 0.1)
    hair_back = (z < ear_z + 0.02) & (y > head - cut["hair_length"] + 0.02) & (x < 0.17) & ~arm
    hair_top = (y > eyes + 0.035 + cut["hairline"]) & (y > head)
    beard = (cut["beard"] > 0) & (y < anatomy.y("nose") - 0.02) & (y > head - 0.06) & (z > ear_z) & (x < 0.08)
    return {
        "socks": worn["socks"] & leg & (y < cut["sock_top"]),
        "shirt": worn["shirt"] & (y > cut["shirt_hem"]) & torso_top & (x < cut["sleeve"]),
        "trousers": worn["trousers"] & leg & (y < cut["waist"]) & (y > cut["leg"]),
        "skirt": worn["skirt"] & leg & (y < cut["waist"] + 0.05) & (y > cut["skirt_hem"]),
        "shoes": worn["shoes"] & leg & (y < cut["shoe_top"]),
        "jacket": worn["jacket"]
        & (y > cut["jacket_hem"])
        & torso_top
        & (x < cut["jacket_sleeve"])
        & ~(leg & (y < crotch) & (x < 0.02))
        & ((z < ear_z) | (x > cut["jacket_opening"])),
        "gloves": worn["gloves"] & arm & (x > anatomy.x("left_wrist") - 0.03),
        "hair": (worn["hair"] & ((hair_top | hair_back) & ~face)) | beard,
        "hat": worn["hat"] & (y > eyes + cut["hat_brim"]) & (y < top + 0.2),
    }


def cloth_offset(outfits: Outfits, anatomy: RestAnatomy, rest_vertices: Tensor) -> Tensor:
    """How far clothes and hair stand off the skin, (B, V) metres along the normals, for rest vertices (V, 3)."""
    count, vertices = len(outfits.skin), len(rest_vertices)
    person = torch.arange(count).repeat_interleave(vertices)
    points = rest_vertices.repeat(count, 1)
    cover = {name: value.view(count, vertices) for name, value in coverage(outfits, anatomy, person, points).items()}
    phase = outfits.pattern["shirt"][:, 2:3]
    wave = torch.sin(rest_vertices @ torch.tensor([31.0, 23.0, 37.0]) + phase) * torch.sin(
        rest_vertices @ torch.tensor([-17.0, 41.0, 19.0]) + 2 * phase
    )
    column = {name: value[:, None] for name, value in outfits.cut.items()}
    fall = ((anatomy.y("left_hip") - rest_vertices[:, 1]) / 0.4).clamp(0, 1.5)
    offset = torch.zeros(count, vertices)
    offset = torch.maximum(offset, cover["shirt"] * (0.004 + column["loose_top"] * 0.8))
    offset = torch.maximum(offset, cover["trousers"] * (0.004 + column["loose_leg"] * (0.5 + fall)))
    offset = torch.maximum(offset, cover["skirt"] * (0.01 + 0.06 * fall))
    offset = torch.maximum(offset, cover["jacket"] * (0.014 + column["loose_top"]))
    offset = offset + column["wrinkle"] * wave * (offset > 0)
    offset = torch.maximum(offset, cover["shoes"] * torch.full_like(offset, 0.008))
    offset = torch.maximum(offset, cover["hair"] * column["hair_thickness"] * (0.8 + 0.4 * wave))
    return torch.maximum(offset, cover["hat"] * torch.full_like(offset, 0.02))


def albedo(outfits: Outfits, anatomy: RestAnatomy, person: Tensor, rest: Tensor, photos: Tensor | None) -> Tensor:
    """Colour of points of the dressed body, (N, 3) in [0, 1].

    Args:
        person, rest: as for `coverage`.
        photos: (P, 3, h, w) pictures that some fabrics are printed with, or None.
    """
    colour = outfits.skin[person] * (1 + 0.06 * torch.sin(rest @ torch.tensor([90.0, 70.0, 80.0])))[:, None]
    colour = _paint_face(colour, outfits, anatomy, person, rest)
    for name, covered in coverage(outfits, anatomy, person, rest).items():
        where = covered.nonzero()[:, 0]
        if len(where):
            colour[where] = _fabric(outfits, name, person[where], rest[where], photos)
    return colour.clamp(0, 1)


def _paint_face(colour: Tensor, outfits: Outfits, anatomy: RestAnatomy, person: Tensor, rest: Tensor) -> Tensor:
    front = rest[:, 2] > anatomy.z("left_eye") - 0.03
    across = rest[:, 0].abs() - anatomy.x("left_eye")
    above = rest[:, 1] - anatomy.y("left_eye")
    eye = front & ((across / 0.016) ** 2 + (above / 0.008) ** 2 < 1)
    brow = front & ((across / 0.02) ** 2 + ((above - 0.018) / 0.005) ** 2 < 1)
    mouth_height = anatomy.y("nose") - 0.04
    mouth = front & ((rest[:, 0] / 0.025) ** 2 + ((rest[:, 1] - mouth_height) / 0.008) ** 2 < 1)
    lips = outfits.skin[person] * torch.tensor([0.9, 0.6, 0.6])
    colour = torch.where(mouth[:, None], lips, colour)
    colour = torch.where(brow[:, None], outfits.colours["hair"][person, 0], colour)
    return torch.where(eye[:, None], outfits.eye[person], colour)


def _fabric(outfits: Outfits, name: str, person: Tensor, rest: Tensor, photos: Tensor | None) -> Tensor:
    kind, frequency, phase, *direction, contrast, scale = outfits.pattern[name][person].unbind(1)
    along = (rest * torch.stack(direction, 1)).sum(1)
    stripes = (torch.sin(frequency * along + phase) > 0.2).float()
    checks = (
        (torch.sin(frequency * rest[:, 1] + phase) > 0).float()
        + (torch.sin(frequency * rest[:, 0] + phase) > 0).float()
    ) / 2
    blotches = 0.5 + 0.5 * torch.sin(frequency * rest[:, 0] + 3 * torch.sin(0.6 * frequency * rest[:, 1] + phase))
    patch = ((rest[:, 1] % 0.37 < 0.12) & (rest[:, 0].abs() < 0.1)).float()
    weight = torch.zeros_like(kind)
    for number, value in enumerate((stripes, checks, blotches, patch), start=1):
        weight = torch.where(kind == number, value, weight)
    pair = outfits.colours[name][person]
    colour = torch.lerp(pair[:, 0], pair[:, 1], (weight * contrast)[:, None])
    fine = 1 + 0.08 * torch.sin(rest @ torch.tensor([61.0, 47.0, 53.0]) + phase)
    if photos is not None and name != "hair":
        _, _, height, width = photos.shape
        column = ((rest[:, 0] * 0.7 + rest[:, 2] * 0.5) * scale * width + phase * 40).long() % width
        row = (-rest[:, 1] * scale * height + phase * 70).long() % height
        printed = photos[person % len(photos), :, row, column]
        colour = torch.where((kind == 5)[:, None], printed, colour)
    return colour * fine[:, None]


def _fabric_colours(count: int, generator: Generator) -> Tensor:
    """(B, 2, 3) pairs of colours; dark, grey and white clothes are as common as coloured ones."""
    hue = torch.rand(count, 2, 1, generator=generator)
    value = torch.rand(count, 2, 1, generator=generator) ** 1.3
    saturation = torch.rand(count, 2, 1, generator=generator) ** 2 * 0.9
    wheel = 0.5 + 0.5 * torch.cos(2 * math.pi * (hue - torch.tensor([0.0, 1 / 3, 2 / 3])))
    return (0.03 + 0.94 * value * (1 - saturation * (1 - wheel))).clamp(0, 1)


def _patterns(count: int, generator: Generator) -> Tensor:
    uniform = lambda low, high: low + (high - low) * torch.rand(count, generator=generator)  # noqa: E731
    kind = _choose(
        [torch.full((count,), float(number)) for number in range(6)], (0.45, 0.12, 0.08, 0.1, 0.1, 0.15), generator
    )
    direction = torch.nn.functional.normalize(
        torch.randn(count, 3, generator=generator) * torch.tensor([0.6, 1.0, 0.2]), dim=1
    )
    return torch.stack(
        [kind, uniform(25, 160), uniform(0, 6.28), *direction.unbind(1), uniform(0.3, 1), uniform(0.8, 4)], dim=1
    )


def _choose(options: list[Tensor], weights: tuple[float, ...], generator: Generator) -> Tensor:
    count = len(options[0])
    index = torch.multinomial(torch.tensor(weights), count, replacement=True, generator=generator)
    return torch.stack(options)[index, torch.arange(count)]

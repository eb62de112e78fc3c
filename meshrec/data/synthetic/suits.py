"""Painted suits: procedural clothes, hair and faces, as maps over the atlas that need no files.

A suit says for every texel of the atlas which garment covers it and how far the garment's pattern leans towards its
second colour, and for every vertex how far cloth and hair stand off the skin. Colours are not part of it: each person
brings a palette, so that a few hundred suits dress any number of people.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.data.synthetic.dice import Dice
from meshrec.structures import BODY30, BodyParams
from meshrec.uv import UvAtlas

GARMENTS = ("shirt", "jacket", "trousers", "skirt", "shoes", "socks", "gloves", "hat", "hair")
# What a palette colours, in the order of the maps' numbers.
PAINTS = ("skin", "lips", "eye", "brow", *GARMENTS)
_SUIT_SEED = 7
_BAKED_AT_ONCE = 16
_BARE = 0.05  # share of suits without clothes


@dataclass(frozen=True)
class Suits:
    """N suits.

    Attributes:
        paint: (N, R, R) uint8 index into PAINTS, row v, column u of the atlas.
        lean: (N, R, R) uint8, 0 the first colour of the paint, 255 the second.
        thickness_m: (N, V) of cloth and hair above the skin.
        bare: the first so many have hair and nothing else, for those who wear little.
    """

    paint: Tensor
    lean: Tensor
    thickness_m: Tensor
    bare: int

    def __len__(self) -> int:
        return len(self.paint)

    @property
    def resolution(self) -> int:
        return self.paint.shape[-1]

    def to(self, device: torch.device | str) -> Suits:
        return Suits(self.paint.to(device), self.lean.to(device), self.thickness_m.to(device), self.bare)

    @classmethod
    @torch.no_grad()
    def draw(
        cls, count: int, body: BodyModel, atlas: UvAtlas, photos: Tensor | None = None, resolution: int = 256
    ) -> Suits:
        """Cut and pattern suits; always the same ones.

        Args:
            count: suits.
            body, atlas: on the CPU.
            photos: (P, 3, h, w) pictures whose brightness some fabrics are printed with, or None.
            resolution: texels along a side of the atlas.
        """
        rest = body(BodyParams.rest(betas=body.beta_count))
        anatomy = RestAnatomy.from_joints(NamedJoints(body, BODY30)(rest)[0])
        table = atlas.texels(resolution)
        place, nearest = table.mask.view(-1).nonzero()[:, 0], _nearest_filled(table.mask)
        corners, weights = table.vertex_index.view(-1, 3)[place], table.barycentric.view(-1, 3)[place]
        points = (rest.vertices[0][corners] * weights[..., None]).sum(1)
        dice = Dice(_SUIT_SEED)
        bare = max(1, round(_BARE * count))
        painted, leaning, thick = [], [], []
        for start in range(0, count, _BAKED_AT_ONCE):
            size = min(_BAKED_AT_ONCE, count - start)
            cuts = draw_cuts(size, anatomy, dice, bare=max(0, bare - start))
            paint, lean = _paint(cuts, anatomy, points, photos)
            for values, maps in ((paint, painted), (lean, leaning)):
                maps.append(values.index_select(1, nearest).view(size, resolution, resolution))
            thick.append(cloth_offset(cuts, anatomy, rest.vertices[0]))
        return cls(torch.cat(painted), torch.cat(leaning), torch.cat(thick), bare)


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
class Cuts:
    """How B suits are cut; lengths in metres on the rest body.

    Attributes:
        pattern: garment to (B, 8): kind, frequency, phase, direction (3), contrast, photo scale.
        worn: garment to (B,) bool.
        cut: name of a length to (B,).
    """

    pattern: dict[str, Tensor]
    worn: dict[str, Tensor]
    cut: dict[str, Tensor]


def draw_cuts(count: int, anatomy: RestAnatomy, dice: Dice, bare: int = 0) -> Cuts:
    """Cut B suits at random; the first ``bare`` of them have no clothes."""
    uniform = lambda low=0.0, high=1.0: dice.uniform(count, low=low, high=high)  # noqa: E731
    chance = lambda probability: dice.chance(probability, count)  # noqa: E731
    pattern = {name: _patterns(count, dice) for name in GARMENTS}
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
        dice,
    )
    leg = _choose(
        [
            uniform(hip - 0.16, hip - 0.05),
            uniform(knee - 0.05, hip - 0.15),
            uniform(ankle + 0.1, knee - 0.08),
            uniform(ankle - 0.03, ankle + 0.04),
        ],
        (0.08, 0.22, 0.07, 0.63),
        dice,
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
            [uniform(ankle - 0.03, ankle + 0.03), uniform(ankle + 0.1, ankle + 0.25)], (0.85, 0.15), dice
        ),
        "hairline": uniform(0.0, 0.04),
        "hair_length": _choose([uniform(-0.02, 0.05), uniform(0.12, 0.4)], (0.6, 0.4), dice),
        "hair_thickness": uniform(0.004, 0.03),
        "beard": uniform(0.0, 0.06) * chance(0.2),
        "hat_brim": uniform(0.03, 0.07),
        "loose_top": uniform(0.0, 0.03),
        "loose_leg": uniform(0.0, 0.025),
        "wrinkle": uniform(0.0, 0.012),
    }
    for garment in set(GARMENTS) - {"hair"}:
        worn[garment][:bare] = False
    return Cuts(pattern, worn, cut)


def coverage(cuts: Cuts, anatomy: RestAnatomy, person: Tensor, rest: Tensor) -> dict[str, Tensor]:
    """Which garments cover points of the rest body, innermost first.

    Args:
        person: (N,) index of the person each point belongs to.
        rest: (N, 3) rest positions, metres, body axes.
    Returns:
        Garment to (N,) bool, in the order in which they are put on.
    """
    x, y, z = rest[:, 0].abs(), rest[:, 1], rest[:, 2]
    cut = {name: value[person] for name, value in cuts.cut.items()}
    worn = {name: value[person] for name, value in cuts.worn.items()}
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
    beard &= ~_mouth(anatomy, rest)
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


def cloth_offset(cuts: Cuts, anatomy: RestAnatomy, rest_vertices: Tensor) -> Tensor:
    """How far clothes and hair stand off the skin, (B, V) metres along the normals, for rest vertices (V, 3)."""
    count, vertices = len(cuts.worn["shirt"]), len(rest_vertices)
    person = torch.arange(count).repeat_interleave(vertices)
    points = rest_vertices.repeat(count, 1)
    cover = {name: value.view(count, vertices) for name, value in coverage(cuts, anatomy, person, points).items()}
    phase = cuts.pattern["shirt"][:, 2:3]
    wave = torch.sin(rest_vertices @ torch.tensor([31.0, 23.0, 37.0]) + phase) * torch.sin(
        rest_vertices @ torch.tensor([-17.0, 41.0, 19.0]) + 2 * phase
    )
    column = {name: value[:, None] for name, value in cuts.cut.items()}
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


def _nearest_filled(mask: Tensor) -> Tensor:
    """(R R,) for every texel, which of the filled ones (in reading order) is nearest: seams then show no gap."""
    _, label = cv2.distanceTransformWithLabels(
        (~mask).to(torch.uint8).numpy(), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label = torch.from_numpy(label).long().view(-1)
    order = torch.zeros(int(label.max()) + 1, dtype=torch.long)
    filled = mask.view(-1).nonzero()[:, 0]
    order[label[filled]] = torch.arange(len(filled))
    return order[label]


def _paint(cuts: Cuts, anatomy: RestAnatomy, points: Tensor, photos: Tensor | None) -> tuple[Tensor, Tensor]:
    """Paint and lean (B, N) uint8 of points (N, 3) of the rest body."""
    count, size = len(cuts.worn["shirt"]), len(points)
    person, rest = torch.arange(count).repeat_interleave(size), points.repeat(count, 1)
    paint = _face_paint(anatomy, points).repeat(count)
    lean = (128 + 50 * torch.sin(rest @ torch.tensor([90.0, 70.0, 80.0]))).to(torch.uint8)  # uneven skin
    for name, covered in coverage(cuts, anatomy, person, rest).items():
        where = covered.nonzero()[:, 0]
        paint[where] = PAINTS.index(name)
        lean[where] = (255 * _lean(cuts, name, person[where], rest[where], photos)).to(torch.uint8)
    return paint.view(count, size), lean.view(count, size)


def _face_paint(anatomy: RestAnatomy, rest: Tensor) -> Tensor:
    """(N,) uint8: skin, and the eyes, brows and lips of a schematic face."""
    front = rest[:, 2] > anatomy.z("left_eye") - 0.03
    across = rest[:, 0].abs() - anatomy.x("left_eye")
    above = rest[:, 1] - anatomy.y("left_eye")
    eye = front & ((across / 0.016) ** 2 + (above / 0.008) ** 2 < 1)
    brow = front & ((across / 0.02) ** 2 + ((above - 0.018) / 0.005) ** 2 < 1)
    lips = front & _mouth(anatomy, rest)
    paint = torch.zeros(len(rest), dtype=torch.uint8)
    for name, where in (("lips", lips), ("brow", brow), ("eye", eye)):
        paint[where] = PAINTS.index(name)
    return paint


def _mouth(anatomy: RestAnatomy, rest: Tensor) -> Tensor:
    """(N,) bool, an ellipse below the nose, through to the back of the head."""
    return (rest[:, 0] / 0.025) ** 2 + ((rest[:, 1] - anatomy.y("nose") + 0.04) / 0.008) ** 2 < 1


def _lean(cuts: Cuts, name: str, person: Tensor, rest: Tensor, photos: Tensor | None) -> Tensor:
    """(N,) 0 to 1: how far a fabric leans towards its second colour."""
    kind, frequency, phase, *direction, contrast, scale = cuts.pattern[name][person].unbind(1)
    along = (rest * torch.stack(direction, 1)).sum(1)
    stripes = (torch.sin(frequency * along + phase) > 0.2).float()
    checks = (
        (torch.sin(frequency * rest[:, 1] + phase) > 0).float()
        + (torch.sin(frequency * rest[:, 0] + phase) > 0).float()
    ) / 2
    blotches = 0.5 + 0.5 * torch.sin(frequency * rest[:, 0] + 3 * torch.sin(0.6 * frequency * rest[:, 1] + phase))
    patch = ((rest[:, 1] % 0.37 < 0.12) & (rest[:, 0].abs() < 0.1)).float()
    lean = torch.zeros_like(kind)
    for number, value in enumerate((stripes, checks, blotches, patch), start=1):
        lean = torch.where(kind == number, value, lean)
    if photos is not None and name != "hair":
        _, _, height, width = photos.shape
        column = ((rest[:, 0] * 0.7 + rest[:, 2] * 0.5) * scale * width + phase * 40).long() % width
        row = (-rest[:, 1] * scale * height + phase * 70).long() % height
        lean = torch.where(kind == 5, photos.mean(1)[person % len(photos), row, column], lean)
    folds = 0.08 * (1 + torch.sin(rest @ torch.tensor([61.0, 47.0, 53.0]) + phase))
    return (lean * contrast + folds).clamp(0, 1)


def _patterns(count: int, dice: Dice) -> Tensor:
    uniform = lambda low, high: dice.uniform(count, low=low, high=high)  # noqa: E731
    kind = dice.choose((0.45, 0.12, 0.08, 0.1, 0.1, 0.15), count).float()
    direction = torch.nn.functional.normalize(dice.normal(count, 3) * torch.tensor([0.6, 1.0, 0.2]), dim=1)
    return torch.stack(
        [kind, uniform(25, 160), uniform(0, 6.28), *direction.unbind(1), uniform(0.3, 1), uniform(0.8, 4)], dim=1
    )


def _choose(options: list[Tensor], weights: tuple[float, ...], dice: Dice) -> Tensor:
    """(B,) one of the options for each suit."""
    count = len(options[0])
    return torch.stack(options)[dice.choose(weights, count), torch.arange(count)]

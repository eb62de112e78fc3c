"""The colour of every visible point: painted suits, photographed skins, and the pictures on clothes and hair."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.palettes import Palettes, draw_palettes, fabric_colours
from meshrec.data.synthetic.suits import PAINTS, Suits
from meshrec.data.wardrobe.layers import Wardrobe

_LEVELS = 3  # of halved pictures, so that small people do not sparkle
_BODY_HEIGHT_TEXELS = 300.0  # that a picture of 256 texels spreads over a standing person, roughly
_FACE_PAINTS = len(("skin", "lips", "eye", "brow"))  # what a photographed skin shows by itself
_DYED = 0.55  # share of garments whose colour is not their picture's
_BROWS_PER_SKIN = 2


class Pictures:
    """Pictures of different sizes and their halved copies in one table.

    Args:
        pictures: (h, w, 3) uint8 each.
    """

    def __init__(self, pictures: list[Tensor], device: torch.device | str) -> None:
        texels, places, start = [], [], 0
        for picture in pictures:
            levels = [picture.permute(2, 0, 1).float()]
            levels += [F.avg_pool2d(levels[0], 2**level) for level in range(1, _LEVELS)]
            for level in levels:
                _, height, width = level.shape
                texels.append(level.permute(1, 2, 0).reshape(-1, 3).round().to(torch.uint8))
                places.append((start, height, width))
                start += height * width
        self.texels = torch.cat(texels).to(device)
        self.places = torch.tensor(places, device=device)

    def read(self, picture: Tensor, level: Tensor, uv: Tensor) -> Tensor:
        """(N, 3) colours in [0, 1] of the texels at (N, 2) coordinates in [0, 1]."""
        start, height, width = self.places.index_select(0, picture * _LEVELS + level).unbind(1)
        column = torch.minimum((uv[:, 0].clamp(0, 1) * width).long(), width - 1)
        row = torch.minimum((uv[:, 1].clamp(0, 1) * height).long(), height - 1)
        return self.texels.index_select(0, start + row * width + column).float() / 255


@dataclass(frozen=True)
class Colouring:
    """The colours of one batch of people.

    Attributes:
        suit, skin: (B,) long; skin counts photographed skins.
        palettes: of the people.
        dye: (W, 3) colour put on each worn piece; dyed: (W,) 0 for the picture's own colours to 1.
    """

    suit: Tensor
    skin: Tensor
    palettes: Palettes
    dye: Tensor
    dyed: Tensor


class Textures:
    """Reads colours.

    Args:
        suits: painted suits.
        wardrobe: pictures of layers and photographed skins, if any.
        hair: which pieces are hair, and take a hair's colour as dye.
    """

    def __init__(self, suits: Suits, wardrobe: Wardrobe | None, device: torch.device | str) -> None:
        self.suits = suits.to(device)
        self.pictures = self.skins = None
        layers = () if wardrobe is None else wardrobe.layers
        if layers:
            self.pictures = Pictures([layer.texture for layer in layers], device)
        if wardrobe is not None and len(wardrobe.skins):
            self.skins = Pictures(_faces_with_brows(wardrobe), device)
            self.skin_count, self.skin_side = len(self.skins.places) // _LEVELS, wardrobe.skins.shape[1]
        self.is_hair = torch.tensor([False, *(layer.kind == "hair" for layer in layers)], device=device)

    def draw(self, suit: Tensor, worn_person: Tensor, worn_piece: Tensor, dice: Dice) -> Colouring:
        """Colours for people in suits (B,) and for what else they wear (W,)."""
        people = len(suit)
        palettes = draw_palettes(people, dice)
        skin = dice.integers(self.skin_count, people) if self.skins is not None else torch.zeros_like(suit)
        dye, dyed = fabric_colours(dice, len(worn_piece)), dice.chance(_DYED, len(worn_piece)).float()
        hair = self.is_hair.index_select(0, worn_piece)
        dye = torch.where(hair[:, None], palettes.hair.index_select(0, worn_person), dye)
        dyed = torch.where(hair, 0.8, dyed * dice.uniform(len(dyed), low=0.6, high=1.0))
        return Colouring(suit, skin, palettes, dye, dyed)

    def albedo(
        self, colouring: Colouring, person: Tensor, worn: Tensor, piece: Tensor, uv: Tensor, height_px: Tensor
    ) -> Tensor:
        """Colours (N, 3) in [0, 1] of N visible points.

        Args:
            colouring: of the batch.
            person, worn, piece: (N,) long of each point.
            uv: (N, 2) texture coordinates: the atlas's on the body, the picture's on a layer.
            height_px: (B,) about how tall each person appears.
        """
        level = (_BODY_HEIGHT_TEXELS / height_px.clamp_min(1)).log2().round().clamp(0, _LEVELS - 1).long()
        level = level.index_select(0, person)
        on_layer = piece > 0
        bare = (~on_layer).nonzero()[:, 0]
        colours = torch.empty(len(person), 3, device=uv.device)
        colours.index_copy_(0, bare, self._body(colouring, *(x.index_select(0, bare) for x in (person, uv, level))))
        if self.pictures is not None:
            clad = on_layer.nonzero()[:, 0]
            worn, piece, uv, level = (x.index_select(0, clad) for x in (worn, piece, uv, level))
            picture = self.pictures.read(piece - 1, level, uv)
            dye, dyed = colouring.dye.index_select(0, worn), colouring.dyed.index_select(0, worn)[:, None]
            brightness = picture.mean(1, keepdim=True)
            # Dyed cloth keeps the folds and prints of its picture as light and dark.
            colours.index_copy_(0, clad, torch.lerp(picture, (1.7 * brightness * dye).clamp_max(1.0), dyed))
        return colours

    def _body(self, colouring: Colouring, person: Tensor, uv: Tensor, level: Tensor) -> Tensor:
        side = self.suits.resolution
        column, row = (uv * (side - 1)).round().long().clamp_(0, side - 1).unbind(1)
        texel = (colouring.suit.index_select(0, person) * side + row) * side + column
        paint = self.suits.paint.view(-1).index_select(0, texel).long()
        lean = self.suits.lean.view(-1).index_select(0, texel).float() / 255
        pair = colouring.palettes.paints.flatten(0, 1).index_select(0, person * len(PAINTS) + paint)
        colour = torch.lerp(pair[:, 0], pair[:, 1], lean[:, None])
        if self.skins is None:
            return colour
        # Texels of the atlas lie on the corners of [0, 1], those of a picture half a texel inside.
        skin = self.skins.read(
            colouring.skin.index_select(0, person), level, (uv * (self.skin_side - 1) + 0.5) / self.skin_side
        )
        skin = (skin * colouring.palettes.complexion.index_select(0, person)).clamp_max(1.0)
        return torch.where((paint < _FACE_PAINTS)[:, None], skin, colour)


def _faces_with_brows(wardrobe: Wardrobe) -> list[Tensor]:
    """Every skin with a few different brows, (R, R, 3) uint8 each."""
    faces = []
    for number, skin in enumerate(wardrobe.skins):
        if not len(wardrobe.brows):
            faces.append(skin)
        for turn in range(min(_BROWS_PER_SKIN, len(wardrobe.brows))):
            brow = wardrobe.brows[(_BROWS_PER_SKIN * number + turn) % len(wardrobe.brows)].float()
            alpha = brow[..., 3:] / 255
            faces.append(torch.lerp(skin.float(), brow[..., :3], alpha).round().to(torch.uint8))
    return faces

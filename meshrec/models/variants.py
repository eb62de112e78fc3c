"""The two forms of DecoMR's nets: as in the paper, and the light default. All their sizes stand here."""

from __future__ import annotations

from torch import Tensor

from meshrec.models.backbones import ResNet50, TimmBackbone
from meshrec.models.body_code import BodyEncoder
from meshrec.models.correspondence_net import CorrespondenceNet
from meshrec.models.iuv_heads import ContinuousHead, PartHead
from meshrec.models.location_net import LocationNet, LocationWidths
from meshrec.models.map_basis import MapBasis
from meshrec.models.part_code import PartCode
from meshrec.structures import BODY30

PAPER_UV_GRID = 64  # texels of UV space in the paper: 256 / 2 ** 2, not the 56 of a 224 px crop's features
LIGHT_UV_GRID = 32
LIGHT_BASIS_GRID = 64
LIGHT_CODE = 320  # channels of the light encoder's last map, whose mean is the code of a picture
FACING_BINS = 8


def paper_correspondence_net(atlas_hash: str = "", iuv_input: bool = False) -> CorrespondenceNet:
    """DecoMR's CNet: 33,513,803 parameters, random until loaded."""
    backbone = ResNet50(_input_channels(iuv_input))
    channels = backbone.channels[:3]
    return CorrespondenceNet(backbone, ContinuousHead(channels[0]), decoder_channels=channels, atlas_hash=atlas_hash,
                             iuv_input=iuv_input)


def paper_location_net(reference_map: Tensor, map_resolution: int = 128, atlas_hash: str = "") -> LocationNet:
    """DecoMR's LNet: 30,368,390 parameters at 128 texels, 30,582,918 at 256.

    Args:
        reference_map: (3, 64, 64) location map of the rest body that faces the camera.
        map_resolution: 128 or 256.
    """
    levels = {2 * PAPER_UV_GRID: 1, 4 * PAPER_UV_GRID: 2}
    if map_resolution not in levels:
        raise ValueError(f"map_resolution must be one of {sorted(levels)}, got {map_resolution}.")
    return LocationNet(reference_map, decoder_levels=levels[map_resolution], atlas_hash=atlas_hash)


def light_correspondence_net(centres_uv: Tensor, extents_uv: Tensor, atlas_hash: str = "",
                             iuv_input: bool = False) -> CorrespondenceNet:
    """A narrow ResNet-18 with a part-wise head, heatmaps of 30 joints and a heading; trains from scratch on a CPU.

    Dense convolutions on purpose: depthwise ones have fewer operations but train more slowly on CPU.

    Args:
        centres_uv, extents_uv: boxes of the 24 parts in the atlas, each (24, 2); see ``part_boxes_uv``.
        iuv_input: see `CorrespondenceNet`.
    """
    channels = (48, 96, 192)
    head = PartHead(channels[0], PartCode(centres_uv, extents_uv), joints=len(BODY30), norm="batch")
    backbone = TimmBackbone("resnet18", _input_channels(iuv_input), channels=(*channels, LIGHT_CODE))
    return CorrespondenceNet(backbone, head, decoder_channels=channels, facing_bins=FACING_BINS, atlas_hash=atlas_hash,
                             norm="batch", iuv_input=iuv_input)


def light_location_net(reference_map: Tensor, basis_map: Tensor, atlas_hash: str = "") -> LocationNet:
    """A small location net that also reads the IUV map itself, predicts around a linear basis, and needs no picture.

    Args:
        reference_map: (3, 32, 32) location map of the rest body that faces the camera.
        basis_map: (3, 64, 64) the same, for the basis; maps come out at 128 texels.
    """
    widths = LocationWidths(features=48, code=LIGHT_CODE, global_features=16, fuse=(64,), hourglass=32, levels=3,
                            decoder=32, camera=(128, 64))
    encoder = light_body_encoder()
    return LocationNet(reference_map, widths, decoder_levels=0, map_resolution=128, body_encoder=encoder,
                       map_basis=MapBasis(basis_map, encoder.width, size=128), atlas_hash=atlas_hash, norm="layer",
                       code_norm="layer")


def light_body_encoder() -> BodyEncoder:
    """What the light location net reads correspondence, joints and code with."""
    return BodyEncoder(width=384, code_channels=LIGHT_CODE, joints=len(BODY30), norm="layer")


def _input_channels(iuv_input: bool) -> int:
    return 6 if iuv_input else 3

"""Location net: from correspondence and features in UV space to the location map and the camera (DecoMR's LNet)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meshrec.checks import check_shapes
from meshrec.models.blocks import Bottleneck, Hourglass, UpBlock
from meshrec.structures import IuvMap, LocationMap, WeakPerspectiveCamera
from meshrec.uv.transfer import image_to_uv

HEAD_WIDTH = 32  # channels before the last convolution (paper)
SMALLEST_SCALE = 0.1  # 1 / metres: below it a person would be under a tenth of the crop, and 1 / scale would explode
LARGEST_ERROR_M = 1.0


@dataclass(frozen=True)
class Location:
    """Result of the location net: where the surface is, and how the crop sees it."""

    location_map: LocationMap
    camera: WeakPerspectiveCamera


@dataclass(frozen=True)
class LocationWidths:
    """Sizes of a location net; the defaults are DecoMR's.

    Attributes:
        features: channels of the local features.
        code: size of the image's code.
        global_features: channels into which the code is turned before it is repeated over UV space.
        fuse: channels of the 1x1 convolutions before the hourglass.
        hourglass: channels of the hourglass at its finest level.
        levels: how often the hourglass halves.
        decoder: channels of the finest decoder level; each coarser one has twice as many.
        camera: channels of the camera's two hidden layers.
    """

    features: int = 256
    code: int = 2048
    global_features: int = 256
    fuse: tuple[int, ...] = (512, 512)
    hourglass: int = 256
    levels: int = 3
    decoder: int = 64
    camera: tuple[int, int] = (512, 256)


class LocationNet(nn.Module):
    """Completes the transferred evidence over the whole surface.

    The paper's form gets the image's code and predicts the map outright. The default form adds two parts, which
    belong together:

    - ``body_encoder`` makes the code from the IUV map itself (and from the image's code and joints where given), so
      that the net also runs, and trains, on rendered correspondence without any picture;
    - ``map_basis`` turns that code into a coarse map. The hourglass then sees, per texel, how far the image coordinates
      found there are from that coarse map under the predicted camera, and predicts what to add.

    Args:
        reference_map: (3, R, R) location map of the rest body that faces the camera; R is the grid of UV space.
        widths: sizes of the layers.
        decoder_levels: how often the decoder doubles R.
        map_resolution: texels of the result; the convolutions' output is enlarged to it, corner-aligned. ``None``: as
            they leave it.
        atlas_hash: the atlas of the maps.
        norm: normalisation of the convolutional blocks, see ``meshrec.models.blocks``.
        code_norm: normalisation of the layers on the code, ``"batch"`` (paper; trains with two samples or more) or
            ``"layer"`` (the same whether a batch holds pictures or rendered correspondence).
    """

    def __init__(self, reference_map: Tensor, widths: LocationWidths = LocationWidths(), *, decoder_levels: int = 1,
                 map_resolution: int | None = None, body_encoder: nn.Module | None = None,
                 map_basis: nn.Module | None = None, atlas_hash: str = "", norm: str = "group",
                 code_norm: str = "batch") -> None:
        super().__init__()
        check_shapes(reference_map=(reference_map, "3 R R"))
        if (body_encoder is None) != (map_basis is None):
            raise ValueError("body_encoder and map_basis are given together or not at all.")
        self.widths, self.atlas_hash = widths, atlas_hash
        self.map_resolution = map_resolution or reference_map.shape[-1] << decoder_levels
        self.register_buffer("reference_map", reference_map.float().clone(), persistent=False)
        self.body_encoder, self.map_basis = body_encoder, map_basis
        code = widths.code if body_encoder is None else body_encoder.width
        coarse = 0 if map_basis is None else 5  # the coarse map and the error of x and y
        inputs = widths.features + 3 + widths.global_features + 3 + coarse
        self.code_layers = _code_layers(code, widths, code_norm)
        self.fuse = _fuse_layers((inputs, *widths.fuse, widths.hourglass))
        self.hourglass = Hourglass(widths.hourglass, widths.levels, norm)
        self.narrow = Bottleneck(widths.hourglass, widths.decoder << decoder_levels, norm)
        self.decoder = nn.Sequential(*(UpBlock(widths.decoder << level + 1, widths.decoder << level, norm, "bilinear")
                                       for level in reversed(range(decoder_levels))))
        self.map_head = nn.Sequential(Bottleneck(widths.decoder, HEAD_WIDTH, norm), nn.Conv2d(HEAD_WIDTH, 3, 1))
        self.camera_layers = _camera_layers(code, widths, code_norm)
        if map_basis is not None:  # start from the coarse map, seen by a camera that fills the crop with the person
            nn.init.zeros_(self.map_head[-1].weight)
            nn.init.zeros_(self.map_head[-1].bias)
            nn.init.normal_(self.camera_layers[-1].weight, std=1e-3)
            self.camera_layers[-1].bias.data = torch.tensor([0.9, 0.0, 0.0])

    def forward(self, iuv: IuvMap, features: Tensor | None = None, code: Tensor | None = None,
                joints: Tensor | None = None, *, refine: bool = True) -> Location:
        """Location maps of people.

        Args:
            iuv: correspondence, (B, h, w); no gradient reaches it.
            features: (B, C, h, w) local features; absent counts as zero.
            code: (B, D) pooled image features; the paper's form needs it.
            joints: (B, J, 3) x, y in [-1, 1] over the crop and a confidence; read by the default form only.
            refine: False stops at the default form's coarse map, at a tenth of the cost.
        Raises:
            ValueError: the paper's form got no code, or was asked not to refine.
        """
        if not refine and self.map_basis is None:
            raise ValueError("This location net has no coarse map to stop at.")
        code = self._body_code(iuv, code, joints)
        camera = self._camera(code)
        if not refine:
            return Location(LocationMap(self.map_basis(code), self.atlas_hash), camera)
        resolution = self.reference_map.shape[-1]
        evidence = self._transfer(iuv, features, resolution)
        context = self.code_layers(code)[:, :, None, None].expand(-1, -1, resolution, resolution)
        planes = [evidence, context, self.reference_map.expand(len(iuv), -1, -1, -1)]
        coarse = None if self.map_basis is None else self.map_basis(code)
        if coarse is not None:
            at_grid = _resize_map(coarse, resolution)
            planes += [at_grid, _error_of_xy(evidence[:, -3:], at_grid, camera, iuv.mask.shape[-1])]
        x = self.narrow(self.hourglass(self.fuse(torch.cat(planes, dim=1))))
        points = _resize_map(self.map_head(self.decoder(x)).float(), self.map_resolution)
        if coarse is not None:
            points = points + _resize_map(coarse, self.map_resolution)
        return Location(LocationMap(points, self.atlas_hash), camera)

    def _body_code(self, iuv: IuvMap, code: Tensor | None, joints: Tensor | None) -> Tensor:
        if self.body_encoder is not None:
            return self.body_encoder(iuv, code, joints)
        if code is None:
            raise ValueError("This location net has no body encoder, so it needs the image's code.")
        return code

    def _camera(self, code: Tensor) -> WeakPerspectiveCamera:
        """In single precision, because half of it moves a person by several pixels."""
        with torch.autocast(code.device.type, enabled=False):
            return WeakPerspectiveCamera.from_vector(self.camera_layers(code.float()))

    def _transfer(self, iuv: IuvMap, features: Tensor | None, resolution: int) -> Tensor:
        """(B, C + 3, R, R) features, x, y and occupancy in UV space."""
        if features is not None:
            return image_to_uv(features.float(), iuv.detach(), resolution)
        batch, height, width = iuv.mask.shape
        xy = image_to_uv(iuv.uv.new_zeros(batch, 0, height, width), iuv.detach(), resolution)
        return torch.cat([xy.new_zeros(batch, self.widths.features, resolution, resolution), xy], dim=1)


def _resize_map(points: Tensor, resolution: int) -> Tensor:
    """Corner-aligned, because texel i of a map lies at i / (R - 1) of the atlas."""
    if points.shape[-1] == resolution:
        return points
    return F.interpolate(points, size=(resolution, resolution), mode="bilinear", align_corners=True)


def _error_of_xy(transferred: Tensor, coarse: Tensor, camera: WeakPerspectiveCamera, width: int) -> Tensor:
    """How far the seen x, y are from the coarse map, in metres; zero at texels that no pixel shows.

    Args:
        transferred: (B, 3, R, R) image x, y in [-1, 1] between the outer pixels' centres, and occupancy.
        coarse: (B, 3, R, R) metres.
        width: pixels per side of the image that was transferred.
    """
    scale = camera.scale.detach().clamp(min=SMALLEST_SCALE)[:, None, None, None]
    ndc = transferred[:, :2] * ((width - 1) / width)  # from pixel centres to the crop's edges
    seen = ndc / scale - camera.translation.detach()[:, :, None, None]
    return transferred[:, 2:] * (seen - coarse[:, :2]).clamp(-LARGEST_ERROR_M, LARGEST_ERROR_M)


def _code_layers(code: int, widths: LocationWidths, norm: str) -> nn.Sequential:
    hidden = widths.camera[0]
    return nn.Sequential(nn.Linear(code, hidden), _vector_norm(norm, hidden), nn.ReLU(),
                         nn.Linear(hidden, widths.global_features))


def _camera_layers(code: int, widths: LocationWidths, norm: str) -> nn.Sequential:
    first, second = widths.camera
    return nn.Sequential(nn.Linear(code, first), _vector_norm(norm, first), nn.ReLU(), nn.Linear(first, second),
                         _vector_norm(norm, second), nn.LeakyReLU(0.2), nn.Linear(second, 3))


def _vector_norm(kind: str, width: int) -> nn.Module:
    if kind not in ("batch", "layer"):
        raise ValueError(f"code_norm must be 'batch' or 'layer', got {kind!r}.")
    return nn.BatchNorm1d(width) if kind == "batch" else nn.LayerNorm(width)


def _fuse_layers(channels: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])

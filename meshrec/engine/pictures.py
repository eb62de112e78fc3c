"""Pictures of what a net makes of a batch: photo, true and predicted correspondence, and the mesh over the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.engine.stages import StageConfig
from meshrec.geometry.meshes import vertex_normals
from meshrec.models import DecoMR, DecoMROutput
from meshrec.render import interpolate, rasterize
from meshrec.structures import IuvMap, TrainingBatch, WeakPerspectiveCamera
from meshrec.vis.contact_sheet import contact_sheet, save_png

_MESH_COLOUR = (0.55, 0.75, 0.95)


class PredictionPictures:
    """Draws the last samples of a batch, photographs among them, in rows of pictures.

    Args:
        faces: (F, 3) of the body.
        people: how many samples.
    """

    def __init__(self, faces: Tensor, people: int = 12) -> None:
        self.faces, self.people = faces, people

    @torch.no_grad()
    def __call__(self, model: DecoMR, batch: TrainingBatch, stage: StageConfig, path: Path) -> None:
        """Write the sheet as PNG: per person the picture, the truth (black where unknown), the prediction, the mesh."""
        half = self.people // 2
        chosen = list(range(min(half, len(batch)))) + list(range(max(half, len(batch) - half), len(batch)))
        some = batch[chosen]
        was_training = model.training
        output = model.eval()(some.images)
        model.train(was_training)
        save_png(
            draw_predictions(some, output, self.faces.to(some.images.device), with_mesh=stage.location_input != "none"),
            path,
        )


def draw_predictions(
    batch: TrainingBatch,
    output: DecoMROutput,
    faces: Tensor,
    with_mesh: bool = True,
    captions: list[str] | None = None,
    people_per_row: int = 2,
) -> np.ndarray:
    """A contact sheet of a batch and what the net made of it, (H, W, 3) uint8."""
    iuv = output.correspondence.iuv
    true = colour_iuv(IuvMap(batch.mask * batch.has_iuv[:, None, None], batch.uv))
    columns = [batch.images, true, colour_iuv(iuv, batch.images.shape[-1])]
    if with_mesh:
        columns.append(mesh_over(batch.images, output.vertices, output.camera, faces))
    pictures = [to_uint8(column[person]) for person in range(len(batch)) for column in columns]
    if captions is not None:
        captions = [text if place == 0 else "" for text in captions for place in range(len(columns))]
    return contact_sheet(pictures, people_per_row * len(columns), captions)


def people_sheet(batch: TrainingBatch, columns: int, *, with_targets: bool = False) -> np.ndarray:
    """A contact sheet of a batch's pictures, each with its true IUV beside it if asked for, (H, W, 3) uint8."""
    shown = [batch.images]
    if with_targets:
        shown.append(colour_iuv(IuvMap(batch.mask, batch.uv)))
    pictures = [to_uint8(pictures[person]) for person in range(len(batch)) for pictures in shown]
    return contact_sheet(pictures, columns * len(shown))


def colour_iuv(iuv: IuvMap, size: int | None = None) -> Tensor:
    """IUV maps as pictures (B, 3, H, W): red grows with u, green with v, blue marks the person; optionally enlarged."""
    mask = iuv.mask > 0.5
    picture = torch.cat([iuv.uv, torch.full_like(iuv.uv[:, :1], 0.6)], dim=1) * mask[:, None]
    return picture if size is None else torch.nn.functional.interpolate(picture, size=(size, size))


def mesh_over(images: Tensor, vertices: Tensor, camera: WeakPerspectiveCamera, faces: Tensor) -> Tensor:
    """Lit meshes over their crops, (B, 3, H, W)."""
    size = images.shape[-2:]
    # Orthographic depth is free; well in front of the near plane.
    points = vertices.float() + vertices.new_tensor([0.0, 0.0, 10.0])
    fragments = rasterize(points, faces, camera, tuple(size))
    normals = interpolate(fragments, faces, vertex_normals(points, faces))
    light = (0.35 - 0.65 * normals[:, 2:]).clamp(0.2, 1)
    colour = light * normals.new_tensor(_MESH_COLOUR)[:, None, None]
    return torch.where(fragments.mask[:, None], 0.85 * colour + 0.15 * images, images)


def to_uint8(picture: Tensor) -> np.ndarray:
    """(H, W, 3) of a picture (3, H, W) in [0, 1]."""
    return (picture.float().clamp(0, 1).permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)

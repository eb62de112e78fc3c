"""A person made of an egg, and a net that finds it in every crop: enough to test everything behind the net."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
import trimesh
from torch import Tensor, nn

from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.models.correspondence_net import Correspondence
from meshrec.models.decomr import DecoMROutput
from meshrec.pipeline import MeshModel
from meshrec.structures import SMPL24, IuvMap, LocationMap, MeshPrediction, PinholeCamera, WeakPerspectiveCamera

JOINTS = len(SMPL24)


def egg(subdivisions: int = 2) -> tuple[Tensor, Tensor]:
    """Closed mesh, vertices (V, 3) in metres in camera axes and faces (F, 3), of the size of a person.

    It bulges to +x below and to +y at the end, so that every axis and sign can be told from the outline.
    """
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    vertices = torch.from_numpy(sphere.vertices.copy()).float() * torch.tensor([0.25, 0.8, 0.2])
    bulge = (vertices[:, 1:2] > 0.3) & (vertices[:, :1] > 0)
    vertices = vertices + bulge * torch.tensor([0.15, 0.1, 0.0])
    return vertices, torch.from_numpy(sphere.faces.copy()).long()


def egg_body(subdivisions: int = 2) -> SimpleNamespace:
    """What the pipeline reads from a body: faces and a joint regressor (each joint is the mean of some vertices)."""
    vertices, faces = egg(subdivisions)
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(JOINTS, len(vertices), generator=generator)
    return SimpleNamespace(faces=faces, joint_regressor=weights / weights.sum(1, keepdim=True))


class EggNet(nn.Module):
    """Answers every crop with the egg under a fixed weak-perspective camera, and keeps the crops it saw.

    Args:
        camera: s, tx, ty.
        visible: left, top, right and bottom of the mask, as fractions of the crop.
        broken: answer with numbers that are none.
        iuv_input: claim to read what a finder saw, which is kept too.
    """

    def __init__(self, camera: tuple[float, float, float] = (1.0, 0.0, 0.0), subdivisions: int = 2,
                 visible: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0), broken: bool = False,
                 iuv_input: bool = False) -> None:
        super().__init__()
        self.camera, self.broken = camera, broken
        self.register_buffer("vertices", egg(subdivisions)[0])
        self.crops: list[Tensor] = []
        self.told: list[IuvMap | None] = []
        self.correspondence_net = EggCorrespondence(visible, iuv_input)

    def forward(self, images: Tensor, iuv: IuvMap | None = None) -> DecoMROutput:
        self.crops.append(images)
        self.told.append(iuv)
        batch = len(images)
        vertices = self.vertices.expand(batch, -1, -1) * (float("nan") if self.broken else 1.0)
        return DecoMROutput(self.correspondence_net(images), LocationMap(torch.zeros(batch, 3, 4, 4)), vertices,
                            WeakPerspectiveCamera.from_vector(torch.tensor([self.camera]).expand(batch, 3)))


class EggCorrespondence(nn.Module):
    """See `EggNet`."""

    def __init__(self, visible: tuple[float, float, float, float], iuv_input: bool) -> None:
        super().__init__()
        self.visible, self.iuv_input = visible, iuv_input

    def forward(self, images: Tensor) -> Correspondence:
        return _mask_of(images, self.visible)


class Finder:
    """Finds the same people in every photo, each box filled by one part.

    Args:
        boxes_xyxy_px: one for each person, the best scored one first.
    """

    charts = "some charts"

    def __init__(self, *boxes_xyxy_px: tuple[float, float, float, float]) -> None:
        self.people = [
            PersonIuv(torch.tensor(box), 0.9 - 0.1 * number, _filled(box)) for number, box in enumerate(boxes_xyxy_px)
        ]

    def predict(self, image: np.ndarray, boxes_xyxy_px: Tensor | None = None) -> list[PersonIuv]:
        if boxes_xyxy_px is None:
            return list(self.people)
        return [PersonIuv(box, 1.0, _filled(tuple(box.tolist()))) for box in boxes_xyxy_px]


def _filled(box: tuple[float, float, float, float]) -> ChartResult:
    left, top, right, bottom = (int(value) for value in box)
    labels = torch.full((bottom - top, right - left), 2)
    return ChartResult(labels, torch.full((2, *labels.shape), 0.5), (left, top))


def _mask_of(images: Tensor, visible: tuple[float, float, float, float]) -> Correspondence:
    """Correspondence (B, 32, 32) of a rectangle."""
    centres = (torch.arange(32) + 0.5) / 32
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    left, top, right, bottom = visible
    inside = (columns > left) & (columns < right) & (rows > top) & (rows < bottom)
    batch = len(images)
    mask, uv = inside.float().expand(batch, 32, 32), torch.stack([columns, rows]).expand(batch, 2, 32, 32)
    return Correspondence(IuvMap(mask, uv), mask, torch.zeros(batch, 1, 32, 32), torch.zeros(batch, 1))


def egg_model(**options) -> MeshModel:
    """A model whose net is an `EggNet` with these options."""
    net = EggNet(**options)
    return MeshModel(net.eval(), egg_body(options.get("subdivisions", 2)), 64, torch.device("cpu"))


def egg_prediction(translation: tuple[float, float, float] = (0.1, -0.2, 4.0), image_size: tuple[int, int] = (240, 320),
                   focal_px: float = 400.0, subdivisions: int = 2) -> MeshPrediction:
    """An egg in front of a camera."""
    height, width = image_size
    vertices, faces = egg(subdivisions)
    vertices_cam = vertices + torch.tensor(translation)
    camera = PinholeCamera(torch.tensor([[focal_px, focal_px]]), torch.tensor([[width / 2, height / 2]]), image_size)
    joints = egg_body(subdivisions).joint_regressor @ vertices_cam
    return MeshPrediction(vertices_cam, faces, joints, SMPL24, camera, torch.tensor([0.0, 0.0, width, height]))

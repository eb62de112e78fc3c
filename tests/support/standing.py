"""A model that sees the same standing person in every crop: enough to make labels with and to judge them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from meshrec.build import Surface
from meshrec.models import Correspondence, DecoMROutput
from meshrec.pipeline import MeshModel
from meshrec.structures import BodyParams, IuvMap, LocationMap, WeakPerspectiveCamera


class Oracle(nn.Module):
    """Answers every batch with given correspondence, vertices and cameras, as often as they are asked for."""

    def __init__(self, iuv: IuvMap, vertices: Tensor, camera: Tensor) -> None:
        super().__init__()
        self.iuv, self.vertices, self.camera = iuv, vertices, camera

    def forward(self, images: Tensor) -> DecoMROutput:
        times = len(images) // len(self.vertices)
        iuv = IuvMap(self.iuv.mask.repeat(times, 1, 1), self.iuv.uv.repeat(times, 1, 1, 1))
        found = Correspondence(iuv, iuv.mask, torch.zeros(len(images), 1, 4, 4), torch.zeros(len(images), 1))
        camera = WeakPerspectiveCamera.from_vector(self.camera.repeat(times, 1))
        return DecoMROutput(
            found, LocationMap(torch.zeros(len(images), 3, 4, 4)), self.vertices.repeat(times, 1, 1), camera
        )


def standing_model(surface: Surface, size: int = 64, iuv: IuvMap | None = None) -> MeshModel:
    """The mean body in the T-pose, facing the camera, filling the crop's height; nowhere seen by the net's own mask."""
    rest = surface.body(BodyParams.rest(betas=surface.body.beta_count, facing_camera=True)).vertices
    iuv = iuv or IuvMap(torch.zeros(1, 16, 16), torch.zeros(1, 2, 16, 16))
    net = Oracle(iuv, rest, torch.tensor([[0.8, 0.0, 0.0]]))
    return MeshModel(net, surface.body, size, torch.device("cpu"), crop_enlargement=1.2)

"""People whose parameters are known, as predictions in front of a camera."""

from __future__ import annotations

import torch

from meshrec.body import BodyModel
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24, BodyParams, MeshPrediction, PinholeCamera


def random_params(
    count: int, seed: int = 0, deviation_rad: float = 0.35, dtype: torch.dtype = torch.float32
) -> BodyParams:
    """Bodies of random shape in random, moderately bent poses, turned anyhow."""
    generator = torch.Generator().manual_seed(seed)
    pose = deviation_rad * torch.randn(count, 23, 3, generator=generator)
    orient = 1.5 * torch.randn(count, 3, generator=generator)
    betas = torch.randn(count, 10, generator=generator)
    return BodyParams(betas.to(dtype), *(axis_angle_to_matrix(value.to(dtype)) for value in (orient, pose)))


def posed_people(body: BodyModel, params: BodyParams, spacing_m: float = 1.0) -> list[MeshPrediction]:
    """Predictions of these bodies side by side, four metres before the camera."""
    posed = body(params)
    camera = PinholeCamera(torch.tensor([[500.0, 500.0]]), torch.tensor([[160.0, 120.0]]), (240, 320))
    box = torch.tensor([40.0, 20.0, 100.0, 200.0])
    places = [torch.tensor([spacing_m * number, 0.1, 4.0]) for number in range(len(params))]
    return [
        MeshPrediction(vertices + place, body.faces, joints + place, SMPL24, camera, box, 0.5, body_params=params[i])
        for i, (vertices, joints, place) in enumerate(zip(posed.vertices, posed.joints, places))
    ]

"""Points on the surface of the body from atlas or chart coordinates, and how alike they are (GPS)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.body.geodesics import SurfaceDistances
from meshrec.build import Surface
from meshrec.errors import AssetNotFound, CheckpointMismatch
from meshrec.metrics.iuv import geodesic_point_similarity, part_normalisers_m


@dataclass(frozen=True)
class SurfacePoints:
    """N points on faces.

    Attributes:
        vertices: (N, 3) long, the corners of each point's face.
        weights: (N, 3) barycentric.
        part: (N,) 1 to 24.
    """

    vertices: Tensor
    weights: Tensor
    part: Tensor

    def __len__(self) -> int:
        return len(self.part)


class SurfaceRuler:
    """Locates points on a surface and compares them.

    Without a table of distances for the body, similarities are not measurable, parts still are.
    """

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self._faces = surface.body.faces.cpu()
        try:
            self.distances: SurfaceDistances | None = SurfaceDistances.from_file()
            self.distances.check_body(surface.body.hash)
        except (AssetNotFound, CheckpointMismatch):
            self.distances = None

    def on_atlas(self, uv: Tensor) -> SurfacePoints:
        """Points (N, 2) of the continuous atlas."""
        return self._points(*self.surface.atlas.locator(uv))

    def on_charts(self, part: Tensor, chart_uv: Tensor) -> SurfacePoints:
        """Points (N, 2) of DensePose-style charts, part (N,) 1 to 24."""
        return self._points(*self.surface.charts.surface_points(part, chart_uv))

    def between_charts(self, part: Tensor, chart_uv: Tensor, true_part: Tensor, true_uv: Tensor) -> Tensor:
        """(N,) metres between points of charts, part (N,) 1 to 24 and (N, 2) each; needs a table of distances."""
        found, true = self.on_charts(part, chart_uv), self.on_charts(true_part, true_uv)
        return self.distances.between(found.vertices, found.weights, true.vertices, true.weights)

    def parts_of_faces(self, face_index: Tensor) -> Tensor:
        """Part 1 to 24 of the faces that images show, 0 where none is; any shape."""
        parts = self.surface.charts.face_part.cpu()
        return torch.where(face_index >= 0, parts[face_index.clamp_min(0)], 0)

    def figures(self, found: SurfacePoints, true: SurfacePoints, seen: Tensor) -> tuple[dict[str, float], Tensor]:
        """Similarities of one person's points.

        Args:
            seen: (N,) bool, the prediction shows the person there; elsewhere a point counts as infinitely far off.
        Returns:
            ``gps`` and ``gps_parts``, and (N,) whether the part is right.
        """
        right = ((found.part == true.part) & seen).float()
        if self.distances is None or not len(true):
            return {}, right
        distance = self.distances.between(found.vertices, found.weights, true.vertices, true.weights)
        distance = torch.where(seen, distance, torch.inf)[None]
        everyone = torch.ones_like(distance, dtype=torch.bool)
        return {
            "gps": geodesic_point_similarity(distance, everyone).item(),
            "gps_parts": geodesic_point_similarity(distance, everyone, part_normalisers_m(true.part)[None]).item(),
        }, right

    def _points(self, face: Tensor, weights: Tensor) -> SurfacePoints:
        return SurfacePoints(self._faces[face], weights, self.surface.charts.face_part.cpu()[face].long())

"""Distances along the surface of a body, from a small table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import asset_path, write_atomically
from meshrec.checks import check_shapes
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput

_STEPS = 65535  # of the stored distances, 16 bits
_PAIRS_AT_ONCE = 2048  # bounds memory: every pair looks up some 2,300 distances


@dataclass(frozen=True)
class SurfaceDistances:
    """Geodesic distances on the rest body of mean shape.

    Every point of the surface is written as an affine combination of a few landmarks. With their weights c, the
    difference of two points' combinations, and the landmarks' squared distances S, the squared distance of the points
    is -c S c / 2. In a plane this holds exactly (it is the identity of classical multidimensional scaling); on the body
    the weights were fitted to exact geodesics. `tools/build_geodesics.py` reports the error.
    """

    squared_distance: Tensor  # (L, L) float64, square metres between landmarks
    landmark: Tensor  # (V, M) long, the landmarks that stand for each vertex
    weight: Tensor  # (V, M) float64, summing to 1
    body_hash: str

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> SurfaceDistances:
        """Read a table written by ``tools/build_geodesics.py``; the shipped one by default.

        Raises:
            AssetNotFound: no such file.
            InvalidInput: the file is no such table.
        """
        path = asset_path("body/geodesics.npz") if path is None else Path(path)
        if not path.exists():
            raise AssetNotFound(f"There is no table of surface distances {path}; tools/build_geodesics.py makes one.")
        try:
            with np.load(path) as arrays:
                landmark, weight = arrays["landmark"].astype(np.int64), arrays["weight"].astype(np.float64)
                distance = _unpack(arrays["distance"], float(arrays["longest_m"]), int(landmark.max()) + 1)
                return cls(
                    torch.from_numpy(distance**2),
                    torch.from_numpy(landmark),
                    torch.from_numpy(weight / weight.sum(1, keepdims=True)),
                    str(arrays["body_hash"]),
                )
        except (KeyError, ValueError, OSError, EOFError, IndexError, BadZipFile) as error:
            raise InvalidInput(
                f"{path} is no table of surface distances ({error}); tools/build_geodesics.py makes one."
            ) from error

    def save(self, path: str | Path) -> None:
        """Write the table as a small npz: distances in 16 bits, weights in half precision."""
        distance = self.squared_distance.sqrt().numpy()
        longest = float(distance.max())
        upper = distance[np.triu_indices(len(distance), 1)]
        with write_atomically(path) as temporary:
            np.savez_compressed(
                temporary,
                distance=np.round(upper / longest * _STEPS).astype(np.uint16),
                longest_m=longest,
                landmark=self.landmark.numpy().astype(np.uint16),
                weight=self.weight.numpy().astype(np.float16),
                body_hash=self.body_hash,
            )

    def check_body(self, body_hash: str) -> None:
        """Raise CheckpointMismatch when the table was made for another body."""
        if self.body_hash != body_hash:
            raise CheckpointMismatch(
                f"These surface distances belong to body {self.body_hash}, not to body {body_hash}; "
                "make those of that body with tools/build_geodesics.py."
            )

    def between(
        self, first_vertices: Tensor, first_weights: Tensor, second_vertices: Tensor, second_weights: Tensor
    ) -> Tensor:
        """Distance of points on faces.

        Args:
            first_vertices, second_vertices: (N, 3) long, the corners of each point's face.
            first_weights, second_weights: (N, 3) barycentric.
        Returns:
            (N,) metres, float32.
        """
        check_shapes(
            first_vertices=(first_vertices, "N 3"),
            first_weights=(first_weights, "N 3"),
            second_vertices=(second_vertices, "N 3"),
            second_weights=(second_weights, "N 3"),
        )
        vertices = torch.cat([first_vertices, second_vertices], dim=1).to(self.landmark.device)
        shares = torch.cat([first_weights, -second_weights], dim=1).to(self.weight)
        chunks = zip(vertices.split(_PAIRS_AT_ONCE), shares.split(_PAIRS_AT_ONCE))
        distance = [self._quadratic_form(some, share) for some, share in chunks]
        return torch.cat(distance) if distance else shares.new_zeros(0, dtype=torch.float32)

    def _quadratic_form(self, vertices: Tensor, shares: Tensor) -> Tensor:
        landmark = self.landmark[vertices].flatten(1)
        coefficient = (self.weight[vertices] * shares[..., None]).flatten(1)
        squared = self.squared_distance[landmark[:, :, None], landmark[:, None, :]]
        form = -0.5 * torch.einsum("nij,ni,nj->n", squared, coefficient, coefficient)
        return form.clamp_min(0).sqrt().float()


def _unpack(upper: np.ndarray, longest: float, count: int) -> np.ndarray:
    """(L, L) symmetric distances from the stored upper triangle."""
    if len(upper) != count * (count - 1) // 2:
        raise ValueError(f"{len(upper)} distances do not fit {count} landmarks")
    distance = np.zeros((count, count))
    distance[np.triu_indices(count, 1)] = upper.astype(np.float64) * (longest / _STEPS)
    return distance + distance.T

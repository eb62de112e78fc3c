"""Distances along SMPL from DensePose's own evaluation tables, for those who have them.

Published GPS figures come from three files (CC BY-NC, https://github.com/facebookresearch/DensePose): SMPL's surface
with more vertices, each with its part, U and V (``SMPL_subdiv.mat``); which row of the distances belongs to each vertex
(``SMPL_SUBDIV_TRANSFORM.mat``); and the distances of all pairs (``Pdist_matrix.pkl``, 1.5 GB). A chart point is taken
for the nearest of these vertices in its chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.array_pickle import load_array_pickle
from meshrec.checks import check_shapes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.optional import require

FILES = ("SMPL_subdiv.mat", "SMPL_SUBDIV_TRANSFORM.mat", "Pdist_matrix.pkl")
_POINTS_AT_ONCE = 4096


@dataclass(frozen=True)
class OfficialGeodesics:
    """Distances between chart points.

    Attributes:
        part: (V,) long, 1 to 24, of each vertex.
        uv: (V, 2) float64.
        row: (V,) long, its row in the distances, from 0; copies of one point along a chart's border share it.
        distance_m: (N,) of the pairs of rows (1, 0), (2, 0), (2, 1), (3, 0), ...: the lower triangle, row by row.
    """

    part: Tensor
    uv: Tensor
    row: Tensor
    distance_m: Tensor

    def __post_init__(self) -> None:
        check_shapes(part=(self.part, "V"), uv=(self.uv, "V 2"), row=(self.row, "V"), distance_m=(self.distance_m, "N"))

    @classmethod
    def from_folder(cls, folder: str | Path) -> OfficialGeodesics:
        """Read the three files of a folder.

        Raises:
            AssetNotFound: one is missing.
            MissingDependency: scipy, which reads MATLAB files, is not installed.
            InvalidInput: one is damaged or another file, or they do not belong together.
        """
        paths = [Path(folder) / name for name in FILES]
        for path in paths:
            if not path.is_file():
                raise AssetNotFound(f"There is no {path}; DensePose's evaluation tables are {', '.join(FILES)}.")
        scipy_io = require("scipy.io", purpose="read DensePose's evaluation tables", extra="convert")
        try:
            surface, rows = (scipy_io.loadmat(path) for path in paths[:2])
            uv = np.stack([surface[key].astype(np.float64).ravel() for key in ("U_subdiv", "V_subdiv")], axis=1)
            part = surface["Part_ID_subdiv"].astype(np.int64).ravel()
            row = rows["index"].astype(np.int64).ravel() - 1
            with paths[2].open("rb") as file:
                distance = np.asarray(load_array_pickle(file)["Pdist_matrix"]).ravel()
        except Exception as error:  # the decoders fail in ways of their own
            raise InvalidInput(
                f"{folder} does not hold DensePose's evaluation tables ({type(error).__name__}: {error})."
            ) from error
        if not len(part) == len(uv) == len(row) or row.min() < 0 or distance.dtype.kind != "f":
            raise InvalidInput(f"DensePose's evaluation tables in {folder} do not belong together.")
        if len(distance) < int(row.max()) * (int(row.max()) + 1) // 2 or set(part.tolist()) - set(range(25)):
            raise InvalidInput(f"DensePose's evaluation tables in {folder} are damaged: they lack distances or parts.")
        return cls(*(torch.from_numpy(values) for values in (part, uv, row, distance)))

    def __call__(self, part: Tensor, uv: Tensor, true_part: Tensor, true_uv: Tensor) -> Tensor:
        """Distance of chart points.

        Args:
            part, true_part: (N,) long, 1 to 24.
            uv, true_uv: (N, 2) in [0, 1].
        Returns:
            (N,) metres.
        """
        first, second = self.nearest_row(part, uv), self.nearest_row(true_part, true_uv)
        high, low = torch.maximum(first, second), torch.minimum(first, second)
        place = high * (high - 1) // 2 + low
        apart = high > low
        return torch.where(apart, self.distance_m[place * apart], 0.0)

    def nearest_row(self, part: Tensor, uv: Tensor) -> Tensor:
        """(N,) row of the vertex of the same part with the nearest U and V."""
        row = torch.zeros_like(part)
        for number in part.unique().tolist():
            vertices, points = (self.part == number).nonzero()[:, 0], (part == number).nonzero()[:, 0]
            for some in points.split(_POINTS_AT_ONCE):
                away = torch.cdist(uv[some].double(), self.uv[vertices], compute_mode="donot_use_mm_for_euclid_dist")
                row[some] = self.row[vertices[away.argmin(1)]]
        return row

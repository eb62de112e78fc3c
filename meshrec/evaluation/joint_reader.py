"""Joints of meshes for figures: the body's own, or those of a regressor that a benchmark prescribes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import BODY30, BodyOutput

# The order of the regressor of Human3.6M's joints that HMR, SPIN and VIBE pass on (`J_regressor_h36m.npy`), under our
# names; the benchmarks use fourteen of the seventeen, without spine and jaw, and the pelvis as the root.
H36M_REGRESSOR_JOINTS = (
    "pelvis", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle", "", "neck", "",
    "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
BENCHMARK_JOINTS = tuple(name for name in H36M_REGRESSOR_JOINTS if name not in ("", "pelvis"))


class JointReader:
    """Reads BODY30's joints off meshes.

    Attributes:
        present: (30,) bool, which joints it gives.
        counted: (30,) bool, which of them figures of 3D joints are taken over, where the truth has them.
        words: the regressor and the joints, for the protocol.
    """

    def __init__(self, body: BodyModel, regressor: str | Path | None = None) -> None:
        """From a body, or from a file.

        Args:
            regressor: npy of (17, V) in the order of `H36M_REGRESSOR_JOINTS`.
        Raises:
            AssetNotFound, InvalidInput: no such file, or not such an array.
        """
        if regressor is None:
            self._named = NamedJoints(body, BODY30).cpu()
            self._matrix = body.joint_regressor.cpu()
            self.present = self._named.present
            self.counted = self.present.clone()
            self.words = "the body's skeleton and landmarks (Body-30)"
            return
        self._named = None
        given = _read_regressor(Path(regressor), body.vertex_count)
        place = [H36M_REGRESSOR_JOINTS.index(name) if name in H36M_REGRESSOR_JOINTS else -1 for name in BODY30.names]
        self.present = torch.tensor(place) >= 0
        self._matrix = torch.where(self.present[:, None], given[torch.tensor(place).clamp_min(0)], 0.0)
        self.counted = torch.tensor([name in BENCHMARK_JOINTS for name in BODY30.names])
        self.words = f"{Path(regressor).name}, sha256 {sha256_of_file(regressor)}, 14 joints"

    def __call__(self, vertices: Tensor) -> Tensor:
        """(B, 30, 3) from (B, V, 3); zero where not present."""
        joints = self._matrix.to(vertices) @ vertices
        return joints if self._named is None else self._named(BodyOutput(vertices, joints))


def _read_regressor(path: Path, vertices: int) -> Tensor:
    if not path.is_file():
        raise AssetNotFound(f"There is no joint regressor {path}.")
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidInput(f"{path} is no npy of a joint regressor ({type(error).__name__}).") from error
    expected = (len(H36M_REGRESSOR_JOINTS), vertices)
    if not isinstance(matrix, np.ndarray) or matrix.shape != expected or matrix.dtype.kind != "f":
        found = getattr(matrix, "shape", "an archive")
        raise InvalidInput(f"{path} must hold a joint regressor of shape {expected}, got {found}.")
    return torch.from_numpy(matrix.astype(np.float32))

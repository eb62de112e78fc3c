"""How likely a pose is: a mixture of Gaussians over the rotations of all joints, learnt from recorded motion."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from meshrec.assets import asset_path, write_atomically
from meshrec.body.hinges import Hinges
from meshrec.checks import check_shapes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, cross_product_matrix, matrix_to_axis_angle

_TURN_AWAY_SQ = 1e-4  # below this squared angle the inverse Jacobian is its power series


class PosePrior(nn.Module):
    """A mixture of Gaussians in the tangent space of the mean pose.

    A pose is described by the axis-angle vector from each joint's mean rotation M to its rotation R, `log(M^T R)`, all
    joints in one vector x. It is smooth except where a joint is turned half around from its mean, which no body does.
    Component k has the energy `0.5 |W_k (x - mu_k)|^2 + c_k`; the energy of the mixture is their soft minimum, which is
    the negative log density up to a constant.

    The arrays are buffers outside the state dict, like those of the body: the prior is read from its own file.

    Attributes:
        mean_pose: (23, 3, 3) the mean rotation of each joint.
        means: (K, 69) centres of the components.
        whitening: (K, 69, 69) lower triangular W_k, inverse Cholesky factors of the covariances.
        offsets: (K,) c_k; the least is 0.
        hinges: one-way joints with their ranges.
        provenance: what the prior was fitted on, and how.
    """

    mean_pose: Tensor
    means: Tensor
    whitening: Tensor
    offsets: Tensor

    def __init__(
        self,
        mean_pose: Tensor,
        means: Tensor,
        whitening: Tensor,
        weights: Tensor,
        hinges: Hinges,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_shapes(
            mean_pose=(mean_pose, "J 3 3"),
            means=(means, f"K {3 * len(mean_pose)}"),
            whitening=(whitening, f"K {3 * len(mean_pose)} {3 * len(mean_pose)}"),
            weights=(weights, "K"),
        )
        offsets = -weights.log() - whitening.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        for name, value in (
            ("mean_pose", mean_pose),
            ("means", means),
            ("whitening", whitening),
            ("weights", weights),
            ("offsets", offsets - offsets.min()),
        ):
            self.register_buffer(name, value, persistent=False)
        self.hinges = hinges
        self.provenance = provenance or {}

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> PosePrior:
        """Read a prior written by ``tools/build_pose_prior.py``; the shipped one by default.

        Raises:
            AssetNotFound: no such file.
            InvalidInput: the file is no such prior.
        """
        path = asset_path("body/pose_prior.npz") if path is None else Path(path)
        if not path.exists():
            raise AssetNotFound(f"There is no pose prior {path}; tools/build_pose_prior.py makes one.")
        try:
            with np.load(path) as file:
                return _from_arrays(dict(file))
        except (LookupError, TypeError, ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
            raise InvalidInput(f"{path} is no pose prior ({error}); tools/build_pose_prior.py makes one.") from error

    def save(self, path: str | Path) -> None:
        """Write the prior as a small npz, whitening matrices in half precision."""
        rows, columns = np.tril_indices(self.means.shape[1])
        with write_atomically(path) as temporary:
            np.savez_compressed(
                temporary,
                mean_pose=self.mean_pose.numpy(),
                means=self.means.numpy(),
                whitening=self.whitening.numpy()[:, rows, columns].astype(np.float16),
                weights=self.weights.numpy(),
                hinge_names=np.array(self.hinges.names),
                hinge_axis=self.hinges.axis.numpy(),
                hinge_range_rad=torch.stack([self.hinges.low_rad, self.hinges.high_rad], -1).numpy(),
                provenance=json.dumps(self.provenance),
            )

    def coordinates(self, body_pose: Tensor) -> Tensor:
        """Tangent coordinates of poses: (..., 23, 3, 3) rotations -> (..., 69) radians from the mean pose."""
        check_shapes(body_pose=(body_pose, f"... {len(self.mean_pose)} 3 3"))
        return matrix_to_axis_angle(self.mean_pose.mT @ body_pose).flatten(-2)

    def pose_at(self, coordinates: Tensor) -> Tensor:
        """Inverse of ``coordinates``: (..., 69) radians from the mean pose -> (..., 23, 3, 3) rotations."""
        return self.mean_pose @ axis_angle_to_matrix(coordinates.unflatten(-1, (-1, 3)))

    def energy(self, body_pose: Tensor) -> Tensor:
        """Negative log density up to a constant.

        Args:
            body_pose: (..., 23, 3, 3) rotations relative to the parent.
        Returns:
            (...); some 35 for an ordinary pose, 0 at most a few nats above the least possible.
        """
        whitened = self._whitened(self.coordinates(body_pose))
        return -torch.logsumexp(-0.5 * whitened.square().sum(-1) - self.offsets, -1)

    def residuals(self, body_pose: Tensor) -> Tensor:
        """Least-squares form for Gauss-Newton: that of the component with the least energy.

        Returns:
            (..., 70); half their squared sum is the energy of the best component, at most log K above ``energy``. The
            last entry is constant within a component, so that changes of component count when steps are judged.
        """
        return self._best(self.coordinates(body_pose))[0]

    def linearise(self, body_pose: Tensor) -> tuple[Tensor, Tensor]:
        """Residuals and their derivative with respect to small turns of the joints, `R -> R exp(turn)`.

        Returns:
            (..., 70) residuals and (..., 70, 69) derivatives by the turns (radians, in the joint's own axes).
        """
        coordinates = self.coordinates(body_pose)
        residuals, best = self._best(coordinates)
        joint = _inverse_right_jacobian(coordinates.unflatten(-1, (-1, 3)))
        blocks = self.whitening[best].unflatten(-1, (-1, 3))  # (..., 69, 23, 3)
        slope = torch.einsum("...rji,...jik->...rjk", blocks, joint).flatten(-2)
        return residuals, torch.cat([slope, torch.zeros_like(slope[..., :1, :])], -2)

    def hinge_energy(self, body_pose: Tensor) -> Tensor:
        """Energy of knees and elbows that bend the wrong way or too far, zero otherwise: -> (...)."""
        return self.hinges.energy(body_pose)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw poses.

        Args:
            generator: source of randomness on the prior's device (that of ``Dice`` will do).
        Returns:
            (count, 23, 3, 3) rotations.
        """
        device = self.means.device
        best = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.means.shape[1], 1, generator=generator, device=device)
        deviation = torch.linalg.solve_triangular(self.whitening[best], noise, upper=False).squeeze(-1)
        return self.pose_at(self.means[best] + deviation)

    def _whitened(self, coordinates: Tensor) -> Tensor:
        """(..., K, 69) distances from the components in their own standard deviations."""
        count, size = self.means.shape
        centres = torch.einsum("kij,kj->ki", self.whitening, self.means)
        return (coordinates @ self.whitening.flatten(0, 1).mT).unflatten(-1, (count, size)) - centres

    def _best(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Residuals (..., 70) of the component with the least energy, and which one it is (...)."""
        whitened = self._whitened(coordinates)
        best = (0.5 * whitened.detach().square().sum(-1) + self.offsets).argmin(-1)
        chosen = whitened.gather(-2, best[..., None, None].expand(*best.shape, 1, whitened.shape[-1])).squeeze(-2)
        return torch.cat([chosen, (2 * self.offsets).sqrt()[best][..., None]], -1), best


def _inverse_right_jacobian(axis_angle: Tensor) -> Tensor:
    """(..., 3, 3) derivative of log(exp(x) exp(turn)) by the turn at zero; x is at most half a turn long."""
    angle_sq = axis_angle.square().sum(-1)[..., None, None]
    small = angle_sq < _TURN_AWAY_SQ
    half = 0.5 * torch.where(small, torch.ones_like(angle_sq), angle_sq).sqrt()
    share = torch.where(small, 1 / 12 + angle_sq / 720, (1 - half * half.cos() / half.sin()) / (4 * half.square()))
    cross = cross_product_matrix(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + 0.5 * cross + share * (cross @ cross)


def _from_arrays(arrays: dict[str, np.ndarray]) -> PosePrior:
    means = arrays["means"]
    rows, columns = np.tril_indices(means.shape[1])
    whitening = np.zeros((*means.shape, means.shape[1]), np.float32)
    whitening[:, rows, columns] = arrays["whitening"]
    low_rad, high_rad = torch.from_numpy(arrays["hinge_range_rad"]).unbind(-1)
    return PosePrior(
        torch.from_numpy(arrays["mean_pose"]),
        torch.from_numpy(means),
        torch.from_numpy(whitening),
        torch.from_numpy(arrays["weights"]),
        Hinges(arrays["hinge_names"].tolist(), torch.from_numpy(arrays["hinge_axis"]), low_rad, high_rad),
        json.loads(str(arrays["provenance"])),
    )

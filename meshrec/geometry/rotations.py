"""Rotation matrices, and every other way of writing a rotation that the package accepts or returns.

Matrices are what the package computes with; they act on column vectors (`points @ R.mT` for rows). Axis-angle vectors
are in radians with the angle as their length, quaternions are (w, x, y, z), 6D is a (3, 2) pair of columns. All
functions take any leading batch dims and have finite gradients everywhere, angles 0 and pi included.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes

# Below this squared angle the power series with four terms is exact in float64 (first neglected term < 1e-16).
_SERIES_BELOW_RAD2 = 1e-3


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation matrix of an axis-angle vector by Rodrigues' formula.

    Args:
        axis_angle: (..., 3) axis times angle, radians; any length.
    Returns:
        (..., 3, 3) rotations; the identity, with its true gradient, for the zero vector.
    """
    check_shapes(axis_angle=(axis_angle, "... 3"))
    angle_sq = axis_angle.square().sum(-1)[..., None, None]
    small = angle_sq < _SERIES_BELOW_RAD2
    half_angle = 0.5 * torch.where(small, torch.ones_like(angle_sq), angle_sq).sqrt()
    sinc_half = half_angle.sin() / half_angle
    # sin(t)/t and (1 - cos(t))/t^2 through half angles: no cancellation for small angles in float32.
    sine_over_angle = torch.where(
        small, 1 - angle_sq / 6 * (1 - angle_sq / 20 * (1 - angle_sq / 42)), sinc_half * half_angle.cos()
    )
    versine_over_square = torch.where(
        small, 0.5 - angle_sq / 24 * (1 - angle_sq / 30 * (1 - angle_sq / 56)), 0.5 * sinc_half.square()
    )
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    outer = axis_angle[..., :, None] * axis_angle[..., None, :]
    return (
        identity
        + sine_over_angle * cross_product_matrix(axis_angle)
        + versine_over_square * (outer - angle_sq * identity)
    )


def matrix_to_axis_angle(rotation: Tensor) -> Tensor:
    """Axis-angle vector of a rotation matrix, with its angle in [0, pi].

    At the angle pi both signs of the axis mean the same rotation and either may come back; the gradient is finite
    there too.

    Args:
        rotation: (..., 3, 3) rotations.
    Returns:
        (..., 3) axis times angle, radians.
    """
    quaternion = matrix_to_quat_wxyz(rotation)
    w, xyz = quaternion[..., :1], quaternion[..., 1:]
    sine_sq = xyz.square().sum(-1, keepdim=True)
    small = sine_sq < 0.25 * _SERIES_BELOW_RAD2
    sine = torch.where(small, torch.ones_like(sine_sq), sine_sq).sqrt()
    # The series is that of 2 asin(s)/s; it holds because w >= 0 and the quaternion has unit length.
    series = 2 + sine_sq * (1 / 3 + sine_sq * (3 / 20 + sine_sq * (5 / 56 + sine_sq * 35 / 576)))
    return xyz * torch.where(small, series, 2 * torch.atan2(sine, w) / sine)


def quat_wxyz_to_matrix(quaternion: Tensor) -> Tensor:
    """Rotation matrix of a quaternion of any length.

    Args:
        quaternion: (..., 4) as (w, x, y, z); need not be normalised.
    Returns:
        (..., 3, 3) rotations; the identity for the zero quaternion.
    """
    check_shapes(quaternion=(quaternion, "... 4"))
    norm_sq = quaternion.square().sum(-1, keepdim=True)
    unit = quaternion / torch.where(norm_sq > 0, norm_sq, torch.ones_like(norm_sq)).sqrt()
    w, xyz = unit[..., 0, None, None], unit[..., 1:]
    identity = torch.eye(3, dtype=quaternion.dtype, device=quaternion.device)
    outer = xyz[..., :, None] * xyz[..., None, :]
    length_sq = xyz.square().sum(-1)[..., None, None]
    return identity + 2 * (w * cross_product_matrix(xyz) + outer - length_sq * identity)


def matrix_to_quat_wxyz(rotation: Tensor) -> Tensor:
    """Unit quaternion (w, x, y, z) of a rotation matrix, with w >= 0.

    The entries of 4 q q^T are linear in those of the matrix; its row with the largest diagonal is q times a number of
    at least 1, so normalising that row is accurate and smooth for every rotation.

    Args:
        rotation: (..., 3, 3) rotations.
    Returns:
        (..., 4) unit quaternions.
    """
    check_shapes(rotation=(rotation, "... 3 3"))
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = rotation.flatten(-2).unbind(-1)
    wx, wy, wz = m21 - m12, m02 - m20, m10 - m01
    xy, xz, yz = m01 + m10, m02 + m20, m12 + m21
    ww, xx = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22
    yy, zz = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    outer = torch.stack([ww, wx, wy, wz, wx, xx, xy, xz, wy, xy, yy, yz, wz, xz, yz, zz], -1).unflatten(-1, (4, 4))
    best = torch.stack([ww, xx, yy, zz], -1).argmax(-1)
    row = outer.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    row = torch.where(row[..., :1] < 0, -row, row)
    return F.normalize(row, dim=-1)


def rotation_6d_to_matrix(columns: Tensor) -> Tensor:
    """Rotation whose first two columns are the Gram-Schmidt basis of two vectors (Zhou et al., CVPR 2019, eq. 15).

    Always a rotation: a vanishing first column counts as x, and a second one parallel to the first is replaced by a
    perpendicular coordinate direction (with zero gradient).

    Args:
        columns: (..., 3, 2) two column vectors of any length.
    Returns:
        (..., 3, 3) rotations.
    """
    check_shapes(columns=(columns, "... 3 2"))
    axes = torch.eye(3, dtype=columns.dtype, device=columns.device)
    first, second = columns.unbind(-1)
    first = _normalize_or(first, axes[0].expand_as(first), scale=torch.ones_like(first[..., :1]))
    length = second.detach().square().sum(-1, keepdim=True).sqrt()
    residual = second - (first * second).sum(-1, keepdim=True) * first
    coordinate = axes[first.detach().abs().argmin(-1)]
    perpendicular = F.normalize(coordinate - (first * coordinate).sum(-1, keepdim=True) * first, dim=-1)
    second = _normalize_or(residual, perpendicular, scale=length)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def matrix_to_rotation_6d(rotation: Tensor) -> Tensor:
    """First two columns of a rotation matrix.

    Args:
        rotation: (..., 3, 3) rotations.
    Returns:
        (..., 3, 2) pair of columns.
    """
    check_shapes(rotation=(rotation, "... 3 3"))
    return rotation[..., :2].clone()


def rotation_angle_rad(rotation: Tensor, other: Tensor | None = None) -> Tensor:
    """Angle of a rotation, or of the rotation that takes `other` to `rotation` (the geodesic distance on SO(3)).

    Accurate over the whole range, unlike the arc cosine of the trace. At exactly 0 and pi, where the angle has a kink,
    its gradient is zero.

    Args:
        rotation: (..., 3, 3) rotations.
        other: (..., 3, 3) rotations that broadcast against the first, or None for the identity.
    Returns:
        (...) angles in [0, pi], radians.
    """
    check_shapes(rotation=(rotation, "... 3 3"))
    if other is not None:
        check_shapes(other=(other, "... 3 3"))
        rotation = rotation @ other.mT
    skew = rotation - rotation.mT
    twice_sine_sq = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1).square().sum(-1)
    moving = twice_sine_sq > 0
    twice_sine = torch.where(moving, torch.where(moving, twice_sine_sq, 1.0).sqrt(), 0.0)
    return torch.atan2(twice_sine, rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1)


def random_rotation_matrix(
    batch_shape: tuple[int, ...] = (),
    *,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Rotations drawn uniformly from SO(3) (normal quaternions; Shoemake, Graphics Gems III).

    Args:
        batch_shape: leading dims of the result.
        generator: source of randomness, on `device`.
    Returns:
        (*batch_shape, 3, 3) rotations.
    """
    return quat_wxyz_to_matrix(torch.randn(*batch_shape, 4, generator=generator, dtype=dtype, device=device))


def rotation_about_x(angle_rad: Tensor) -> Tensor:
    """Rotation about the x axis, y towards z: (...) radians -> (..., 3, 3)."""
    return _rotation_about(angle_rad, 0)


def rotation_about_y(angle_rad: Tensor) -> Tensor:
    """Rotation about the y axis, z towards x: (...) radians -> (..., 3, 3)."""
    return _rotation_about(angle_rad, 1)


def rotation_about_z(angle_rad: Tensor) -> Tensor:
    """Rotation about the z axis, x towards y: (...) radians -> (..., 3, 3)."""
    return _rotation_about(angle_rad, 2)


def cross_product_matrix(vector: Tensor) -> Tensor:
    """Skew-symmetric matrix K with `K @ p == cross(vector, p)`.

    Args:
        vector: (..., 3).
    Returns:
        (..., 3, 3).
    """
    check_shapes(vector=(vector, "... 3"))
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def _rotation_about(angle_rad: Tensor, axis: int) -> Tensor:
    cosine, sine = angle_rad.cos(), angle_rad.sin()
    one, zero = torch.ones_like(cosine), torch.zeros_like(cosine)
    rows = [one, zero, zero, zero, cosine, -sine, zero, sine, cosine]
    about_x = torch.stack(rows, -1).unflatten(-1, (3, 3))
    # Cyclic renaming of the axes, x -> y -> z -> x, turns the one into the others.
    return about_x.roll((axis, axis), (-2, -1))


def _normalize_or(vector: Tensor, fallback: Tensor, scale: Tensor) -> Tensor:
    """Unit vector, or `fallback` where the length is at rounding level relative to `scale` (..., 1)."""
    length_sq = vector.square().sum(-1, keepdim=True)
    usable = length_sq > (4 * torch.finfo(vector.dtype).eps * scale).square()
    return torch.where(usable, vector / torch.where(usable, length_sq, torch.ones_like(length_sq)).sqrt(), fallback)

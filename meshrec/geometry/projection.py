"""Projection of points by pinhole and weak-perspective cameras, and the way from the one to the other.

Camera frame: x right, y down, z forward, metres. Pixels are continuous with the image's corner at the origin.
Normalised crop coordinates (ndc) run from -1 to 1 between opposite edges of the crop, y down.
"""

import math

import torch
from torch import Tensor

from meshrec.checks import check_shapes

# Diagonal of the 36 mm x 24 mm film frame that "35 mm equivalent" focal lengths refer to (CIPA DCG-001).
_FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)


def project_pinhole(points_cam: Tensor, focal_px: Tensor, centre_px: Tensor, *, min_depth: float = 1e-3) -> Tensor:
    """Perspective projection.

    A point behind the camera has no image. Depths below `min_depth` count as `min_depth`, so that its result is
    finite, far out on its own side, and has no gradient in z; use `points_cam[..., 2] > min_depth` to mask it.

    Args:
        points_cam: (..., N, 3) metres.
        focal_px: (..., 2) focal lengths fx, fy, pixels.
        centre_px: (..., 2) principal point, pixels.
        min_depth: metres, positive.
    Returns:
        (..., N, 2) pixels.
    """
    check_shapes(points_cam=(points_cam, "... N 3"), focal_px=(focal_px, "... 2"), centre_px=(centre_px, "... 2"))
    depth = points_cam[..., 2:].clamp(min=min_depth)
    return points_cam[..., :2] / depth * focal_px[..., None, :] + centre_px[..., None, :]


def unproject_pinhole(points_px: Tensor, depth: Tensor, focal_px: Tensor, centre_px: Tensor) -> Tensor:
    """Points at given depths that project to given pixels; the inverse of `project_pinhole` in front of the camera.

    Args:
        points_px: (..., N, 2) pixels.
        depth: (..., N) z of the points, metres.
        focal_px: (..., 2) focal lengths, pixels.
        centre_px: (..., 2) principal point, pixels.
    Returns:
        (..., N, 3) points in the camera frame, metres.
    """
    check_shapes(
        points_px=(points_px, "... N 2"),
        depth=(depth, "... N"),
        focal_px=(focal_px, "... 2"),
        centre_px=(centre_px, "... 2"),
    )
    across = (points_px - centre_px[..., None, :]) / focal_px[..., None, :] * depth[..., None]
    return torch.cat([across, depth[..., None].expand_as(across[..., :1])], -1)


def project_weak_perspective(points_cam: Tensor, scale: Tensor, translation: Tensor) -> Tensor:
    """Scaled orthographic projection into a crop: `ndc = scale * (xy + translation)`.

    Args:
        points_cam: (..., N, 3) metres; the depth does not matter.
        scale: (...) ndc units per metre.
        translation: (..., 2) metres.
    Returns:
        (..., N, 2) ndc, [-1, 1] inside the crop.
    """
    check_shapes(points_cam=(points_cam, "... N 3"), translation=(translation, "... 2"))
    return scale[..., None, None] * (points_cam[..., :2] + translation[..., None, :])


def ndc_to_px(points_ndc: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Pixels of normalised coordinates: -1 is the left or top edge of the image, 1 the right or bottom one.

    Args:
        points_ndc: (..., 2).
        image_size: (height, width) in pixels.
    Returns:
        (..., 2) pixels.
    """
    check_shapes(points_ndc=(points_ndc, "... 2"))
    return (points_ndc + 1) * (0.5 * _width_height(image_size, points_ndc))


def px_to_ndc(points_px: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Normalised coordinates of pixels; the inverse of `ndc_to_px`."""
    check_shapes(points_px=(points_px, "... 2"))
    return points_px / (0.5 * _width_height(image_size, points_px)) - 1


def weak_perspective_to_translation(
    scale: Tensor,
    translation: Tensor,
    crop_centre_px: Tensor,
    crop_side_px: Tensor,
    focal_px: Tensor,
    centre_px: Tensor,
    *,
    min_scale: float = 1e-2,
) -> Tensor:
    """Where the body stands in a pinhole camera's frame, given its weak-perspective camera in a square crop.

    Adding the result to the body's vertices makes the pinhole camera project every point of the body's plane z = 0
    (its origin above all) to the same pixel as the weak-perspective camera; points off that plane differ by the
    perspective effect only.

    Args:
        scale, translation: (...) ndc per metre and (..., 2) metres, see `project_weak_perspective`.
        crop_centre_px, crop_side_px: (..., 2) and (...) the crop in the full image, pixels.
        focal_px, centre_px: (..., 2) the full image's camera, pixels; sqrt(fx fy) sets the depth.
        min_scale: smaller scales, and the negative ones that a net may predict, count as this one.
    Returns:
        (..., 3) metres in the camera frame.
    """
    check_shapes(
        translation=(translation, "... 2"),
        crop_centre_px=(crop_centre_px, "... 2"),
        focal_px=(focal_px, "... 2"),
        centre_px=(centre_px, "... 2"),
    )
    px_per_metre = 0.5 * crop_side_px * scale.clamp(min=min_scale)
    depth = focal_px.prod(-1).sqrt() / px_per_metre
    origin_px = crop_centre_px + px_per_metre[..., None] * translation
    return unproject_pinhole(origin_px[..., None, :], depth[..., None], focal_px, centre_px).squeeze(-2)


def translation_to_weak_perspective(
    translation_cam: Tensor, crop_centre_px: Tensor, crop_side_px: Tensor, focal_px: Tensor, centre_px: Tensor
) -> tuple[Tensor, Tensor]:
    """Weak-perspective camera in a crop of a body standing in front of a pinhole camera.

    The inverse of `weak_perspective_to_translation` in its last two arguments.

    Args:
        translation_cam: (..., 3) the body's origin in the camera frame, metres, in front of the camera.
        crop_centre_px, crop_side_px: (..., 2) and (...) the crop in the full image, pixels.
        focal_px, centre_px: (..., 2) the full image's camera, pixels.
    Returns:
        scale (...) in ndc per metre and translation (..., 2) in metres.
    """
    check_shapes(translation_cam=(translation_cam, "... 3"), crop_centre_px=(crop_centre_px, "... 2"))
    origin_px = project_pinhole(translation_cam[..., None, :], focal_px, centre_px).squeeze(-2)
    px_per_metre = focal_px.prod(-1).sqrt() / translation_cam[..., 2]
    return 2 * px_per_metre / crop_side_px, (origin_px - crop_centre_px) / px_per_metre[..., None]


def solve_weak_perspective(
    points_cam: Tensor, points_ndc: Tensor, weights: Tensor | None = None, *, min_scale: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Weak-perspective camera that best maps points onto their images, by weighted least squares in closed form.

    Args:
        points_cam: (..., N, 3) metres.
        points_ndc: (..., N, 2) their images.
        weights: (..., N) non-negative, or None for equal weights. Points of weight zero may hold anything finite.
        min_scale: lower bound of the scale; also the answer where fewer than two distinct points have weight.
    Returns:
        scale (...) in ndc per metre and translation (..., 2) in metres.
    """
    check_shapes(points_cam=(points_cam, "... N 3"), points_ndc=(points_ndc, "... N 2"))
    weights = torch.ones_like(points_cam[..., 0]) if weights is None else weights
    check_shapes(points_cam=(points_cam, "... N 3"), weights=(weights, "... N"))
    tiny = torch.finfo(points_cam.dtype).tiny
    share = (weights / weights.sum(-1, keepdim=True).clamp(min=tiny))[..., None]
    mean_cam, mean_ndc = (share * points_cam[..., :2]).sum(-2), (share * points_ndc).sum(-2)
    spread_cam = points_cam[..., :2] - mean_cam[..., None, :]
    spread_ndc = points_ndc - mean_ndc[..., None, :]
    covariance = (share * spread_cam * spread_ndc).sum((-2, -1))
    variance = (share * spread_cam.square()).sum((-2, -1))
    scale = (covariance / variance.clamp(min=tiny)).clamp(min=min_scale)
    return scale, mean_ndc / scale[..., None] - mean_cam


def focal_from_field_of_view(field_of_view_rad: float, size_px: float) -> float:
    """Focal length in pixels of a camera that sees an angle across an image side of `size_px` pixels.

    Raises:
        ValueError: the angle is not between 0 and pi.
    """
    if not 0 < field_of_view_rad < math.pi:
        raise ValueError(f"field_of_view_rad: expected an angle between 0 and pi, got {field_of_view_rad}")
    return 0.5 * size_px / math.tan(0.5 * field_of_view_rad)


def focal_from_35mm(focal_mm: float, image_size: tuple[int, int]) -> float:
    """Focal length in pixels for a "35 mm equivalent" one in millimetres, as EXIF gives it, which compares diagonals.

    Args:
        focal_mm: positive.
        image_size: (height, width) in pixels.
    """
    return focal_mm / _FILM_DIAGONAL_MM * math.hypot(*image_size)


def default_focal_px(image_size: tuple[int, int]) -> float:
    """Focal length for an unknown camera: the image's diagonal, a field of view of 53 degrees across it.

    Args:
        image_size: (height, width) in pixels.
    """
    return math.hypot(*image_size)


def _width_height(image_size: tuple[int, int], like: Tensor) -> Tensor:
    height, width = image_size
    return like.new_tensor([width, height])

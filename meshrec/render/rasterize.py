"""Which face is seen at every pixel, and where on it: the protocol, its result and the choice of backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.render import torch_backend
from meshrec.render.screen import ScreenMap, screen_map
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera


@dataclass(frozen=True)
class Fragments:
    """What a batch of images sees at its pixel centres.

    Attributes:
        face_index: (B, H, W) long index into the faces, -1 where none is seen.
        barycentric: (B, H, W, 3) perspective-correct weights of the face's corners, summing to 1; zero at background.
        depth: (B, H, W) distance along z in metres, infinite at background.
    """

    face_index: Tensor
    barycentric: Tensor
    depth: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, H, W) bool, True where a face is seen."""
        return self.face_index >= 0


class Rasterizer(Protocol):
    """What a backend does: decide visibility. Everything differentiable is computed from its answer."""

    def __call__(
        self, vertices_cam: Tensor, faces: Tensor, screen: ScreenMap, *, two_sided: bool, near: float
    ) -> Tensor:
        """The face seen at every pixel centre.

        Args:
            vertices_cam: (B, V, 3) float, camera frame, metres, detached.
            faces: (F, 3) long.
            screen: projection and image size.
            two_sided: False drops faces that turn their back to the camera.
            near: faces are cut at this depth in metres; without meaning for an orthographic screen.
        Returns:
            (B, H, W) long face indices, -1 where no face is seen.
        """


def _pytorch3d() -> Rasterizer:
    from meshrec.render import pytorch3d_backend

    return pytorch3d_backend.visible_faces


BACKENDS: dict[str, Callable[[], Rasterizer]] = {"torch": lambda: torch_backend.visible_faces, "pytorch3d": _pytorch3d}


def rasterize(
    vertices_cam: Tensor,
    faces: Tensor,
    camera: PinholeCamera | WeakPerspectiveCamera,
    size: tuple[int, int],
    *,
    two_sided: bool = True,
    near: float = 0.05,
    backend: str = "torch",
) -> Fragments:
    """Rasterise a batch of meshes that share their faces.

    Visibility is exact and has no gradient; `barycentric` and `depth` are differentiable functions of the vertices
    (with the visible face held fixed). Gradients of silhouettes come from `silhouette.add_edge_gradient`.

    A pixel belongs to the face that covers its centre, at (column + 0.5, row + 0.5). Among faces at exactly the same
    depth the one with the smallest index is seen. Faces without area are never seen.

    Args:
        vertices_cam: (B, V, 3) float, camera frame (x right, y down, z forward), metres.
        faces: (F, 3) long, counter-clockwise seen from outside.
        camera: B cameras. A pinhole camera's picture is scaled to `size` if it was made for another one.
        size: (height, width) in pixels.
        two_sided: False drops faces that turn their back to the camera, which saves time. That is safe for closed
            meshes, whose back faces are always hidden by front ones, as long as the camera is outside and the near
            plane cuts nothing; leave it True for open meshes such as hair or a skirt.
        near: faces are cut at this depth in metres, not dropped. A weak perspective camera is infinitely far away:
            it has no near plane and sees negative depths too.
        backend: a key of `BACKENDS`.
    Raises:
        ValueError: wrong shapes, sizes below 1, a near plane at or behind the camera, an unknown backend.
        MissingDependency: the backend's package is absent.
    """
    axes = check_shapes(vertices_cam=(vertices_cam, "B V 3"), faces=(faces, "F 3"))
    if min(size) < 1:
        raise ValueError(f"size must be at least (1, 1), got {tuple(size)}.")
    if near <= 0:
        raise ValueError(f"near must be positive, got {near}.")
    if len(camera) != axes["B"]:
        raise ValueError(f"camera must hold one camera per mesh: got {len(camera)} cameras for {axes['B']} meshes.")
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}.")
    screen = screen_map(camera, size, vertices_cam)
    with torch.no_grad():
        visible = BACKENDS[backend]()
        face_index = visible(vertices_cam.detach(), faces, screen, two_sided=two_sided, near=near)
    return _with_surface_points(face_index, vertices_cam, faces, screen)


def _with_surface_points(face_index: Tensor, vertices_cam: Tensor, faces: Tensor, screen: ScreenMap) -> Fragments:
    """Barycentrics and depths of the visible faces, differentiable in the vertices and the camera."""
    batch, height, width = face_index.shape
    seen = (face_index.view(-1) >= 0).nonzero()[:, 0]
    image = seen.div(height * width, rounding_mode="floor")
    corners_cam = _corners(vertices_cam, faces, face_index.view(-1).index_select(0, seen), image)
    weights = ray_barycentrics(corners_cam, pixel_centres(seen, (height, width)), image, screen)
    depth = (weights * corners_cam[..., 2]).sum(-1)
    all_weights = weights.new_zeros(batch * height * width, 3).index_copy(0, seen, weights)
    all_depths = depth.new_full((batch * height * width,), torch.inf).index_copy(0, seen, depth)
    return Fragments(face_index, all_weights.view(batch, height, width, 3), all_depths.view(batch, height, width))


def _corners(vertices: Tensor, faces: Tensor, face: Tensor, image: Tensor) -> Tensor:
    """(N, 3, C) corner values, from (B, V, C), of N faces of given images."""
    batch, count, channels = vertices.shape
    index = faces.index_select(0, face) + (image * count)[:, None]
    return vertices.reshape(batch * count, channels).index_select(0, index.view(-1)).view(-1, 3, channels)


def pixel_centres(pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 2) continuous centres (column, row) of (N,) flat pixel indices into (B, H, W)."""
    height, width = size
    line = pixel.div(width, rounding_mode="floor")
    return torch.stack([pixel - line * width, line % height], dim=1) + 0.5


def ray_barycentrics(corners_cam: Tensor, points_px: Tensor, image: Tensor, screen: ScreenMap) -> Tensor:
    """Barycentric weights of the points where pixels' rays meet the planes of triangles.

    Shearing space along z so that the ray becomes the z axis keeps volumes: the weights are the areas that the ray
    makes with the edges of the sheared triangle. Nothing is divided by a corner's depth, so corners behind the
    camera are harmless.

    Args:
        corners_cam: (N, 3, 3) metres.
        points_px: (N, 2) continuous pixels.
        image: (N,) long, the image of each point.
    Returns:
        (N, 3) summing to 1; not finite for a triangle seen exactly from its edge.
    """
    ray = screen.unproject(points_px.to(corners_cam.dtype), image)[:, None]
    offset = corners_cam[..., :2] - (ray * corners_cam[..., 2:] if screen.perspective else ray)
    x, y = offset.unbind(-1)
    x0, x1, x2 = x.unbind(1)
    y0, y1, y2 = y.unbind(1)
    areas = torch.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], dim=1)
    return areas / areas.sum(1, keepdim=True)


def interpolate(fragments: Fragments, faces: Tensor, attributes: Tensor) -> Tensor:
    """Spread vertex or corner attributes over the pixels.

    Args:
        fragments: what `rasterize` returned for these faces.
        faces: (F, 3) long.
        attributes: (B, V, C) per vertex, or (B, F, 3, C) per corner for values that jump across edges. A batch of 1
            is shared by all images.
    Returns:
        (B, C, H, W), zero at background; differentiable in the attributes and, through the barycentric weights, in
        the vertices.
    """
    if attributes.ndim == 4:
        axes = check_shapes(faces=(faces, "F 3"), attributes=(attributes, "A F 3 C"))
        attributes = attributes.flatten(1, 2)
        faces = torch.arange(3 * len(faces), device=faces.device).view(-1, 3)
    else:
        axes = check_shapes(faces=(faces, "F 3"), attributes=(attributes, "A V C"))
    batch, height, width = fragments.face_index.shape
    if axes["A"] not in (1, batch):
        raise ValueError(f"attributes must have batch 1 or {batch}, got {axes['A']}.")
    seen = (fragments.face_index.view(-1) >= 0).nonzero()[:, 0]
    image = seen.div(height * width, rounding_mode="floor") if axes["A"] > 1 else torch.zeros_like(seen)
    corners = _corners(attributes, faces, fragments.face_index.view(-1).index_select(0, seen), image)
    weights = fragments.barycentric.reshape(-1, 3).index_select(0, seen)
    values = (weights[..., None].to(corners.dtype) * corners).sum(1)
    pixels = values.new_zeros(batch * height * width, axes["C"]).index_copy(0, seen, values)
    return pixels.view(batch, height, width, axes["C"]).permute(0, 3, 1, 2)

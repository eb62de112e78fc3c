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
from meshrec.render.surface import surface_points
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
    return Fragments(face_index, *surface_points(face_index, vertices_cam, faces, screen))


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
    seen = fragments.mask.view(batch, -1).nonzero()
    image, pixel = seen.unbind(1)
    flat = image * (height * width) + pixel
    corners = faces.index_select(0, fragments.face_index.view(-1).index_select(0, flat))
    if axes["A"] > 1:
        corners = corners + (image * attributes.shape[1])[:, None]
    weights = fragments.barycentric.reshape(-1, 3).index_select(0, flat).to(attributes.dtype)
    # An embedding bag is a weighted sum of table rows: it never stores the three corners of every pixel.
    table = attributes.reshape(-1, axes["C"])
    values = torch.nn.functional.embedding_bag(corners, table, per_sample_weights=weights, mode="sum")
    pixels = values.new_zeros(batch * height * width, axes["C"]).index_copy_(0, flat, values)
    return pixels.view(batch, height, width, axes["C"]).permute(0, 3, 1, 2)

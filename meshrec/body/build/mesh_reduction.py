"""Mirror-symmetric mesh reduction by half-edge collapses that only remove vertices, never move them.

Quadric error after Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997. The left
half is reduced and mirrored, so the result is exactly symmetric; every vertex that stays is a vertex of the source
mesh, which is why skinning weights and shapes carry over by index.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

# A collapse may turn no face by more than this cosine, nor make a corner sharper than this angle unless it already was.
_MIN_NORMAL_COSINE = 0.25
_MIN_ANGLE_RAD = np.deg2rad(14.0)
_MAX_VALENCE = 10
# Weight of the squared edge length beside the squared distance to the planes: prefers even triangles where it is flat.
_LENGTH_SHARE = 2e-3


@dataclass(frozen=True)
class ReducedMesh:
    """Attributes:
    source_vertex: (V,) index in the source mesh of each vertex.
    faces: (F, 3).
    mirror_vertex: (V,) index of the mirror image of each vertex.
    """

    source_vertex: np.ndarray
    faces: np.ndarray
    mirror_vertex: np.ndarray


def reduce_symmetric(
    vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray, importance: np.ndarray, pairs: int, middle: int
) -> ReducedMesh:
    """Reduce a closed symmetric mesh to a given number of mirrored pairs and of vertices on the mid-plane.

    Args:
        vertices: (V, 3) symmetric about x = 0; no face crosses the plane.
        faces: (F, 3) counter-clockwise seen from outside.
        mirror: (V,) index of each vertex's mirror image; itself on the mid-plane.
        importance: (V,) factor on the error of removing each vertex.
        pairs: vertices to keep on the left that have a mirror image.
        middle: vertices to keep on the mid-plane.
    Returns:
        Left vertices first, then the mid-plane, then the right.
    """
    on_plane = mirror == np.arange(len(mirror))
    left_faces = faces[vertices[faces].mean(1)[:, 0] > 0]
    half = _HalfMesh(vertices, left_faces, on_plane, importance)
    half.collapse(pairs, middle)
    kept = half.faces()
    used = np.unique(kept)
    left, plane = used[~on_plane[used]], used[on_plane[used]]
    order = np.concatenate([left, plane, mirror[left]])
    number = np.full(len(vertices), -1)
    number[order] = np.arange(len(order))
    both = np.concatenate([kept, mirror[kept][:, ::-1]])
    right = len(left) + len(plane)
    mirrored = np.concatenate([np.arange(right, len(order)), np.arange(len(left), right), np.arange(len(left))])
    return ReducedMesh(order, number[both], mirrored)


class _HalfMesh:
    """The left half while it is being reduced; plain Python containers, because the steps are tiny."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, on_plane: np.ndarray, importance: np.ndarray) -> None:
        self.points = vertices
        self.homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1))], 1)
        self.on_plane = on_plane.tolist()
        self.importance = importance.tolist()
        self.face_list = {i: tuple(face) for i, face in enumerate(faces.tolist())}
        self.vertex_faces: dict[int, set[int]] = {}
        for i, face in self.face_list.items():
            for vertex in face:
                self.vertex_faces.setdefault(vertex, set()).add(i)
        self.quadric = self._quadrics(vertices, faces, on_plane)
        self.version = {vertex: 0 for vertex in self.vertex_faces}

    @staticmethod
    def _quadrics(vertices: np.ndarray, faces: np.ndarray, on_plane: np.ndarray) -> np.ndarray:
        """Area-weighted sum over the faces of squared plane distance plus a share of squared distance to the vertex."""
        a, b, c = (vertices[faces[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        area = 0.5 * np.linalg.norm(normal, axis=1)
        normal /= 2 * area[:, None] + 1e-30
        plane = np.concatenate([normal, -(normal * a).sum(1, keepdims=True)], 1)
        face_quadric = area[:, None, None] * plane[:, :, None] * plane[:, None, :]
        quadrics = np.zeros((len(vertices), 4, 4))
        vertex_area = np.zeros(len(vertices))
        for corner in range(3):
            np.add.at(quadrics, faces[:, corner], face_quadric)
            np.add.at(vertex_area, faces[:, corner], area)
        flip = np.diag([-1.0, 1.0, 1.0, 1.0])
        quadrics[on_plane] += flip @ quadrics[on_plane] @ flip
        near = np.zeros((len(vertices), 4, 4))
        near[:, :3, :3] = np.eye(3)
        near[:, :3, 3] = near[:, 3, :3] = -vertices
        near[:, 3, 3] = (vertices**2).sum(1)
        return quadrics + _LENGTH_SHARE * vertex_area[:, None, None] * near

    def faces(self) -> np.ndarray:
        return np.array(sorted(self.face_list.values()))

    def collapse(self, pairs: int, middle: int) -> None:
        remaining = [0, 0]  # off the plane, on the plane
        for vertex in self.vertex_faces:
            remaining[self.on_plane[vertex]] += 1
        wanted = (pairs, middle)
        heap: list[tuple[float, int, int, int, int]] = []
        for vertex in list(self.vertex_faces):
            self._push(heap, vertex)
        while remaining[0] > pairs or remaining[1] > middle:
            if not heap:
                raise RuntimeError(f"No admissible collapse is left at {remaining} vertices, wanted {wanted}.")
            _, gone, kept, gone_version, kept_version = heapq.heappop(heap)
            if self.version.get(gone) != gone_version or self.version.get(kept) != kept_version:
                continue
            kind = self.on_plane[gone]
            if remaining[kind] <= wanted[kind] or not self._admissible(gone, kept):
                continue
            self._apply(heap, gone, kept)
            remaining[kind] -= 1

    def _neighbours(self, vertex: int) -> set[int]:
        around = {other for face in self.vertex_faces[vertex] for other in self.face_list[face]}
        around.discard(vertex)
        return around

    def _push(self, heap: list, vertex: int) -> None:
        """Offer to collapse this vertex into each neighbour."""
        for kept in self._neighbours(vertex):
            self._offer(heap, vertex, kept)

    def _offer(self, heap: list, gone: int, kept: int) -> None:
        """Queue one collapse with its cost and the versions of both ends, by which outdated offers are recognised."""
        if self.on_plane[gone] and not self.on_plane[kept]:
            return
        point = self.homogeneous[kept]
        cost = self.importance[gone] * float(point @ (self.quadric[gone] + self.quadric[kept]) @ point)
        heapq.heappush(heap, (cost, gone, kept, self.version[gone], self.version[kept]))

    def _admissible(self, gone: int, kept: int) -> bool:
        shared_faces = self.vertex_faces[gone] & self.vertex_faces[kept]
        opposite = {v for face in shared_faces for v in self.face_list[face]} - {gone, kept}
        around_gone, around_kept = self._neighbours(gone), self._neighbours(kept)
        if around_gone & around_kept != opposite:
            return False
        if self.on_plane[gone]:
            if len(shared_faces) != 1:  # only along the boundary of the half
                return False
        elif self.on_plane[kept] and any(self.on_plane[v] for v in around_gone - opposite - {kept}):
            return False  # would join two mid-plane vertices by an edge that four faces share after mirroring
        if len(around_gone | around_kept) - 2 > _MAX_VALENCE:
            return False
        if any(len(self.vertex_faces[v]) <= (2 if self.on_plane[v] else 3) for v in opposite):
            return False
        return self._keeps_shape(gone, kept, self.vertex_faces[gone] - shared_faces)

    def _keeps_shape(self, gone: int, kept: int, moved_faces: set[int]) -> bool:
        if not moved_faces:
            return False
        corners = np.array([self.face_list[face] for face in moved_faces])
        before = self.points[corners]
        after = self.points[np.where(corners == gone, kept, corners)]
        normals_before, normals_after = _unit_normals(before), _unit_normals(after)
        if ((normals_before * normals_after).sum(1) < _MIN_NORMAL_COSINE).any():
            return False
        return bool((_min_angles(after) >= np.minimum(_min_angles(before), _MIN_ANGLE_RAD)).all())

    def _apply(self, heap: list, gone: int, kept: int) -> None:
        for face in list(self.vertex_faces[gone]):
            corners = self.face_list[face]
            if kept in corners:
                for vertex in corners:
                    self.vertex_faces[vertex].discard(face)
                del self.face_list[face]
            else:
                self.face_list[face] = tuple(kept if v == gone else v for v in corners)
                self.vertex_faces[kept].add(face)
        del self.vertex_faces[gone], self.version[gone]
        self.quadric[kept] = self.quadric[kept] + self.quadric[gone]
        touched = self._neighbours(kept) | {kept}
        for vertex in touched:
            self.version[vertex] += 1
        for vertex in touched:
            self._push(heap, vertex)
            for other in self._neighbours(vertex) - touched:
                self._offer(heap, other, vertex)


def _unit_normals(triangles: np.ndarray) -> np.ndarray:
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-30)


def _min_angles(triangles: np.ndarray) -> np.ndarray:
    """Smallest corner of each triangle, radians, by the law of cosines."""
    a, b, c = (np.linalg.norm(triangles[:, (i + 1) % 3] - triangles[:, (i + 2) % 3], axis=1) for i in range(3))
    cosines = np.stack(
        [
            (b * b + c * c - a * a) / (2 * b * c + 1e-30),
            (a * a + c * c - b * b) / (2 * a * c + 1e-30),
            (a * a + b * b - c * c) / (2 * a * b + 1e-30),
        ]
    )
    return np.arccos(np.clip(cosines, -1, 1)).min(0)

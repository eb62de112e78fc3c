"""Reduces the vertices of a garment by edge collapses that keep its texture coordinates exact.

Quadric errors after Garland and Heckbert, "Surface simplification using quadric error metrics", SIGGRAPH 1997. Only
half-edge collapses are made, and only of vertices whose faces agree on their texture coordinates, so every vertex that
stays keeps its place and its coordinates; borders and texture seams stay as they are.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np

from meshrec.data.wardrobe.build.cutouts import without_unused
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh

_ERROR = 0.001  # metres, root mean square distance of a moved vertex from the faces it stood in
_TURN = 0.2  # cosine between a face's normals before and after a collapse, at least
_SHORT_EDGES = 1e-7  # square metres per square metre: among flat collapses short edges go first


def decimated(mesh: TexturedMesh, target: int) -> TexturedMesh:
    """The mesh with about ``target`` vertices, or as few above it as seams, borders and curvature allow."""
    if len(mesh.vertices) <= target:
        return mesh
    work = _Collapses(mesh)
    work.run(len(np.unique(mesh.faces)) - target)
    kept = np.flatnonzero(work.alive)
    return without_unused(TexturedMesh(mesh.vertices, work.faces[kept], work.texcoords[kept]))


class _Collapses:
    """The state of a mesh while vertices go one by one."""

    def __init__(self, mesh: TexturedMesh) -> None:
        self.vertices = mesh.vertices
        self.faces = mesh.faces.copy()
        self.texcoords = mesh.face_texcoords.copy()
        self.alive = np.ones(len(self.faces), bool)
        self.around: list[set[int]] = [set() for _ in self.vertices]
        for face, corners in enumerate(self.faces.tolist()):
            for vertex in corners:
                self.around[vertex].add(face)
        self.quadric = self._quadrics()
        self.fixed = self._fixed()
        self.version = np.zeros(len(self.vertices), int)
        self.queue: list[tuple[float, int, int, int]] = []

    def run(self, count: int) -> None:
        """Remove up to ``count`` vertices, cheapest first."""
        for vertex in np.flatnonzero(~self.fixed).tolist():
            self._offer(vertex)
        while count > 0 and self.queue:
            _, vertex, target, version = heapq.heappop(self.queue)
            if version != self.version[vertex] or not self.around[vertex]:
                continue
            neighbours = self._neighbours(vertex)
            self._collapse(vertex, target)
            count -= 1
            for neighbour in neighbours:
                if not self.fixed[neighbour]:
                    self._offer(neighbour)

    def _offer(self, vertex: int) -> None:
        """Queue the cheapest collapse of a vertex that does no harm."""
        self.version[vertex] += 1
        costs = sorted((*self._cost(vertex, target), target) for target in self._neighbours(vertex))
        for cost, error, target in costs:
            if error < _ERROR and self._allowed(vertex, target):
                heapq.heappush(self.queue, (cost, vertex, target, int(self.version[vertex])))
                return

    def _cost(self, vertex: int, target: int) -> tuple[float, float]:
        """Quadric error of a collapse, and the same as a distance in metres."""
        place = np.append(self.vertices[target], 1.0)
        step = self.vertices[target] - self.vertices[vertex]
        quadric = self.quadric[vertex] + self.quadric[target]
        squared = max(float(place @ quadric @ place), 0.0)
        area = max(float(np.trace(quadric[:3, :3])), 1e-12)
        return squared + _SHORT_EDGES * float(step @ step), (squared / area) ** 0.5

    def _allowed(self, vertex: int, target: int) -> bool:
        shared = self._neighbours(vertex) & self._neighbours(target)
        dying = self.around[vertex] & self.around[target]
        if len(dying) != 2 or len(shared) != 2:
            return False
        staying = self.faces[list(self.around[vertex] - dying)]
        before = self.vertices[staying]
        after = np.where((staying == vertex)[..., None], self.vertices[target], before)
        old, new = (np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]) for t in (before, after))
        lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
        return bool(((old * new).sum(1) > _TURN * lengths).all())

    def _collapse(self, vertex: int, target: int) -> None:
        dying = self.around[vertex] & self.around[target]
        one = next(iter(dying))
        coordinates = self.texcoords[one, self.faces[one] == target][0].copy()
        for face in dying:
            self.alive[face] = False
            for corner in self.faces[face].tolist():
                self.around[corner].discard(face)
        for face in self.around[vertex]:
            corner = self.faces[face] == vertex
            self.texcoords[face, corner] = coordinates
            self.faces[face, corner] = target
            self.around[target].add(face)
        self.around[vertex] = set()
        self.quadric[target] += self.quadric[vertex]

    def _neighbours(self, vertex: int) -> set[int]:
        return {corner for face in self.around[vertex] for corner in self.faces[face].tolist()} - {vertex}

    def _quadrics(self) -> np.ndarray:
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        cross = np.cross(b - a, c - a)
        area = 0.5 * np.linalg.norm(cross, axis=1, keepdims=True)
        normal = cross / np.maximum(2 * area, 1e-12)
        plane = np.concatenate([normal, -(normal * a).sum(1, keepdims=True)], 1)
        quadric = area[..., None] * plane[:, :, None] * plane[:, None, :]
        total = np.zeros((len(self.vertices), 4, 4))
        np.add.at(total, self.faces.ravel(), np.repeat(quadric, 3, axis=0))
        return total

    def _fixed(self) -> np.ndarray:
        """(V,) vertices on a border, a seam or where more than two faces meet."""
        seen: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
        for corners, uv in zip(self.faces.tolist(), self.texcoords, strict=True):
            for k in range(3):
                a, b = corners[k], corners[(k + 1) % 3]
                pair = uv[[k, (k + 1) % 3]] if a < b else uv[[(k + 1) % 3, k]]
                seen[min(a, b), max(a, b)].append(pair)
        fixed = np.zeros(len(self.vertices), bool)
        for (a, b), pairs in seen.items():
            if len(pairs) != 2 or np.abs(pairs[0] - pairs[1]).max() > 1e-6:
                fixed[[a, b]] = True
        return fixed

"""Where to cut a body open: one mirror-symmetric tree of edges that leaves a single disc.

The tree, after the kind of cut that DecoMR's boundary-free map shows: down the back from the crown to the perineum;
along the inner leg to the ankle, around the heel and along the edge of the sole to the toes; from the upper spine along
the back of the arm to the little finger and around the finger tips, so that a hand opens like a mitten along its seam.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree

from meshrec.errors import InvalidInput
from meshrec.uv.build.template import TemplateMesh

_ON_PLANE_M = 1e-5  # half-width of the band counted as the mirror plane
_SIDE_PREFERENCE = 6.0  # how much dearer the wrong side of a limb is than the right one
_FINGER_SPACING_M, _TOE_SPACING_M = 0.02, 0.016  # tips are farther apart than this along the skin


class SurfaceGraph:
    """Shortest paths along the edges of the left half of a mesh."""

    def __init__(self, mesh: TemplateMesh) -> None:
        self.mesh = mesh
        edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        edges = np.unique(edges, axis=0)
        self.edges = edges[(mesh.vertices[edges][..., 0] > -_ON_PLANE_M).all(axis=1)]
        self.lengths = np.linalg.norm(np.diff(mesh.vertices[self.edges], axis=1)[:, 0], axis=1)

    def graph(self, cost: np.ndarray | None = None, keep: np.ndarray | None = None) -> csr_matrix:
        """Symmetric edge graph; ``cost`` (V,) multiplies lengths, ``keep`` (V,) bool limits the vertices."""
        weights = self.lengths if cost is None else self.lengths * cost[self.edges].mean(axis=1)
        edges = self.edges
        if keep is not None:
            inside = keep[edges].all(axis=1)
            edges, weights = edges[inside], weights[inside]
        size = len(self.mesh.vertices)
        graph = coo_matrix((weights, (edges[:, 0], edges[:, 1])), shape=(size, size)).tocsr()
        return graph + graph.T

    def path(self, waypoints: list[int], cost: np.ndarray | None = None, keep: np.ndarray | None = None) -> list[int]:
        """Vertices of the cheapest way through ``waypoints`` in order."""
        graph, route = self.graph(cost, keep), [waypoints[0]]
        for start, goal in pairwise(waypoints):
            previous = dijkstra(graph, indices=start, return_predecessors=True)[1]
            leg = [goal]
            while leg[-1] != start:
                if previous[leg[-1]] < 0:
                    raise InvalidInput(f"No way along the mesh from vertex {start} to vertex {goal}.")
                leg.append(int(previous[leg[-1]]))
            route += leg[::-1][1:]
        return route


def seam_edges(mesh: TemplateMesh) -> np.ndarray:
    """(S, 2) vertex pairs of the seam tree, symmetric about x = 0."""
    surface = SurfaceGraph(mesh)
    paths = [_back_path(surface), _arm_path(surface), *_hand_paths(surface), _leg_path(surface), *_foot_paths(surface)]
    left = np.concatenate([np.stack([path[:-1], path[1:]], axis=1) for path in map(np.array, paths) if len(path) > 1])
    tree = _prune_to_tree(left, mesh, [paths[0][0], *(path[-1] for path in paths)])
    return np.unique(np.sort(np.concatenate([tree, mesh.mirror_vertex[tree]]), axis=1), axis=0)


def _nearest(mesh: TemplateMesh, point: np.ndarray, candidates: np.ndarray) -> int:
    return int(candidates[np.linalg.norm(mesh.vertices[candidates] - point, axis=1).argmin()])


def _midline(mesh: TemplateMesh) -> np.ndarray:
    return np.abs(mesh.vertices[:, 0]) < _ON_PLANE_M


def _behind(mesh: TemplateMesh, height: float) -> int:
    """The vertex of the mid-plane on the back at a height."""
    candidates = np.flatnonzero(_midline(mesh) & (np.abs(mesh.vertices[:, 1] - height) < 0.03))
    return int(candidates[mesh.vertices[candidates, 2].argmin()])


def _perineum(mesh: TemplateMesh) -> int:
    middle = np.flatnonzero(_midline(mesh))
    return int(middle[mesh.vertices[middle, 1].argmin()])


def _back_path(surface: SurfaceGraph) -> list[int]:
    mesh = surface.mesh
    middle = np.flatnonzero(_midline(mesh))
    crown = int(middle[mesh.vertices[middle, 1].argmax()])
    stops = [crown, _behind(mesh, mesh.joint("neck")[1]), _behind(mesh, mesh.joint("pelvis")[1] + 0.1), _perineum(mesh)]
    return surface.path(stops, keep=_midline(mesh))


def _side_cost(mesh: TemplateMesh, start: str, end: str, direction: tuple[float, float, float]) -> np.ndarray:
    """(V,) cost factor that is 1 on the side ``direction`` of the limb from one joint to another, more elsewhere."""
    origin, axis = mesh.joint(start), mesh.joint(end) - mesh.joint(start)
    axis = axis / np.linalg.norm(axis)
    offset = mesh.vertices - origin
    radial = offset - (offset @ axis)[:, None] * axis
    cosine = radial @ np.array(direction) / np.maximum(np.linalg.norm(radial, axis=1), 1e-9)
    return 1.0 + _SIDE_PREFERENCE * (1.0 - cosine)


def _arm_path(surface: SurfaceGraph) -> list[int]:
    mesh = surface.mesh
    wrist = mesh.joint("left_wrist")
    upper, lower = (
        _side_cost(mesh, *bone, (0.0, 0.0, -1.0))
        for bone in (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"))
    )
    cost = np.where(mesh.vertices[:, 0] < mesh.joint("left_elbow")[0], upper, lower)
    cost = np.where(mesh.vertices[:, 0] < mesh.joint("left_shoulder")[0], 1.0, cost)
    at_wrist = np.flatnonzero(np.abs(mesh.vertices[:, 0] - wrist[0]) < 0.015)
    back_of_wrist = int(at_wrist[mesh.vertices[at_wrist, 2].argmin()])
    return surface.path([_behind(mesh, mesh.joint("left_shoulder")[1]), back_of_wrist], cost)


def _hand_paths(surface: SurfaceGraph) -> list[list[int]]:
    """From the wrist to the little finger's tip, then from tip to tip through the webs."""
    # Skin that faces up or down is dear, so the cut keeps to the sides of the fingers, between palm and back.
    cost = 1.0 + _SIDE_PREFERENCE * vertex_normals(surface.mesh)[:, 1] ** 2
    stops = [_arm_path(surface)[-1], *finger_tips(surface)]
    return [surface.path([start, end], cost) for start, end in pairwise(stops)]


def vertex_normals(mesh: TemplateMesh) -> np.ndarray:
    """(V, 3) area-weighted unit normals."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(normals, mesh.faces[:, k], np.cross(b - a, c - a))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def finger_tips(surface: SurfaceGraph) -> list[int]:
    """Tips of the left hand, little finger first."""
    mesh = surface.mesh
    tips = _farthest_points(surface, mesh.region_weight("left_hand") > 0.5, _FINGER_SPACING_M, 0.06)
    if len(tips) < 5:
        raise InvalidInput(f"Found {len(tips)} finger tips on the left hand, expected 5; is the body in a T-pose?")
    return sorted(tips[:5], key=lambda v: mesh.vertices[v, 2])


def toe_tips(surface: SurfaceGraph) -> list[int]:
    """Tips of the left foot, big toe first; a body without separate toes has fewer."""
    mesh = surface.mesh
    tips = _farthest_points(surface, mesh.region_weight("left_foot") > 0.5, _TOE_SPACING_M, 0.1)
    tips = [tip for tip in tips if mesh.vertices[tip, 2] > mesh.joint("left_foot")[2]]
    return sorted(tips[:5], key=lambda v: mesh.vertices[v, 0])


def _farthest_points(surface: SurfaceGraph, region: np.ndarray, spacing: float, least: float) -> list[int]:
    """Where the skin distance from the rest of the body has its peaks within a region, farthest first."""
    graph = surface.graph()
    inside = np.flatnonzero(region & (surface.mesh.vertices[:, 0] > 0))
    outside = np.flatnonzero(~region & (surface.mesh.vertices[:, 0] > 0))
    reach = dijkstra(graph, indices=outside, min_only=True)
    nearby = dijkstra(graph, indices=inside, limit=spacing)
    highest = np.array([reach[np.isfinite(row)].max() for row in nearby])
    peaks = inside[(reach[inside] >= highest) & (reach[inside] > least)].tolist()
    return sorted(peaks, key=lambda v: -reach[v])


def _leg_path(surface: SurfaceGraph) -> list[int]:
    mesh = surface.mesh
    upper, lower = (
        _side_cost(mesh, *bone, (-1.0, 0.0, 0.0)) for bone in (("left_hip", "left_knee"), ("left_knee", "left_ankle"))
    )
    cost = np.where(mesh.vertices[:, 1] > mesh.joint("left_knee")[1], upper, lower)
    return surface.path([_perineum(mesh), _inner_ankle(mesh)], cost)


def _inner_ankle(mesh: TemplateMesh) -> int:
    ankle = mesh.joint("left_ankle")
    ring = np.flatnonzero(
        (np.abs(mesh.vertices[:, 1] - ankle[1]) < 0.015)
        & (mesh.vertices[:, 0] > 0)
        & (mesh.region_weight("left_foot") + mesh.region_weight("left_lower_leg") > 0.5)
    )
    return _nearest(mesh, ankle + (-0.1, 0.0, 0.0), ring)


def _foot_paths(surface: SurfaceGraph) -> list[list[int]]:
    """From the inner ankle to the edge of the sole: back around the heel, and forward around the toes."""
    mesh = surface.mesh
    foot = np.flatnonzero(mesh.region_weight("left_foot") > 0.5)
    points, ankle = mesh.vertices[foot], mesh.joint("left_ankle")
    low = points[:, 1].min()
    inner = _nearest(mesh, np.array([ankle[0] - 0.05, low + 0.015, ankle[2]]), foot)
    heel = _nearest(mesh, np.array([ankle[0], low + 0.015, points[:, 2].min()]), foot)
    toes = toe_tips(surface)
    return [
        surface.path([_inner_ankle(mesh), inner]),
        surface.path([inner, heel]),
        surface.path([inner, toes[0], toes[-1]]),
    ]


def _prune_to_tree(edges: np.ndarray, mesh: TemplateMesh, ends: list[int]) -> np.ndarray:
    """Break any loop that crossing paths made, and drop stubs that end at no waypoint."""
    size = len(mesh.vertices)
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    lengths = np.linalg.norm(np.diff(mesh.vertices[edges], axis=1)[:, 0], axis=1)
    tree = minimum_spanning_tree(coo_matrix((lengths, (edges[:, 0], edges[:, 1])), shape=(size, size)).tocsr()).tocoo()
    kept = np.sort(np.stack([tree.row, tree.col], axis=1), axis=1)
    wanted = np.zeros(size, bool)
    wanted[ends] = True
    while True:
        degree = np.bincount(kept.ravel(), minlength=size)
        stub = ((degree == 1) & ~wanted)[kept].any(axis=1)
        if not stub.any():
            return kept
        kept = kept[~stub]


def cut_open(faces: np.ndarray, seam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a mesh along edges.

    Args:
        faces: (F, 3) closed mesh.
        seam: (S, 2) edges to cut.
    Returns:
        Faces (F, 3) over the new vertices, and (T,) the old vertex of each new one.
    """
    size = int(faces.max()) + 1
    seam_keys = np.sort(seam, axis=1) @ np.array([size, 1])
    corner = np.arange(faces.size).reshape(faces.shape)
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    corner_start, corner_end = corner[:, [0, 1, 2]].ravel(), corner[:, [1, 2, 0]].ravel()
    keys = np.minimum(start, end) * size + np.maximum(start, end)
    order = np.argsort(keys, kind="stable")
    same = (keys[order][:-1] == keys[order][1:]) & ~np.isin(keys[order][:-1], seam_keys)
    one, two = order[:-1][same], order[1:][same]
    # Two faces walk a shared edge in opposite directions: the start of one is the end of the other.
    rows = np.concatenate([corner_start[one], corner_end[one]])
    columns = np.concatenate([corner_end[two], corner_start[two]])
    links = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(faces.size, faces.size))
    _, label = connected_components(links, directed=False)
    first = np.unique(label, return_index=True)[1]
    return label.reshape(faces.shape), faces.ravel()[first]

"""Which of the 24 DensePose-style parts each face of a body belongs to, from its skinning weights.

The numbering is that of the DensePose-COCO annotations (the description of ``dp_I``): 1, 2 torso; 3 right hand; 4 left
hand; 5 left foot; 6 right foot; 7, 9 upper leg right; 8, 10 upper leg left; 11, 13 lower leg right; 12, 14 lower leg
left; 15, 17 upper arm left; 16, 18 upper arm right; 19, 21 lower arm left; 20, 22 lower arm right; 23, 24 head. Of each
pair of torso and legs the first is the back; of each pair of arms the first is the front, which is the side of the palm
and looks down in the T-pose; 23 is the head's right half.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from meshrec.uv.build.template import JOINT_NUMBERS, TemplateMesh
from meshrec.uv.parts import MIRROR_PART

# Region: (part where the split is negative, part where it is positive).
_LEFT_PARTS = {
    "left_hand": (4, 4),
    "left_foot": (5, 5),
    "left_upper_leg": (8, 10),
    "left_lower_leg": (12, 14),
    "left_upper_arm": (15, 17),
    "left_lower_arm": (19, 21),
    "torso": (1, 2),
    "head": (24, 24),
}
_LIMB_JOINTS = {
    "left_upper_leg": (1, 4),
    "left_lower_leg": (4, 7),
    "left_upper_arm": (16, 18),
    "left_lower_arm": (18, 20),
}
_SMOOTHING_PASSES = 4
_SLIVER_FACES = 20


def label_parts(mesh: TemplateMesh, texture_faces: np.ndarray) -> np.ndarray:
    """(F,) part of each face, 1 to 24, exactly mirror-symmetric; each part is one patch of the body.

    Slivers that the atlas' seam (``texture_faces``) separates from their part go to the part beside them in the atlas.
    """
    regions = list(JOINT_NUMBERS)
    weight = np.stack([mesh.region_weight(region)[mesh.faces].mean(axis=1) for region in regions], axis=1)
    region = weight.argmax(axis=1)
    centre = mesh.vertices[mesh.faces].mean(axis=1)
    part = np.zeros(len(mesh.faces), dtype=np.int64)
    for name, (negative, positive) in _LEFT_PARTS.items():
        chosen = region == regions.index(name)
        part[chosen] = np.where(_split(mesh, name, centre[chosen]) < 0, negative, positive)
    opposite, left = mesh.mirror_faces(), centre[:, 0] > 0
    part[~left] = MIRROR_PART[part[opposite[~left]]]
    across = neighbour_faces(mesh.faces)
    for _ in range(_SMOOTHING_PASSES):
        part = _majority(across, part)
    part = _without_islands(neighbour_faces(texture_faces), _without_islands(across, part), _SLIVER_FACES)
    # The left half decides, so that ties in smoothing cannot break the symmetry.
    part[~left] = MIRROR_PART[part[opposite[~left]]]
    return part


def front_faces(mesh: TemplateMesh) -> np.ndarray:
    """(F,) bool, the face lies on the front half of its limb, torso or head in the T-pose."""
    # Joints blended by the skin's own weights: an axis inside the body without steps between limbs.
    axis = mesh.weights[mesh.faces].mean(axis=1) @ mesh.joints
    centre = mesh.vertices[mesh.faces].mean(axis=1)
    front = (centre[:, 2] > axis[:, 2]).astype(np.int64)
    for _ in range(_SMOOTHING_PASSES):
        front = _majority(neighbour_faces(mesh.faces), front)
    left = centre[:, 0] > 0
    front[~left] = front[mesh.mirror_faces()[~left]]
    return front.astype(bool)


def _split(mesh: TemplateMesh, region: str, centre: np.ndarray) -> np.ndarray:
    """(N,) signed distance from the surface that divides a region in two."""
    if region not in _LIMB_JOINTS:
        axis = np.array([[0.0, mesh.joints[9, 1], mesh.joints[9, 2]], [0.0, mesh.joints[0, 1], mesh.joints[0, 2]]])
    else:
        axis = mesh.joints[list(_LIMB_JOINTS[region])]
    along = axis[1] - axis[0]
    share = np.clip((centre - axis[0]) @ along / (along @ along), -0.3, 1.3)
    offset = centre - (axis[0] + share[:, None] * along)
    return offset[:, 1] if region.endswith("arm") else offset[:, 2]


def neighbour_faces(faces: np.ndarray) -> np.ndarray:
    """(F, 3) the face across each edge; the face itself at a boundary."""
    size = int(faces.max()) + 1
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    key = np.minimum(start, end) * size + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    shared = np.flatnonzero(key[order][:-1] == key[order][1:])
    one, two = order[shared], order[shared + 1]
    across = np.repeat(np.arange(len(faces)), 3)
    across[one], across[two] = two // 3, one // 3
    return across.reshape(-1, 3)


def _majority(across: np.ndarray, label: np.ndarray) -> np.ndarray:
    """A face whose neighbours mostly agree on another label takes it."""
    around = label[across]
    agreed = np.where(around[:, 0] == around[:, 1], around[:, 0], around[:, 2])
    outvoted = ((around == agreed[:, None]).sum(axis=1) >= 2) & (agreed != label)
    return np.where(outvoted, agreed, label)


def _without_islands(across: np.ndarray, label: np.ndarray, at_most: int | None = None) -> np.ndarray:
    """Give every piece of a part but its largest, up to ``at_most`` faces, to the part around it."""
    label = label.copy()
    rows = np.repeat(np.arange(len(label)), 3)
    for _ in range(10):
        same = label[rows] == label[across.ravel()]
        links = coo_matrix((np.ones(same.sum()), (rows[same], across.ravel()[same])), shape=(len(label),) * 2)
        piece = connected_components(links, directed=False)[1]
        size = np.bincount(piece)
        largest = {part: np.bincount(piece[label == part]).argmax() for part in np.unique(label)}
        island = np.array([largest[part] for part in label]) != piece
        island &= size[piece] <= (at_most or len(label))
        if not island.any():
            break
        for number in np.unique(piece[island]):
            inside = piece == number
            around = label[across[inside]].ravel()
            around = around[around != label[inside][0]]
            if len(around):
                label[inside] = np.bincount(around).argmax()
    return label

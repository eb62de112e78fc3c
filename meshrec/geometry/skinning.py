"""Linear blend skinning of SMPL-format bodies: shape, pose offsets, kinematic chain, blended transforms.

Loper et al., "SMPL: A Skinned Multi-Person Linear Model", SIGGRAPH Asia 2015, equations 2 to 10. There is no
translation: the body turns about its root joint, which stays where the shape puts it. Axes of the result are those
that `global_orient` maps to.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def blend_shapes(coefficients: Tensor, directions: Tensor) -> Tensor:
    """Offsets of the vertices for shape coefficients (eq. 8).

    Args:
        coefficients: (..., S) shape coefficients; fewer than the directions hold means that the rest are zero.
        directions: (V, 3, S') metres per unit, S' >= S.
    Returns:
        (..., V, 3) metres.
    Raises:
        ValueError: more coefficients than directions.
    """
    sizes = check_shapes(coefficients=(coefficients, "... S"), directions=(directions, "V 3 D"))
    if sizes["S"] > sizes["D"]:
        raise ValueError(f"coefficients: expected at most {sizes['D']} values, one per direction, got {sizes['S']}")
    basis = directions[..., : sizes["S"]].flatten(0, 1)
    return (coefficients @ basis.mT).unflatten(-1, (-1, 3))


def regress_joints(vertices: Tensor, joint_regressor: Tensor) -> Tensor:
    """Joints as fixed linear combinations of the vertices (eq. 10).

    Args:
        vertices: (..., V, 3) any frame.
        joint_regressor: (J, V), each row with the sum one.
    Returns:
        (..., J, 3) in the same frame.
    """
    check_shapes(vertices=(vertices, "... V 3"), joint_regressor=(joint_regressor, "J V"))
    # Coordinates join the batch, so that all bodies share one product; a batched one is ten times slower on a CPU.
    coordinates = vertices.mT
    return (coordinates.flatten(0, -2) @ joint_regressor.mT).unflatten(0, coordinates.shape[:-1]).mT


def pose_feature(body_pose: Tensor) -> Tensor:
    """What drives the pose offsets: each joint's rotation minus the identity, row-major (eq. 9).

    Args:
        body_pose: (..., J-1, 3, 3) rotations relative to the parent, root left out.
    Returns:
        (..., 9 (J-1)).
    """
    check_shapes(body_pose=(body_pose, "... J 3 3"))
    return (body_pose - torch.eye(3, dtype=body_pose.dtype, device=body_pose.device)).flatten(-3)


def kinematic_chain(rotations: Tensor, joints: Tensor, parents: Sequence[int] | Tensor) -> Tensor:
    """Pose of every joint's frame, by walking from the root to the leaves (eqs. 3 and 4).

    Args:
        rotations: (..., J, 3, 3) rotation of each joint relative to its parent; the root's is global.
        joints: (..., J, 3) rest positions, metres.
        parents: J indices with each parent before its children, -1 for the root, which comes first. Ints in a tuple
            spare a GPU the wait that reading a tensor costs.
    Returns:
        (..., J, 3, 4) rotation and translation of each frame: joint j ends at `[..., j, :, 3]`.
    Raises:
        ValueError: a parent does not come before its child.
    """
    check_shapes(
        rotations=(rotations, "... J 3 3"), joints=(joints, "... J 3"), parents=(torch.as_tensor(parents), "J")
    )
    parents = _checked_parents(parents)
    offsets = joints[..., 1:, :] - joints[..., parents[1:], :]
    offsets = torch.cat([joints[..., :1, :], offsets], -2)
    local = torch.cat([rotations, offsets[..., None].expand(*rotations.shape[:-1], 1)], -1)
    frames = [local[..., 0, :, :]]
    for joint, parent in enumerate(parents[1:], start=1):
        frame = frames[parent]
        moved = frame[..., :3] @ local[..., joint, :, :]
        frames.append(torch.cat([moved[..., :3], moved[..., 3:] + frame[..., 3:]], -1))
    return torch.stack(frames, -3)


def joint_transforms(rotations: Tensor, joints: Tensor, parents: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
    """Rigid motion from rest to pose of every joint, [R | t - R j]: where a vertex was relative to the joint at rest,
    seen in the posed frame.

    Args:
        rotations, joints, parents: see `kinematic_chain`.
    Returns:
        (..., J, 3, 4) transforms, and the posed joints (..., J, 3).
    """
    frames = kinematic_chain(rotations, joints, parents)
    shift = frames[..., 3:] - frames[..., :3] @ joints[..., None]
    return torch.cat([frames[..., :3], shift], -1), frames[..., 3]


def blend_planes(transforms: Tensor, weights: Tensor) -> Tensor:
    """Each vertex's weighted mean of the joints' transforms, entry by entry.

    Args:
        transforms: (..., J, 3, 4) rigid motion from rest to pose of each joint.
        weights: (V, J) rows sum to one.
    Returns:
        (..., 12, V) row-major entries of the blended 3x4 transforms, for `move_points` and `turn_directions`.
    """
    check_shapes(transforms=(transforms, "... J 3 4"), weights=(weights, "V J"))
    # One matrix product blends every entry of every body into planes of V values; a 3x4 product per vertex is slower.
    entries = transforms.flatten(-2).mT
    return (entries.flatten(0, -2) @ weights.mT).unflatten(0, entries.shape[:-1])


def move_points(planes: Tensor, points: Tensor) -> Tensor:
    """Points (..., V, 3) moved by blended transforms (..., 12, V)."""
    planes = planes.unbind(-2)
    return _apply(planes, points, planes[3::4])


def turn_directions(planes: Tensor, directions: Tensor) -> Tensor:
    """Directions (..., V, 3) turned by the linear part of blended transforms (..., 12, V); lengths are not kept."""
    return _apply(planes.unbind(-2), directions, (0.0, 0.0, 0.0))


def _apply(planes: tuple[Tensor, ...], vectors: Tensor, moved: Sequence[Tensor | float]) -> Tensor:
    for coordinate, column in zip(vectors.unbind(-1), (planes[0::4], planes[1::4], planes[2::4]), strict=True):
        moved = [
            torch.addcmul(row, entry, coordinate) if isinstance(row, Tensor) else entry * coordinate
            for row, entry in zip(moved, column, strict=True)
        ]
    return torch.stack(list(moved), -1)


def blend_transforms(vertices: Tensor, transforms: Tensor, weights: Tensor) -> Tensor:
    """Moves each vertex by its weighted mean of the joints' transforms (eq. 2).

    Args:
        vertices: (..., V, 3) rest positions.
        transforms: (..., J, 3, 4) rigid motion from rest to pose of each joint.
        weights: (V, J) rows sum to one.
    Returns:
        (..., V, 3).
    """
    check_shapes(vertices=(vertices, "... V 3"), transforms=(transforms, "... J 3 4"), weights=(weights, "V J"))
    return move_points(blend_planes(transforms, weights), vertices)


def linear_blend_skinning(
    template_vertices: Tensor,
    shape_directions: Tensor,
    pose_directions: Tensor,
    joint_regressor: Tensor,
    skinning_weights: Tensor,
    parents: Sequence[int] | Tensor,
    betas: Tensor,
    global_orient: Tensor,
    body_pose: Tensor,
) -> tuple[Tensor, Tensor]:
    """Vertices and joints of an SMPL-format body.

    Args:
        template_vertices: (V, 3) mean body in rest pose, metres.
        shape_directions: (V, 3, S') metres per unit of each shape coefficient.
        pose_directions: (9 (J-1), 3 V) metres per unit of the pose feature, vertex-major columns.
        joint_regressor: (J, V) joints as means of shaped vertices.
        skinning_weights: (V, J) rows sum to one.
        parents: J indices, -1 for the root (see `kinematic_chain`).
        betas: (..., S) shape coefficients, S <= S'.
        global_orient: (..., 3, 3) rotation of the root.
        body_pose: (..., J-1, 3, 3) rotations relative to the parent.
    Returns:
        vertices (..., V, 3) and joints (..., J, 3), metres.
    """
    sizes = check_shapes(
        template_vertices=(template_vertices, "V 3"),
        shape_directions=(shape_directions, "V 3 D"),
        joint_regressor=(joint_regressor, "J V"),
        skinning_weights=(skinning_weights, "V J"),
        global_orient=(global_orient, "... 3 3"),
    )
    check_shapes(
        pose_directions=(pose_directions, f"{9 * (sizes['J'] - 1)} {3 * sizes['V']}"),
        body_pose=(body_pose, f"... {sizes['J'] - 1} 3 3"),
    )
    shaped = template_vertices + blend_shapes(betas, shape_directions)
    joints = regress_joints(shaped, joint_regressor)
    rest = shaped + (pose_feature(body_pose) @ pose_directions).unflatten(-1, (-1, 3))
    rotations = torch.cat([global_orient[..., None, :, :], body_pose], -3)
    transforms, posed_joints = joint_transforms(rotations, joints, parents)
    return blend_transforms(rest, transforms, skinning_weights), posed_joints


def _checked_parents(parents: Sequence[int] | Tensor) -> list[int]:
    indices = parents.tolist() if isinstance(parents, Tensor) else [int(parent) for parent in parents]
    misplaced = [joint for joint, parent in enumerate(indices) if not (0 <= parent < joint or joint == 0)]
    if misplaced or indices[0] >= 0:
        raise ValueError(f"parents: expected -1 for the first joint and earlier joints after it, got {indices}")
    return indices

"""Skeletons as BVH: offsets of a tree of joints, and their Euler angles; metres and degrees."""

from __future__ import annotations

import numpy as np

from meshrec.export.rig import Rig

_ROTATION_CHANNELS = "Zrotation Xrotation Yrotation"
_FRAME_S = 1 / 30  # a photo has one frame; readers still want a time


def bvh_text(rig: Rig) -> str:
    """The file's text, one frame long.

    The root's offset is zero and its channels hold its place; the other joints rotate only. Leaves end in what they
    move: head, hands and feet.
    """
    joint_order: list[int] = []
    lines = ["HIERARCHY", *_joint_lines(rig, 0, 0, joint_order)]
    angles = np.degrees(_zxy_angles(rig.rotations[joint_order]))
    frame = [*rig.root_position, *angles.ravel()]
    lines += ["MOTION", "Frames: 1", f"Frame Time: {_FRAME_S:.6f}", " ".join(f"{value:.8f}" for value in frame)]
    return "\n".join(lines) + "\n"


def _joint_lines(rig: Rig, joint: int, depth: int, joint_order: list[int]) -> list[str]:
    """A joint and what hangs on it; motion is written in the order in which joints are met."""
    joint_order.append(joint)
    space, inner = "  " * depth, "  " * (depth + 1)
    channels = f"3 {_ROTATION_CHANNELS}" if depth else f"6 Xposition Yposition Zposition {_ROTATION_CHANNELS}"
    lines = [f"{space}{'JOINT' if depth else 'ROOT'} {rig.names[joint]}", f"{space}{{"]
    lines += [f"{inner}OFFSET {_numbers(rig.offsets[joint])}", f"{inner}CHANNELS {channels}"]
    for child in (other for other, parent in enumerate(rig.parents) if parent == joint):
        lines += _joint_lines(rig, child, depth + 1, joint_order)
    if joint in rig.leaves:
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {_numbers(rig.tip(joint))}", f"{inner}}}"]
    return [*lines, f"{space}}}"]


def _zxy_angles(rotations: np.ndarray) -> np.ndarray:
    """(N, 3) radians z, x, y of rotations (N, 3, 3) = Rz Rx Ry.

    With x at a right angle z and y turn about one axis, and z may be anything: y is what z leaves over.
    """
    first, second, third = rotations[:, 0], rotations[:, 1], rotations[:, 2]
    x = np.arctan2(third[:, 1], np.hypot(third[:, 0], third[:, 2]))
    z = np.arctan2(-first[:, 1], second[:, 1])
    row = np.cos(z)[:, None] * first + np.sin(z)[:, None] * second  # the first one of Ry
    return np.stack([z, x, np.arctan2(row[:, 2], row[:, 0])], axis=1)


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.8f}" for value in values)

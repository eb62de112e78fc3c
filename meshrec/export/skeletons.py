"""Skeletons as files: everybody rigged in one GLB, or a BVH each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meshrec.assets import write_atomically
from meshrec.body import BodyModel
from meshrec.errors import InvalidInput
from meshrec.export.bvh import bvh_text
from meshrec.export.glb import glb_bytes
from meshrec.export.params import placed_bodies
from meshrec.export.rig import rigs_of
from meshrec.fitting.state import BodyState
from meshrec.structures import MeshPrediction

SKELETON_EXTENSIONS = (".glb", ".bvh")


def save_skeleton(people: Sequence[MeshPrediction] | BodyState, body: BodyModel, path: str | Path) -> list[Path]:
    """Write posed skeletons, GLB or BVH by the extension of ``path``, in the axes of exported files.

    A GLB holds everybody with skin and joints. A BVH holds one skeleton without skin, so that further people go to
    files of their own: ``pose.bvh``, ``pose_2.bvh``, ...

    Args:
        people: at least one, each with ``body_params``, see `meshrec.export.params.save_params`; or bodies in camera
            axes.
        body: the parameters' body.
        path: replaced if it exists; never left half written.
    Returns:
        The files.
    Raises:
        InvalidInput: unknown extension, nobody, somebody without parameters, or a place that cannot be written.
    """
    extension = check_skeleton_path(path)
    rigs = rigs_of(people if isinstance(people, BodyState) else placed_bodies(list(people), body), body)
    if not rigs:
        raise InvalidInput(f"There is no person whose skeleton could be written to {path}.")
    path = Path(path)
    if extension == ".glb":
        with write_atomically(path) as temporary:
            temporary.write_bytes(glb_bytes(rigs))
        return [path]
    paths = [path, *(path.with_name(f"{path.stem}_{number}{path.suffix}") for number in range(2, len(rigs) + 1))]
    for rig, place in zip(rigs, paths):
        with write_atomically(place) as temporary:
            temporary.write_text(bvh_text(rig), encoding="ascii")
    return paths


def check_skeleton_path(path: str | Path) -> str:
    """The extension of a skeleton file, in lower case.

    Raises:
        InvalidInput: not one that `save_skeleton` writes.
    """
    extension = Path(path).suffix.lower()
    if extension not in SKELETON_EXTENSIONS:
        raise InvalidInput(
            f"Cannot save a skeleton as {str(path)!r}: the extension must be {' or '.join(SKELETON_EXTENSIONS)}."
        )
    return extension

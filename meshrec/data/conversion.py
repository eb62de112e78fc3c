"""Conversion of whole data sets: finds the files of a layout, goes on past bad ones, and says what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from meshrec.data.annotations import Annotations
from meshrec.data.converters import (
    bedlam,
    coco_densepose,
    coco_keypoints,
    h36m,
    mpi_inf_3dhp,
    photo_pack,
    spin,
    surreal,
    threedpw,
)
from meshrec.errors import AssetNotFound, InvalidInput

FORMATS: dict[str, ModuleType] = {
    "coco": coco_keypoints,
    "densepose": coco_densepose,
    "spin": spin,
    "3dpw": threedpw,
    "bedlam": bedlam,
    "h36m": h36m,
    "mpi-inf-3dhp": mpi_inf_3dhp,
    "surreal": surreal,
    "photos": photo_pack,
}


@dataclass(frozen=True)
class Conversion:
    """What came of some files.

    Attributes:
        people: the labels of all files that could be read.
        files: how many those were.
        failures: one sentence for each of the others.
    """

    people: Annotations
    files: int
    failures: tuple[str, ...]


def convert_sources(
    layout: str,
    sources: Sequence[str | Path],
    images: str | Path | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Conversion:
    """Convert files and folders of one layout.

    Args:
        layout: a key of ``FORMATS``.
        sources: files, or folders of which all files of the layout are taken, also from folders inside.
        images: the folder that image paths start from; without one that of the first source.
        progress: wraps the list of files, for a progress bar.
    Raises:
        AssetNotFound: a source or the image folder does not exist, or a folder holds no file of the layout.
        InvalidInput: the layout is unknown, or no file could be converted.
    """
    if layout not in FORMATS:
        raise InvalidInput(f"There is no layout {layout!r}; there are {', '.join(FORMATS)}.")
    converter = FORMATS[layout]
    files = [file for source in sources for file in _files(Path(source), converter.PATTERNS)]
    first = Path(sources[0])
    root = Path(images) if images is not None else first if first.is_dir() else first.parent
    if not root.is_dir():
        raise AssetNotFound(f"There is no image folder {root}.")
    parts, failures = [], []
    for file in progress(files):
        try:
            parts.append(converter.convert(file, root))
        except InvalidInput as error:
            failures.append(str(error))
    if not parts:
        raise InvalidInput(f"None of {len(files)} files could be converted; the first: {failures[0]}")
    return Conversion(Annotations.concatenate(parts), len(parts), tuple(failures))


def describe(people: Annotations) -> dict[str, int]:
    """How many people have what."""
    return {
        "people": len(people),
        "images": len(set(zip(people.image.tolist(), people.frame.tolist()))),
        "with 2D joints": int((people.joint_confidence > 0).any(1).sum()),
        "with 3D joints": int((people.joint_cam_confidence > 0).any(1).sum()),
        "with body parameters": int(people.has_params.sum()),
        "of these fitted": int((people.has_params & people.is_fitted).sum()),
        "with a camera": int(people.has_camera.sum()),
        "with a mask": int(people.has_mask.sum()),
        "with DensePose points": int((people.densepose.counts > 0).sum()),
        "in sequences": int((people.sequence != "").sum()),
    }


def missing_images(people: Annotations, root: str | Path, most: int = 1000) -> list[str]:
    """Names of images that are not below a folder, of at most so many that are looked for."""
    names = list(dict.fromkeys(people.image.tolist()))
    step = max(1, len(names) // most)
    return [name for name in names[::step] if not (Path(root) / name).is_file()]


def _files(source: Path, patterns: tuple[str, ...]) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.exists():
        raise AssetNotFound(f"There is no file or folder {source}.")
    found = sorted({file for pattern in patterns for file in source.rglob(pattern)})
    if not found:
        raise AssetNotFound(
            f"The folder {source} holds no file {' or '.join(patterns)}, which this layout consists of."
        )
    return found

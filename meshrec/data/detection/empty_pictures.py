"""Pictures without people, to learn what is nobody."""

from __future__ import annotations

from pathlib import Path

from meshrec.data.detection.person_masks import NoMasks
from meshrec.data.detection.scene_labels import LabelledPhoto, SceneLabels
from meshrec.errors import AssetNotFound, InvalidInput

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def read_empty_pictures(folder: str | Path, part: tuple[float, float] = (0.0, 1.0)) -> list[LabelledPhoto]:
    """The pictures of a folder, in none of which anybody is.

    Args:
        part: bounds of the share of the folder, sorted by name, to use; (0, 0.9) leaves a tenth for measuring. The same
            bounds give the same pictures as for the backgrounds of synthetic people.
    Raises:
        AssetNotFound: no such folder.
        InvalidInput: no pictures in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise AssetNotFound(f"There is no folder {folder} of pictures without people.")
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in _SUFFIXES]
    first, last = (int(bound * len(files)) for bound in part)
    files = files[first : max(last, first + 1)]
    if not files:
        raise InvalidInput(f"{folder} holds no pictures ({', '.join(sorted(_SUFFIXES))}).")
    return [LabelledPhoto(file, SceneLabels.of_boxes([]), NoMasks(0)) for file in files]

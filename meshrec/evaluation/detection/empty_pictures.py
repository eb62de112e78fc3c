"""Pictures that show nobody, on which every detection is a mistake."""

from __future__ import annotations

import json
from pathlib import Path

from meshrec.assets import sha256_of_file
from meshrec.data.detection.empty_pictures import read_empty_pictures
from meshrec.data.pictures import read_picture
from meshrec.evaluation.detection.scenes import LabelledScene


class EmptyPictures:
    """A pack such as ``backgrounds``: a folder of pictures whose ``index.json`` is a list of files.

    Args:
        name: what the set is called.
        folder: of the pack.
        seen_share: training has seen so much of the pack, from its first picture on, in the order of the names.
    """

    charts = None

    def __init__(self, name: str, folder: str | Path, seen_share: float = 0.0) -> None:
        self.name, self.folder = name, Path(folder)
        self.files = [photo.image for photo in read_empty_pictures(folder)]
        self.first_unseen = int(seen_share * len(self.files))

    @staticmethod
    def is_pack(folder: str | Path) -> bool:
        """Whether a folder's index lists files rather than labelled images."""
        try:
            return isinstance(json.loads((Path(folder) / "index.json").read_text()), list)
        except (OSError, ValueError):
            return False

    def __len__(self) -> int:
        return len(self.files)

    def title(self, index: int) -> str:
        return self.files[index].name

    def read(self, index: int) -> LabelledScene:
        return LabelledScene(self.title(index), read_picture(self.files[index]), (), unseen=index >= self.first_unseen)

    def describe(self) -> dict[str, str]:
        count = len(self.files)
        return {
            "set": f"pack {self.folder.name}: {count} pictures that show nobody, of which training has not seen "
            f"{count - self.first_unseen}",
            "labels": "index.json",
            "labels_sha256": sha256_of_file(self.folder / "index.json"),
        }

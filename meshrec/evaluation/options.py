"""What an evaluation is asked to measure and to write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from meshrec.errors import InvalidInput


@dataclass(frozen=True)
class EvaluationOptions:
    """What to measure and what to write.

    Attributes:
        weights: a file of weights; None for the shipped ones.
        data: words ``NAME=PATH`` or ``NAME=PATH::IMAGES``, each a pack's folder or a file of labelled people.
        bodies: words ``NAME=FILE``, bodies that files of labelled people name.
        regressor: npy of the joint regressor that 3D joints are read by; None for the body's own joints.
        densepose_tables: folder with DensePose's own evaluation tables, for detectors on its annotations.
        people: synthetic test people, or for detectors scenes; 0 leaves that set out, None takes the usual number.
        json, csv: files to write figures, and those of every person or picture, to.
        pictures: folder for contact sheets.
        device: for example ``cuda``.
        fast: measure the net's own answer, see `meshrec.load.load_model`.
    """

    weights: str | None = None
    data: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    regressor: str | None = None
    densepose_tables: str | None = None
    people: int | None = None
    json: str | None = None
    csv: str | None = None
    pictures: str | None = None
    device: str | None = None
    fast: bool = False

    def places(self, reserved: str) -> dict[str, str]:
        """The sets' places by name.

        Raises:
            InvalidInput: a word that names no file, or a name that is taken.
        """
        places = dict(name_and_path(word) for word in self.data)
        if len(places) < len(self.data) or reserved in places:
            raise InvalidInput(f"Every data set needs a name of its own, other than {reserved!r}.")
        return places

    def check_folders(self) -> None:
        """Before an hour of measuring, rather than after it."""
        for path in (self.json, self.csv, self.pictures):
            if path is not None and not Path(path).parent.is_dir():
                raise InvalidInput(f"Cannot write {path}: there is no folder {Path(path).parent}.")


def name_and_path(word: str, example: str = "photos_dev=../shared/data/photos_dev") -> tuple[str, str]:
    """The two sides of ``NAME=PATH``."""
    name, equals, path = word.partition("=")
    if not equals or not name or not path:
        raise InvalidInput(f"{word!r} names no file: write NAME=PATH, for example {example}.")
    return name, path

"""2D joints of people from files, told apart by their content, and which of them belong to a photo."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.keypoint_layouts import PersonKeypoints, of_coco, of_csv, of_npz, of_openpose
from meshrec.errors import AssetNotFound, InvalidInput

EXTENSIONS = (".json", ".npz", ".csv")
_OPENPOSE_ENDING = "_keypoints"


def read_keypoints(path: str | Path) -> list[PersonKeypoints]:
    """Everybody in a keypoint file: COCO's or OpenPose's JSON, or a table by joint names as npz or CSV.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: damaged, or of none of these layouts.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(f"There is no keypoint file {path}.")
    extension = path.suffix.lower()
    if extension == ".csv":
        return of_csv(path)
    if extension == ".npz":
        return of_npz(path)
    if extension != ".json":
        raise InvalidInput(f"{path} is no keypoint file: the extension must be one of {', '.join(EXTENSIONS)}.")
    content = read_json(path)
    if isinstance(content, dict) and "people" in content:
        with explained(path, "OpenPose's JSON"):
            return of_openpose(content)
    if isinstance(content, list) or (isinstance(content, dict) and "annotations" in content):
        with explained(path, "COCO's keypoint JSON"):
            return of_coco(content)
    raise InvalidInput(f"{path} is neither OpenPose's JSON (people) nor COCO's (annotations, or a list of detections).")


class KeypointSource:
    """Keypoints of photos: from one file, or from a folder with a file per photo, as OpenPose writes it.

    Args:
        path: a file, or a folder with files named after the photos: ``street.json`` or ``street_keypoints.json`` for
            ``street.jpg``.
    Raises:
        AssetNotFound, InvalidInput: see `read_keypoints`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._people = None if self.path.is_dir() else read_keypoints(self.path)

    def of(self, photo: str | Path, several: bool = False) -> list[PersonKeypoints]:
        """The people of a photo.

        People of a file that names no image belong to every photo that is asked for, which makes sense for one.

        Args:
            several: photos share the file, so that it must say which image its people are in.
        Raises:
            AssetNotFound: a folder without a file for the photo.
            InvalidInput: the file is about other photos.
        """
        photo = Path(photo)
        if self._people is None:
            return read_keypoints(self._file_of(photo))
        if not self._people:
            return []
        named = [person for person in self._people if person.image]
        if not named:
            if several:
                raise InvalidInput(f"{self.path} does not say in which photo its people are; give one photo with it.")
            return self._people
        found = [person for person in named if _is_same(person.image, photo)]
        if not found and len(images := {person.image for person in named}) > 0:
            raise InvalidInput(f"{self.path} has nobody in {photo.name}; it is about {_some(images)}.")
        return found

    def _file_of(self, photo: Path) -> Path:
        names = [photo.stem + ending + extension for ending in (_OPENPOSE_ENDING, "") for extension in EXTENSIONS]
        for name in names:
            if (self.path / name).is_file():
                return self.path / name
        raise AssetNotFound(f"The folder {self.path} holds no keypoints of {photo.name}, such as {names[0]}.")


def _is_same(image: str, photo: Path) -> bool:
    """Whether a name in a file means a photo: its path, its name, or the number in its name as COCO's results have."""
    name = image.replace("\\", "/").rpartition("/")[2]
    if name in (photo.name, photo.stem):
        return True
    return image.isdigit() and photo.stem.isdigit() and int(image) == int(photo.stem)


def _some(images: Iterable[str]) -> str:
    shown = sorted(images)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")

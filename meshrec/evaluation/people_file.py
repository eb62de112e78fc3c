"""A file of labelled people (our npz schema) with its image folder as a test set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.body import BodyModel
from meshrec.data.annotations import Annotations
from meshrec.data.converters.densepose_entries import BOX_SIDE
from meshrec.data.converters.run_lengths import mask_of_counts
from meshrec.data.fit_store import without_fits
from meshrec.data.mesh_truth import MeshTruth
from meshrec.data.npz_format import read_annotations
from meshrec.data.photo import Photo
from meshrec.data.pictures import VIDEO_EXTENSIONS, labelled_mask, read_picture
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.people import DensePosePoints, LabelledPerson, LabelledPhoto, joint_names

_DENSEPOSE_WORDS = (
    "U and V are read in the charts of charts_hash; the shipped ones agree with DensePose's own in the parts only, so "
    "GPS of DensePose's annotations needs theirs"
)


class PeopleFile:
    """The people of a file written by ``tools/convert_dataset.py``.

    Args:
        name: what the set is called.
        path: the npz.
        images: the folder that its image paths start from; by default the one that the file is in.
        body: the body in use.
        bodies: files of other bodies by the names that labels use, for example ``smpl_male``.
    Raises:
        AssetNotFound, InvalidInput: the file, the folder or a body is missing or damaged, or nobody is labelled.
    """

    def __init__(
        self,
        name: str,
        path: str | Path,
        images: str | Path | None,
        body: BodyModel,
        bodies: Mapping[str, str | Path] | None = None,
    ) -> None:
        self.name, self.path = name, Path(path)
        self.images = self.path.parent if images is None else Path(images)
        if not self.images.is_dir():
            raise AssetNotFound(f"There is no folder {self.images} with the images of {self.path}.")
        self.people = without_fits(read_annotations(self.path))
        if not len(self.people):
            raise InvalidInput(f"{self.path} labels nobody.")
        self.truth = MeshTruth(body, bodies)
        self.photos = list(_rows_by_photo(self.people).items())
        self.labelled_joints = joint_names(self.people.joint_confidence)

    def __len__(self) -> int:
        return len(self.photos)

    def title(self, index: int) -> str:
        image, frame = self.photos[index][0]
        return image if frame < 0 else f"{image}@{frame}"

    def read(self, index: int) -> LabelledPhoto:
        (image, _), rows = self.photos[index]
        people = self.people.select(np.array(rows))
        pixels = read_picture(self.images / image, int(people.frame[0]), int(people.quarter_turns[0]))
        _check_size(image, pixels, people.image_size[0].tolist())
        posed = self.truth.pose(people)
        persons = (
            self._person(people, place, f"{self.title(index)}#{rows[place]}", pixels.shape[:2],
                         posed.vertices[place] if posed.has_mesh[place] else None)
            for place in range(len(people))
        )  # fmt: skip
        focal = float(people.focal_px[0].mean()) if people.has_camera[0] else None
        return LabelledPhoto(Photo(pixels), tuple(persons), focal)

    def describe(self) -> dict[str, str]:
        meshes = [name for name in np.unique(self.people.body).tolist() if name]
        used = [name for name in meshes if self.truth.gives_mesh(name)]
        return {
            "set": f"{self.people.source or 'labelled people'}, {len(self.people)} people",
            "labels": self.path.name,
            "labels_sha256": sha256_of_file(self.path),
            "labelled_in": self.people.joint_set or "not said",
            **({"densepose": _DENSEPOSE_WORDS} if self.people.densepose.counts.any() else {}),
            "true_bodies": f"{', '.join(used) or 'none'} of {', '.join(meshes) or 'none'} labelled",
        }

    def _person(
        self, people: Annotations, row: int, key: str, size: tuple[int, int], vertices: Tensor | None
    ) -> LabelledPerson:
        known = people.joint_cam_confidence[row] > 0
        points = people.densepose.rows(row)
        return LabelledPerson(
            key,
            tuple(people.box_xywh_px[row].tolist()),
            people.joints_px[row],
            people.joint_confidence[row],
            labelled_mask(people, row, self.images, size) if people.has_mask[row] else None,
            vertices,
            people.joints_cam[row] if known.any() else None,
            known if known.any() else None,
            DensePosePoints(points["part"], points["uv"], points["px"]) if len(points["part"]) else None,
            _box_parts(people.densepose_masks.rows(row)),
            f"{people.sequence[row]}/{people.person[row]}" if people.sequence[row] else "",
            int(people.frame[row]),
        )


def _box_parts(masks: dict[str, np.ndarray]) -> np.ndarray | None:
    """(256, 256) coarse parts of the box; None without masks."""
    if not len(masks["part"]):
        return None
    labels = np.zeros((BOX_SIDE, BOX_SIDE), np.uint8)
    for part in np.unique(masks["part"]):
        labels[mask_of_counts(masks["run"][masks["part"] == part], BOX_SIDE, BOX_SIDE)] = part
    return labels


def _rows_by_photo(people: Annotations) -> dict[tuple[str, int], list[int]]:
    """Rows by image and, for videos, by frame too."""
    photos: dict[tuple[str, int], list[int]] = {}
    for row, (image, frame) in enumerate(zip(people.image.tolist(), people.frame.tolist())):
        is_video = image.lower().endswith(VIDEO_EXTENSIONS)
        photos.setdefault((image, frame if is_video else -1), []).append(row)
    return photos


def _check_size(image: str, pixels: np.ndarray, labelled: list[int]) -> None:
    if all(labelled) and list(pixels.shape[:2]) != labelled:
        raise InvalidInput(f"{image} has {pixels.shape[1]} x {pixels.shape[0]} pixels, but was labelled at "
                           f"{labelled[1]} x {labelled[0]}; use the images that the labels were made for.")  # fmt: skip

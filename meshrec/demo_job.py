"""The demo's work: photos in, meshes and pictures out, one report per photo."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from meshrec.body.pose_prior import PosePrior
from meshrec.command_line import one_line
from meshrec.data.photo import Photo, read_photo
from meshrec.errors import InvalidInput, MeshrecError
from meshrec.export import (
    check_mesh_path,
    check_params_path,
    check_skeleton_path,
    save_camera,
    save_mesh,
    save_params,
    save_skeleton,
)
from meshrec.fitting.from_mesh import with_body_params
from meshrec.iuv.iuv_files import save_iuv, save_iuv_png
from meshrec.iuv.paste import paste_people
from meshrec.iuv.results import PersonIuv
from meshrec.pipeline import MeshModel, find_people, reconstruct
from meshrec.structures import SMPL24, MeshPrediction
from meshrec.vis.contact_sheet import contact_sheet, save_png
from meshrec.vis.densepose_picture import STYLES, draw_densepose
from meshrec.vis.iuv_picture import draw_iuv
from meshrec.vis.overlay import draw_overlay

_LOG = logging.getLogger(__name__)
_SHEET_CELL_PX = 240


@dataclass(frozen=True)
class Outputs:
    """Where the results of one photo go; None for what is not wanted.

    Attributes:
        mesh: everybody's mesh; not written where nobody is.
        overlay: the photo with the meshes drawn over it.
        iuv: picture of what the person finder saw: parts, and lines of equal U and V.
        iuv_data: the same as numbers, `.npz` or `.png`; see docs/iuv.md.
        correspondence: picture of the point of the body that the correspondence net took each pixel for.
        camera: what projects the meshes onto the photo; not written where nobody is.
        params: everybody's shape and pose, `.npz`, see docs/parameters.md; not written where nobody is.
        skeleton: everybody's skeleton, `.glb` or `.bvh`; not written where nobody is.
    """

    mesh: Path | None = None
    overlay: Path | None = None
    iuv: Path | None = None
    iuv_data: Path | None = None
    correspondence: Path | None = None
    camera: Path | None = None
    params: Path | None = None
    skeleton: Path | None = None

    def __post_init__(self) -> None:
        if self.mesh is not None:
            check_mesh_path(self.mesh)
        if self.params is not None:
            check_params_path(self.params)
        if self.skeleton is not None:
            check_skeleton_path(self.skeleton)
        for option, path, *extensions in (
            ("an overlay", self.overlay, ".png"),
            ("an IUV picture", self.iuv, ".png"),
            ("IUV data", self.iuv_data, ".npz", ".png"),
            ("a correspondence picture", self.correspondence, ".png"),
            ("a camera", self.camera, ".json"),
        ):
            if path is not None and path.suffix.lower() not in extensions:
                raise InvalidInput(
                    f"Cannot save {option} as {str(path)!r}: the extension must be {' or '.join(extensions)}."
                )

    @property
    def files(self) -> list[Path]:
        return [path for path in astuple(self) if path is not None]

    def check_model(self, model: MeshModel) -> None:
        """Before any work.

        Raises:
            InvalidInput: something is wanted that the model does not find.
        """
        if self.correspondence is not None and not model.finds_correspondence:
            raise InvalidInput("HMR finds no correspondence to draw: leave out --correspondence, or take decomr.")

    @property
    def needs_finder(self) -> bool:
        """Whether something is wanted that only a person finder gives."""
        return self.iuv is not None or self.iuv_data is not None


@dataclass(frozen=True)
class PhotoReport:
    """What became of one photo.

    Attributes:
        photo: the file.
        seconds: from reading it to its last output.
        people: the predictions; empty where nobody was found, and after an error.
        files: what was written.
        error: one sentence if the photo failed.
    """

    photo: Path
    seconds: float
    people: list[MeshPrediction] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    error: str | None = None

    def figures(self) -> dict:
        """The report as plain values for JSON."""
        pelvis = SMPL24.index("pelvis")
        people = [{
            "box_xywh_px": [round(value, 2) for value in person.box_px.tolist()],
            "score": round(person.score, 4),
            "vertices": len(person.vertices_cam),
            "faces": len(person.faces),
            "distance_m": round(float(person.joints_cam[pelvis, 2]), 3),
        } for person in self.people]
        return {"photo": str(self.photo), "seconds": round(self.seconds, 3), "people": people,
                "files": [str(path) for path in self.files], "error": self.error}


def plan_outputs(photos: Sequence[Path], wanted: Outputs, sheet: bool = False) -> list[Outputs]:
    """The output files of every photo.

    One photo gets the wanted files as they are, several get the photo's name appended (``mesh.obj`` becomes
    ``mesh_street.obj``). If nothing is wanted, nor a `sheet` of all, a mesh and an overlay named after the photo go to
    the working directory.
    """
    if not wanted.files and sheet:
        return [wanted] * len(photos)
    if not wanted.files:
        return [Outputs(mesh=Path(f"{label}_mesh.obj"), overlay=Path(f"{label}_overlay.png"))
                for label in _labels(photos)]
    if len(photos) == 1:
        return [wanted]
    return [Outputs(*(path and path.with_name(f"{path.stem}_{label}{path.suffix}") for path in astuple(wanted)))
            for label in _labels(photos)]


def run_photos(photos: Sequence[Path], outputs: Sequence[Outputs], model: MeshModel, *,
               boxes_xywh: Sequence[Sequence[float]] | None = None, max_people: int | None = None,
               field_of_view_deg: float | None = None) -> Iterator[PhotoReport]:
    """Reconstruct photo after photo; one that fails is reported and the next one follows."""
    for path, output in zip(photos, outputs, strict=True):
        start = time.perf_counter()
        try:
            photo = read_photo(path)
            found = None
            if model.finder is not None and (boxes_xywh is None or output.needs_finder):
                found = find_people(photo, model, boxes_xywh=boxes_xywh, max_people=max_people)
            people = reconstruct(photo, model, boxes_xywh=boxes_xywh, people=found if boxes_xywh is None else None,
                                 field_of_view_deg=field_of_view_deg)
            files = _write(photo, found, people, output, model)
        except MeshrecError as error:
            yield PhotoReport(path, time.perf_counter() - start, error=one_line(error))
        except Exception as error:  # a bug that one photo triggers must not cost the other photos
            _LOG.exception("%s failed", path)
            yield PhotoReport(path, time.perf_counter() - start, error=f"{type(error).__name__}: {one_line(error)}")
        else:
            yield PhotoReport(path, time.perf_counter() - start, people, files)


class PhotoSheet:
    """All photos of a job with their meshes in one picture, small, in order, with their names."""

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".png":
            raise InvalidInput(f"Cannot save a sheet of photos as {str(path)!r}: the extension must be .png.")
        self.path = path
        self._pictures: list[np.ndarray] = []
        self._captions: list[str] = []

    def add(self, report: PhotoReport) -> None:
        """One more photo; those that failed are left out."""
        if report.error is None:
            pixels = read_photo(report.photo).pixels
            self._pictures.append(_shrunk(draw_overlay(pixels, report.people)))
            self._captions.append(f"{report.photo.stem}: {len(report.people)}")

    def save(self) -> bool:
        """Write the sheet; whether there was anything to show."""
        if self._pictures:
            columns = math.ceil(math.sqrt(len(self._pictures)))
            save_png(contact_sheet(self._pictures, columns, self._captions), self.path)
        return bool(self._pictures)


def summary(reports: Sequence[PhotoReport]) -> str:
    """One line about all photos, naming those that failed."""
    failed = [report for report in reports if report.error is not None]
    people = sum(len(report.people) for report in reports)
    done = f"{len(reports) - len(failed)} of {len(reports)} photos done, {people} people"
    return f"{done}; failed: {', '.join(str(report.photo) for report in failed)}" if failed else done


def _write(photo: Photo, found: Sequence[PersonIuv] | None, people: Sequence[MeshPrediction], output: Outputs,
           model: MeshModel) -> list[Path]:
    """What is wanted and there is; the paths of what was written."""
    if output.needs_finder and found is None:
        raise InvalidInput("An IUV needs a model with a person finder.")
    pixels, written = photo.pixels, _write_people(people, output, model)
    if output.overlay is not None:
        save_png(draw_overlay(pixels, people), output.overlay)
    if output.iuv is not None:
        save_png(contact_sheet([draw_densepose(pixels, found, style) for style in STYLES], 2), output.iuv)
    if output.iuv_data is not None:
        pasted = paste_people(found, pixels.shape[:2])
        if output.iuv_data.suffix.lower() == ".png":
            save_iuv_png(pasted, output.iuv_data)
        else:
            save_iuv(pasted, found, output.iuv_data, model.finder.charts)
    if output.correspondence is not None:
        save_png(draw_iuv(pixels, people), output.correspondence)
    of_photo = (output.overlay, output.iuv, output.iuv_data, output.correspondence)
    written += [path for path in of_photo if path is not None]
    order = {path: place for place, path in enumerate(output.files)}
    return sorted(written, key=lambda path: order.get(path, len(order)))  # a second person's skeleton is further


def _write_people(people: Sequence[MeshPrediction], output: Outputs, model: MeshModel) -> list[Path]:
    """What there is only where somebody is."""
    written: list[Path] = []
    if not people:
        return written
    if output.mesh is not None:
        save_mesh(people, output.mesh)
        written.append(output.mesh)
    if output.camera is not None:
        save_camera(people[0], output.camera)
        written.append(output.camera)
    if output.params is not None or output.skeleton is not None:
        body = copy.deepcopy(model.body).cpu()
        known = with_body_params(people, body, PosePrior.from_file())
        if output.params is not None:
            save_params(known, body, output.params)
            written.append(output.params)
        if output.skeleton is not None:
            written += save_skeleton(known, body, output.skeleton)
    return written


def _shrunk(picture: np.ndarray) -> np.ndarray:
    scale = min(1.0, _SHEET_CELL_PX / max(picture.shape[:2]))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _labels(photos: Sequence[Path]) -> list[str]:
    """A different label for each photo: its name, with a number where names repeat."""
    labels: list[str] = []
    taken: set[str] = set()
    for photo in photos:
        label, number = photo.stem, 2
        while label.lower() in taken:
            label, number = f"{photo.stem}_{number}", number + 1
        taken.add(label.lower())
        labels.append(label)
    return labels

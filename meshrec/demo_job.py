"""The demo's work: photos in, meshes and pictures out, one report per photo."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshrec.command_line import one_line
from meshrec.data.photo import read_photo
from meshrec.errors import InvalidInput, MeshrecError
from meshrec.export import check_mesh_path, save_camera, save_mesh
from meshrec.pipeline import MeshModel, reconstruct
from meshrec.structures import MeshPrediction
from meshrec.vis.contact_sheet import save_png
from meshrec.vis.iuv_picture import draw_iuv
from meshrec.vis.overlay import draw_overlay

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outputs:
    """Where the results of one photo go; None for what is not wanted."""

    mesh: Path | None = None
    overlay: Path | None = None
    iuv: Path | None = None
    camera: Path | None = None

    def __post_init__(self) -> None:
        if self.mesh is not None:
            check_mesh_path(self.mesh)
        for option, path, extension in (("an overlay", self.overlay, ".png"), ("an IUV picture", self.iuv, ".png"),
                                        ("a camera", self.camera, ".json")):
            if path is not None and path.suffix.lower() != extension:
                raise InvalidInput(f"Cannot save {option} as {str(path)!r}: the extension must be {extension}.")

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.mesh, self.overlay, self.iuv, self.camera) if path is not None]


@dataclass(frozen=True)
class PhotoReport:
    """What became of one photo.

    Attributes:
        photo: the file.
        seconds: from reading it to its last output.
        people: the predictions; empty after an error.
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
        people = [{"box_xywh_px": [round(value, 2) for value in person.box_px.tolist()],
                   "vertices": len(person.vertices_cam), "faces": len(person.faces),
                   "distance_m": round(float(person.joints_cam[person.joint_set.index("pelvis"), 2]), 3)}
                  for person in self.people]
        return {"photo": str(self.photo), "seconds": round(self.seconds, 3), "people": people,
                "files": [str(path) for path in self.files], "error": self.error}


def plan_outputs(photos: Sequence[Path], wanted: Outputs) -> list[Outputs]:
    """The output files of every photo.

    One photo gets the wanted files as they are, several get the photo's name appended (``mesh.obj`` becomes
    ``mesh_street.obj``). If nothing is wanted, a mesh and an overlay named after the photo go to the working directory.
    """
    if not wanted.files:
        return [Outputs(mesh=Path(f"{label}_mesh.obj"), overlay=Path(f"{label}_overlay.png"))
                for label in _labels(photos)]
    if len(photos) == 1:
        return [wanted]
    return [Outputs(*(path and path.with_name(f"{path.stem}_{label}{path.suffix}")
                      for path in (wanted.mesh, wanted.overlay, wanted.iuv, wanted.camera)))
            for label in _labels(photos)]


def run_photos(photos: Sequence[Path], outputs: Sequence[Outputs], model: MeshModel, *,
               boxes_xywh: Sequence[Sequence[float]] | None = None,
               field_of_view_deg: float | None = None) -> Iterator[PhotoReport]:
    """Reconstruct photo after photo; one that fails is reported and the next one follows."""
    for photo, output in zip(photos, outputs, strict=True):
        start = time.perf_counter()
        try:
            people = _run_photo(photo, output, model, boxes_xywh, field_of_view_deg)
        except MeshrecError as error:
            yield PhotoReport(photo, time.perf_counter() - start, error=one_line(error))
        except Exception as error:  # a bug that one photo triggers must not cost the other photos
            _LOG.exception("%s failed", photo)
            yield PhotoReport(photo, time.perf_counter() - start, error=f"{type(error).__name__}: {one_line(error)}")
        else:
            yield PhotoReport(photo, time.perf_counter() - start, people, output.files)


def summary(reports: Sequence[PhotoReport]) -> str:
    """One line about all photos, naming those that failed."""
    failed = [report for report in reports if report.error is not None]
    people = sum(len(report.people) for report in reports)
    done = f"{len(reports) - len(failed)} of {len(reports)} photos done, {people} people"
    return f"{done}; failed: {', '.join(str(report.photo) for report in failed)}" if failed else done


def _run_photo(photo_path: Path, output: Outputs, model: MeshModel, boxes_xywh: Sequence[Sequence[float]] | None,
               field_of_view_deg: float | None) -> list[MeshPrediction]:
    photo = read_photo(photo_path)
    people = reconstruct(photo, model, boxes_xywh=boxes_xywh, field_of_view_deg=field_of_view_deg)
    if output.mesh is not None:
        save_mesh(people, output.mesh)
    if output.overlay is not None:
        save_png(draw_overlay(photo.pixels, people), output.overlay)
    if output.iuv is not None:
        save_png(draw_iuv(photo.pixels, people), output.iuv)
    if output.camera is not None:
        save_camera(people[0], output.camera)
    return people


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

"""Measuring a model on labelled photographs with the labels' boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.engine.distributed import World
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.evaluation.correspondence import photo_figures
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.measures import (
    MINIMUM_VISIBLE_JOINTS,
    ROOT_WORDS,
    box_part_confusion,
    coco_person,
    foreground_confusion,
    has_clear_keypoints,
    joint_figures,
    keypoint_hits,
    mask_figures,
    mesh_figures,
    root_of,
    similarity_of,
)
from meshrec.evaluation.people import LabelledPerson, LabelledPhoto, PhotoSet
from meshrec.evaluation.report import Report
from meshrec.evaluation.rows import Row, TrackFrame, gather_rows
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.geometry.projection import project_pinhole
from meshrec.metrics.masks import mask_iou
from meshrec.pipeline import MeshModel, reconstruct
from meshrec.render import rasterize
from meshrec.structures import BODY30, MeshPrediction

Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class PhotoMeter:
    """Measures predictions of one model.

    Attributes:
        reader: reads joints off meshes, by the body's own skeleton or a prescribed regressor.
        skeleton: reads the 2D keypoints, always by the body's own landmarks.
    """

    model: MeshModel
    reader: JointReader
    skeleton: JointReader
    ruler: SurfaceRuler

    def predict(self, labelled: LabelledPhoto) -> list[MeshPrediction]:
        """The people of a photo, in their order.

        Raises:
            InvalidInput: a box that lies outside the photo.
        """
        boxes = [person.box_xywh_px for person in labelled.people]
        return reconstruct(labelled.photo, self.model, boxes_xywh=boxes, focal_px=labelled.focal_px)

    def row(self, image: str, size: tuple[int, int], person: LabelledPerson, prediction: MeshPrediction) -> Row:
        """Everything that can be measured of one person in a photo of a size."""
        values, hits, confusions, keypoints = {}, {}, {}, None
        if person.joint_confidence.any():
            found_px = self._joints_px(prediction)
            if has_clear_keypoints(person):
                hits |= keypoint_hits(found_px, person, self.skeleton.present)
            keypoints = coco_person(found_px, person, image, prediction.score)
            values |= {} if keypoints is None else {"oks": similarity_of(keypoints)}
        if person.mask is not None or person.box_parts is not None:
            drawn = rasterize(prediction.vertices_cam[None], prediction.faces, prediction.camera, size)
        if person.mask is not None:
            masks = drawn.mask, torch.from_numpy(person.mask)[None]
            overlap = mask_iou(*masks).item()
            values |= {"mask_iou_everybody": overlap} | ({"mask_iou": overlap} if hits else {})
            values |= {name: value.item() for name, value in mask_figures(*masks).items()}
            confusions["fb_seg"] = foreground_confusion(*masks)[0]
        if person.box_parts is not None:
            parts = self.ruler.parts_of_faces(drawn.face_index[0])
            confusions["part14"] = box_part_confusion(parts, person)
        if prediction.iuv is not None:
            dense, right = photo_figures(prediction, person, self.ruler, size)
            values, hits = values | dense, hits | ({"iuv_part_accuracy": right.numpy()} if len(right) else {})
        values |= self._space_figures(prediction, person)
        return Row(person.key, "model", values, hits, confusions, keypoints, self._moment(prediction, person))

    def _joints_px(self, prediction: MeshPrediction) -> Tensor:
        joints_cam = self.skeleton(prediction.vertices_cam[None])
        return project_pinhole(joints_cam, prediction.camera.focal_px, prediction.camera.centre_px)[0]

    def _space_figures(self, prediction: MeshPrediction, person: LabelledPerson) -> dict[str, float]:
        vertices = prediction.vertices_cam[None]
        if person.vertices is not None:
            figures = mesh_figures(vertices, person.vertices[None], self.reader)
        elif person.joints_cam is not None:
            true, known = torch.from_numpy(person.joints_cam)[None].float(), torch.from_numpy(person.joints_known)
            figures = joint_figures(self.reader(vertices), true, known, self.reader)
        else:
            return {}
        return {name: value.item() for name, value in figures.items()}

    def _moment(self, prediction: MeshPrediction, person: LabelledPerson) -> TrackFrame | None:
        """Joints at their root, those that the truth has too where there is one."""
        if not person.track or person.frame < 0:
            return None
        joints = self.reader(prediction.vertices_cam[None])[0]
        if person.vertices is not None:
            true, known = self.reader(person.vertices[None])[0], self.reader.present
        elif person.joints_cam is not None:
            true = torch.from_numpy(person.joints_cam).float()
            known = torch.from_numpy(person.joints_known) & self.reader.present
        else:
            true, known = None, self.reader.present
        root, counted = list(root_of(known)), known & self.reader.counted
        if not known[root].all():
            return None
        at_root = (
            None if some is None else torch.where(counted[:, None], some - some[root].mean(0), torch.nan).numpy()
            for some in (joints, true)
        )
        return TrackFrame(person.track, person.frame, *at_root)


@torch.no_grad()
def measure_photographs(
    meter: PhotoMeter, photographs: PhotoSet, progress: Progress = iter, world: World | None = None
) -> tuple[list[Row], dict[str, str]]:
    """The rows of all people, measured by all processes together, photo by photo in turn.

    Returns:
        The rows, and for photos that could not be used the reason, by title.
    """
    world = world or World()
    rows, left_out = [], []
    for index in progress(range(len(photographs))[world.rank :: world.size]):
        try:
            labelled = photographs.read(index)
            predictions = meter.predict(labelled)
        except CheckpointMismatch:  # the net's fault, not the photo's
            raise
        except InvalidInput as error:
            left_out.append((photographs.title(index), str(error)))
            continue
        size = labelled.photo.pixels.shape[:2]
        rows += [
            meter.row(photographs.title(index), size, person, prediction)
            for person, prediction in zip(labelled.people, predictions, strict=True)
        ]
    return gather_rows(rows, world), dict(sorted(world.gather(left_out)))


def photo_report(photographs: PhotoSet, rows: list[Row], left_out: dict[str, str], reader: JointReader) -> Report:
    """Figures of the set.

    Raises:
        InvalidInput: nobody in it could be measured.
    """
    joints = photographs.labelled_joints
    protocol = {
        **photographs.describe(),
        "boxes": "from the labels",
        "keypoints": f"{', '.join(joints) or 'none'}; read from the mesh by {BODY30.name}'s definitions",
        "keypoint_people": f"at least {MINIMUM_VISIBLE_JOINTS} visible joints, shoulders and hips labelled",
        "root": ROOT_WORDS,
        "alignment": "roots moved together; PA-: a similarity per person",
        "joints_3d": reader.words,
        "people": str(len(rows)),
    }
    report = Report.of(rows, protocol, left_out)
    if not any(report.figures.values()):
        reason = f" The first of {len(left_out)} photos left out: {next(iter(left_out.values()))}" if left_out else ""
        raise InvalidInput(f"{photographs.name} labels nobody whom these figures can be measured on.{reason}")
    return report

"""From a photo to meshes: find the people, crop them, run the net, place its bodies in front of the photo's camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.data.photo import Photo, as_photo
from meshrec.data.photo_boxes import boxes_in_photo
from meshrec.data.photo_camera import photo_camera
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.fitting.from_net import NetFitter, crop_camera
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT, crop_image, shown_part, square_crop_from_box
from meshrec.geometry.projection import weak_perspective_to_translation
from meshrec.iuv.atlas_crop import people_to_atlas
from meshrec.iuv.predictor import IuvPredictor
from meshrec.iuv.results import PersonIuv
from meshrec.models.decomr import DecoMR, DecoMROutput
from meshrec.models.hmr import Hmr, HmrOutput
from meshrec.models.looks import answer_from_looks, can_mirror
from meshrec.structures import SMPL24, CropBodies, IuvMap, MeshPrediction, PinholeCamera
from meshrec.uv import PartCharts

_SMALLEST_BLOB = 0.01  # share of the crop below which what the net takes for a person is not worth a second look
_PEOPLE_AT_ONCE = 8  # bounds memory in photos of crowds


@dataclass(frozen=True)
class MeshModel:
    """Everything that reconstruction needs, on one device; `meshrec.load_model` makes it.

    Attributes:
        net: in evaluation mode.
        body: the body whose vertices the net predicts.
        input_size: side of the net's square crops in pixels.
        device: where both are.
        finder: finds the people of a photo; without one a photo is taken as showing one person.
        charts: ours, those that a net with `iuv_input` was trained with.
        fitter: for a careful answer: nets that find joints look at every crop several times, where that is possible,
            and a body is fitted to what they found. Without one the net's own mesh is given, in a fraction of the time.
        crop_enlargement: side of the net's crops over the larger side of people's boxes, as it learnt to see them.
    """

    net: DecoMR | Hmr
    body: BodyModel
    input_size: int
    device: torch.device
    finder: IuvPredictor | None = None
    charts: PartCharts | None = None
    fitter: NetFitter | None = None
    crop_enlargement: float = PERSON_CROP_ENLARGEMENT

    @property
    def reads_iuv(self) -> bool:
        """Whether the net is told what the finder saw: it must have learnt to read it, in the finder's charts.

        Points of other charts would be wrong ones; the net then works from the picture alone, as it learnt to do too.
        """
        if self.finder is None or self.charts is None or self.finder.charts != self.charts.hash:
            return False
        return self.has_iuv_input

    @property
    def finds_correspondence(self) -> bool:
        """Whether the net says which point of the body each pixel shows."""
        return not isinstance(self.net, Hmr)

    @property
    def has_iuv_input(self) -> bool:
        """Whether the net could read what a finder saw, if there were one."""
        return self.finds_correspondence and self.net.correspondence_net.iuv_input

    def bodies(self, crops: Tensor, iuv: IuvMap | None = None, cameras: PinholeCamera | None = None) -> CropBodies:
        """The bodies in crops.

        Args:
            crops: (B, 3, H, W) RGB in [0, 1].
            iuv: what the finder saw in them.
            cameras: that see the crops as the photo's camera does; without them they are seen from far away.
        """
        if self.fitter is None:
            return self._answer(crops, iuv).bodies(self.body)
        if isinstance(self.net, DecoMR) and can_mirror(self.net):
            answer = answer_from_looks(self.net, crops, iuv)
        else:
            answer = self._answer(crops, iuv)
        return self.fitter(answer.bodies(self.body), cameras, shown_part(crops))

    def _answer(self, crops: Tensor, iuv: IuvMap | None) -> DecoMROutput | HmrOutput:
        return self.net(crops) if iuv is None else self.net(crops, iuv)


def find_people(image: str | Path | Photo | np.ndarray | Tensor, model: MeshModel, *,
                boxes_xywh: Sequence[Sequence[float]] | None = None, max_people: int | None = None) -> list[PersonIuv]:
    """Who is in a photo, and which point of the body each of their pixels shows.

    Args:
        image: see `reconstruct`.
        model: with a finder.
        boxes_xywh: where people are, see `reconstruct`; nobody else is looked for.
        max_people: of those that are found, the largest ones.
    Returns:
        The largest person first, or in the order of the boxes; in pixels of the photo as it is worked on. Nobody is an
        empty list.
    Raises:
        InvalidInput: an image or box that cannot be used, a model without a finder.
    """
    if model.finder is None:
        raise InvalidInput("This model finds nobody; load it with a finder, or say where the people are.")
    if max_people is not None and max_people < 1:
        raise InvalidInput(f"The number of people must be at least 1, got {max_people}.")
    photo = as_photo(image)
    if boxes_xywh is not None:
        return _describe(photo, boxes_in_photo(boxes_xywh, photo), model.finder)
    people = model.finder.predict(photo.pixels)
    return sorted(people, key=_area, reverse=True)[:max_people]


def reconstruct(image: str | Path | Photo | np.ndarray | Tensor, model: MeshModel, *,
                boxes_xywh: Sequence[Sequence[float]] | None = None, people: Sequence[PersonIuv] | None = None,
                max_people: int | None = None, field_of_view_deg: float | None = None,
                focal_px: float | None = None) -> list[MeshPrediction]:
    """Reconstruct people as meshes.

    The camera's focal length is the given one, else the one of the given field of view, else what the photo's EXIF
    says, else the length of the photo's diagonal.

    Args:
        image: a file, a photo that was read, an (H, W, 3) uint8 RGB array, or a (3, H, W) RGB tensor in [0, 1].
        model: from `meshrec.load_model`.
        boxes_xywh: left, top, width and height of each person in pixels of the upright image.
        people: from `find_people`, instead of boxes. Without either the model's finder finds them; a model that has
            none looks for one person in the whole image.
        max_people: of those that are found, the largest ones.
        field_of_view_deg: horizontal field of view of the image.
        focal_px: focal length in pixels of the image.
    Returns:
        One prediction per box or person, in their order; found people come largest first. Large photos are worked on
        at a smaller size (`Photo.scale`), and the predictions' pixels are those of the smaller one.
    Raises:
        InvalidInput: an image, box or camera that cannot be used.
        CheckpointMismatch: the net's weights are damaged and give no finite mesh.
    """
    photo = as_photo(image)
    camera = photo_camera(photo, field_of_view_deg, focal_px)
    if boxes_xywh is not None and people is not None:
        raise InvalidInput("Give boxes or people, not both.")
    if boxes_xywh is None and people is None and model.finder is not None:
        people = find_people(photo, model, max_people=max_people)
    if people is not None:
        return _in_groups(photo, _boxes_of(people), model.crop_enlargement, camera, model, people)
    if boxes_xywh is not None:
        boxes = boxes_in_photo(boxes_xywh, photo)
        described = _describe(photo, boxes, model.finder) if model.reads_iuv else None
        return _in_groups(photo, boxes, model.crop_enlargement, camera, model, described)
    return _in_groups(photo, *_look_closer(photo, model), camera, model)


def _in_groups(photo: Photo, boxes_px: Tensor, enlargement: float, camera: PinholeCamera, model: MeshModel,
               people: Sequence[PersonIuv] | None = None) -> list[MeshPrediction]:
    predictions: list[MeshPrediction] = []
    for start in range(0, len(boxes_px), _PEOPLE_AT_ONCE):
        some = slice(start, start + _PEOPLE_AT_ONCE)
        found = None if people is None else people[some]
        predictions += _reconstruct_boxes(photo, boxes_px[some], enlargement, camera, model, found)
    return predictions


@torch.no_grad()
def _reconstruct_boxes(photo: Photo, boxes_px: Tensor, enlargement: float, camera: PinholeCamera,
                       model: MeshModel, found: Sequence[PersonIuv] | None) -> list[MeshPrediction]:
    centre_px, side_px = square_crop_from_box(boxes_px, enlargement)
    crops = torch.cat([_crop(photo.pixels, centre, side, model.input_size)
                       for centre, side in zip(centre_px, side_px, strict=True)])
    told = _told(found, centre_px, side_px, model)
    bodies = model.bodies(crops.to(model.device), told, crop_camera(camera, centre_px, side_px)).to("cpu")
    weak, vertices_body = bodies.camera, bodies.vertices.float()
    if not (bool(vertices_body.isfinite().all()) and bool(weak.to_vector().isfinite().all())):
        raise CheckpointMismatch("The network gave numbers that are not finite, so its weights are damaged; load other "
                                 "weights.")
    people = len(boxes_px)
    translation = weak_perspective_to_translation(weak.scale, weak.translation, centre_px, side_px,
                                                  camera.focal_px.expand(people, 2), camera.centre_px.expand(people, 2))
    vertices_cam = vertices_body + translation[:, None]
    joints_cam = model.body.joint_regressor.cpu().to(vertices_cam) @ vertices_cam
    crop_box_px = torch.cat([centre_px, side_px[:, None]], dim=1)
    faces = model.body.faces.cpu()
    scores = [1.0] * people if found is None else [person.score for person in found]
    return [MeshPrediction(vertices_cam[i], faces, joints_cam[i], SMPL24, camera, boxes_px[i], scores[i],
                           crop_box_px=crop_box_px[i], iuv=_own(bodies.iuv, i),
                           location_map=_own(bodies.location_map, i), body_params=_own(bodies.params, i))
            for i in range(people)]


def _own(values, number: int):
    """One person's part of what there is of a batch, if there is anything."""
    return None if values is None else values[number]


def _told(found: Sequence[PersonIuv] | None, centre_px: Tensor, side_px: Tensor,
          model: MeshModel) -> IuvMap | None:
    """What the net is told of the correspondence that the finder saw; nothing where it does not read that."""
    if found is None or not model.reads_iuv:
        return None
    iuv = people_to_atlas(found, centre_px, side_px, model.input_size, model.charts, model.net.atlas)
    return iuv.to(model.device)


def _describe(photo: Photo, boxes_px: Tensor, finder: IuvPredictor) -> list[PersonIuv]:
    """What the finder sees in boxes (N, 4) of left, top, width, height."""
    if len(boxes_px) == 0:
        return []
    return finder.predict(photo.pixels, torch.cat([boxes_px[:, :2], boxes_px[:, :2] + boxes_px[:, 2:]], 1))


def _area(person: PersonIuv) -> float:
    left, top, right, bottom = person.box_xyxy_px.tolist()
    return (right - left) * (bottom - top)


def _boxes_of(people: Sequence[PersonIuv]) -> Tensor:
    """(N, 4) left, top, width, height."""
    corners = torch.stack([person.box_xyxy_px.cpu().float() for person in people]) if people else torch.zeros(0, 4)
    return torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)


def _crop(pixels: np.ndarray, centre_px: Tensor, side_px: Tensor, size: int) -> Tensor:
    """(1, 3, size, size) crop in [0, 1] of (H, W, 3) uint8; only the part that is needed becomes floating point."""
    low = (centre_px - side_px / 2).floor().long().clamp(min=0) - 2
    left, top = low.clamp(min=0).tolist()
    right, bottom = ((centre_px + side_px / 2).ceil().long() + 2).tolist()
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    image = torch.from_numpy(part).permute(2, 0, 1)[None].float() / 255
    return crop_image(image, (centre_px - centre_px.new_tensor([left, top]))[None], side_px[None], size)


def _whole(photo: Photo) -> Tensor:
    height, width = photo.pixels.shape[:2]
    return torch.tensor([[0.0, 0.0, width, height]])


@torch.no_grad()
def _look_closer(photo: Photo, model: MeshModel) -> tuple[Tensor, float]:
    """Box (1, 4) of the person that the net sees in the whole photo, and how much to enlarge it.

    The net is best when the person fills the crop, so it looks twice. Where the first look shows nobody, the second is
    at the whole photo too.
    """
    whole = _whole(photo)
    centre_px, side_px = square_crop_from_box(whole)
    crop = _crop(photo.pixels, centre_px[0], side_px[0], model.input_size)
    if not model.finds_correspondence:  # it has no idea of where in a crop somebody is
        return whole, 1.0
    mask = model.net.correspondence_net(crop.to(model.device)).iuv.mask[0].cpu().numpy() > 0.5
    count, _, blobs, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return whole, 1.0
    left, top, width, height, area = max(blobs[1:].tolist(), key=lambda blob: blob[4])
    if area < _SMALLEST_BLOB * mask.size:
        return whole, 1.0
    corners_crop = torch.tensor([[left, top], [left + width, top + height]], dtype=torch.float32)
    corners_px = centre_px + side_px * (corners_crop / mask.shape[-1] - 0.5)
    low, high = corners_px.clamp(min=whole[0, :2], max=whole[0, 2:])  # what lies beyond the photo's edge is padding
    if (high <= low).any():
        return whole, 1.0
    return torch.cat([low, high - low])[None], model.crop_enlargement

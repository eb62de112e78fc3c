"""Labelled people as evidence in square crops around them, and their cameras back in the image.

Nothing is known of most photographs' cameras, and many are themselves cut out of larger ones. So a person whose camera
is not labelled is looked at from far away, as SPIN does (ICCV 2019): that is the weak perspective that nets predict.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from meshrec.data.annotations import Annotations
from meshrec.data.crop_view import CropView
from meshrec.data.keypoint_layouts import joint_set_called
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.reprojection import FAR_FOCAL_PX
from meshrec.geometry.crops import WIDE_CROP_ENLARGEMENT, square_crop_from_box
from meshrec.structures import BODY30, PinholeCamera, convert_joints

CROP_PX = 224


def crop_evidence(people: Annotations) -> Evidence:
    """The joints of people under the names that they were labelled by, in crops of 224 pixels."""
    labelled = joint_set_called(people.joint_set) or BODY30
    joints = torch.from_numpy(np.concatenate([people.joints_px, people.joint_confidence[..., None]], -1))
    joints_px, confidence = convert_joints(joints, BODY30, labelled)[0].split([2, 1], -1)
    corner, zoom = _crops(people)
    return Evidence((joints_px - corner) * zoom[..., None], confidence[..., 0], labelled, crop_cameras(people))


def crop_cameras(people: Annotations) -> PinholeCamera:
    """The labelled cameras as the crops see them, distant ones where there are none."""
    corner, zoom = _crops(people)
    known = torch.from_numpy(people.has_camera)[:, None]
    focal = torch.where(known, torch.from_numpy(np.array(people.focal_px)) * zoom, FAR_FOCAL_PX)
    centre = (torch.from_numpy(np.array(people.centre_px)) - corner[:, 0]) * zoom
    return PinholeCamera(focal, torch.where(known, centre, CROP_PX / 2), (CROP_PX, CROP_PX))


def image_cameras(people: Annotations, cameras: PinholeCamera) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths and centres (N, 2) in image pixels of cameras of the people's crops."""
    corner, zoom = _crops(people)
    return (cameras.focal_px / zoom).numpy(), (cameras.centre_px / zoom + corner[:, 0]).numpy()


def crop_view(person: Annotations) -> CropView:
    """The same crop of one person's picture."""
    return CropView.of_box(person.box_xywh_px[0], CROP_PX, enlargement=WIDE_CROP_ENLARGEMENT)


def _crops(people: Annotations) -> tuple[Tensor, Tensor]:
    """Top left corners (N, 1, 2) in the image, and (N, 1) crop pixels per image pixel."""
    centre, side = square_crop_from_box(torch.from_numpy(np.array(people.box_xywh_px)), WIDE_CROP_ENLARGEMENT)
    return (centre - 0.5 * side[:, None])[:, None], (CROP_PX / side)[:, None]

"""Where labelled bodies stand before the cameras of their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from meshrec.data.annotations import Annotations
from meshrec.data.crop_view import CropView
from meshrec.data.mesh_truth import PosedLabels
from meshrec.geometry.projection import (
    solve_weak_perspective,
    translation_to_weak_perspective,
    weak_perspective_to_translation,
)
from meshrec.structures import BODY30, SMPL24, PinholeCamera, TrainingBatch
from meshrec.structures.foreign_joints import SMPLX60

# Labels of the kinematic joints of an SMPL-like skeleton; the hips of all other sets lie further out, by up to 7 cm.
SKELETON_SETS = (SMPL24.name, SMPLX60.name, BODY30.name)
_PELVIS = BODY30.index("pelvis")
_JOINTS_FOR_CAMERA = 6  # fewer 2D joints do not say where a body stands
# A camera fitted to 2D joints is a weak-perspective one; from this many crop sizes away a pinhole camera is the same.
_FAR = 100.0


@dataclass(frozen=True)
class CropCameras:
    """Cameras of B crops.

    Attributes:
        camera: pinhole cameras of the crops.
        translation: (B, 3) where the bodies' origins stand, metres.
        known: (B,) bool; nothing is known of the others.
    """

    camera: PinholeCamera
    translation: Tensor
    known: Tensor

    def weak_camera(self) -> Tensor:
        """(B, 3) s, tx, ty, exact at the bodies' origins."""
        whole = _whole_crop(len(self.known), self.camera.image_size[0])
        scale, shift = translation_to_weak_perspective(
            self.translation, *whole, self.camera.focal_px, self.camera.centre_px
        )
        return torch.cat([scale[:, None], shift], dim=1)


def find_cameras(
    batch: TrainingBatch, people: Annotations, views: Sequence[CropView], posed: PosedLabels, joints: Tensor
) -> CropCameras:
    """Cameras of crops: the labelled camera and position where there are any, else what fits the 2D joints best.

    Args:
        batch: the crops, with their 2D joints.
        people, views: whom they show, and how.
        posed: the bodies in the crops' axes.
        joints: (B, 30, 3) labelled joints in the crops' axes.
    """
    given, camera, known = _labelled(people, views, posed, joints)
    size = batch.images.shape[-1]
    weight = batch.joint_confidence * posed.joint_present
    scale, shift = solve_weak_perspective(posed.joints, batch.joints_ndc, weight)
    fitted = posed.has_joints & ((weight > 0).sum(1) >= _JOINTS_FOR_CAMERA)
    focal, middle = torch.full((len(views), 2), _FAR * size), torch.full((len(views), 2), size / 2)
    far = weak_perspective_to_translation(scale, shift, *_whole_crop(len(views), size), focal, middle)
    pick = lambda mine, other: torch.where(known[:, None], mine, other)  # noqa: E731
    camera = PinholeCamera(pick(camera.focal_px, focal), pick(camera.centre_px, middle), camera.image_size)
    return CropCameras(camera, pick(given, far), known | fitted)


def _labelled(
    people: Annotations, views: Sequence[CropView], posed: PosedLabels, joints: Tensor
) -> tuple[Tensor, PinholeCamera, Tensor]:
    """Translation (B, 3), cameras and whether both are known (B,), from the labels."""
    size = views[0].size
    focal = np.sqrt(people.focal_px.prod(1)) * [view.zoom for view in views]
    centre = np.stack([view.points_crop(point) for view, point in zip(views, people.centre_px)])
    shifts = np.stack([view.turn_cam @ shift for view, shift in zip(views, people.translation_cam)])
    # The root of an SMPL skeleton says where a body stands as well as a translation does.
    rooted = people.joints_absolute & (people.joint_cam_confidence[:, _PELVIS] > 0)
    rooted &= people.joint_set in SKELETON_SETS
    has_translation = torch.from_numpy(people.has_translation.copy())
    from_root = (joints - posed.joints)[:, _PELVIS]
    translation = torch.where(has_translation[:, None], torch.from_numpy(shifts).float(), from_root)
    known = torch.from_numpy(people.has_camera & (people.has_translation | rooted)) & posed.has_joints
    camera = PinholeCamera(
        torch.from_numpy(focal).float()[:, None].repeat(1, 2), torch.from_numpy(centre).float(), (size, size)
    )
    return translation, camera, known & (translation[:, 2] > 0)


def _whole_crop(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Centre (B, 2) and side (B,) of crops in their own pixels."""
    return torch.full((count, 2), size / 2), torch.full((count,), float(size))

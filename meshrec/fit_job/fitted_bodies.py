"""Fits of labelled people as meshes before the cameras of their crops, and how far these cover the labelled masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from meshrec.body import BodyModel
from meshrec.data.annotations import Annotations
from meshrec.data.pictures import labelled_mask, labelled_picture
from meshrec.fit_job.crops import CROP_PX, crop_cameras, crop_view
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.metrics.masks import mask_iou
from meshrec.render import rasterize
from meshrec.structures import SMPL24, BodyParams, MeshPrediction

MASKS_COMPARED = 300  # enough for a mean; each costs a picture and a drawing


def fitted_body(person: Annotations, body: BodyModel) -> MeshPrediction:
    """One person's fit before the camera of the crop."""
    # Rows are longer where people of the data set have measured bodies with more joints.
    rotations = axis_angle_to_matrix(torch.from_numpy(np.array(person.pose[:, : body.joint_count])))
    betas = torch.from_numpy(np.array(person.betas[:, : body.beta_count]))
    params = BodyParams(betas, rotations[:, 0], rotations[:, 1:])
    translation = torch.from_numpy(np.array(person.translation_cam))
    with torch.no_grad():
        output = body(params)
    box = torch.tensor([0.0, 0.0, CROP_PX, CROP_PX])
    return MeshPrediction(output.vertices[0] + translation, body.faces, output.joints[0] + translation, SMPL24,
                          crop_cameras(person), box)  # fmt: skip


def mask_overlap(person: Annotations, images: Path, body: BodyModel) -> float:
    """IoU of one person's fitted mesh and labelled mask in the crop, as far as the picture reaches.

    The mask has taken no part in fits to joints, so this says how good they are by something that they do not know.
    """
    fitted = fitted_body(person, body)
    drawn = rasterize(fitted.vertices_cam[None], fitted.faces, fitted.camera, (CROP_PX, CROP_PX)).mask
    size = labelled_picture(person, 0, images).shape[:2]
    view = crop_view(person)
    mask, inside = (view.mask(whole) for whole in (labelled_mask(person, 0, images, size), np.ones(size, bool)))
    return mask_iou(drawn & torch.from_numpy(inside > 0), torch.from_numpy(mask > 0)[None]).item()


def mask_overlaps(
    people: Annotations, images: Path, body: BodyModel, progress: Callable[[Iterable], Iterable] = iter
) -> np.ndarray:
    """The IoU of the kept fits of people with masks, of at most 300 of them, evenly chosen."""
    rows = np.flatnonzero(people.is_fitted & people.fit_kept & people.has_mask)
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), MASKS_COMPARED)).astype(int)]
    return np.array([mask_overlap(people.select([row]), images, body) for row in progress(chosen)])

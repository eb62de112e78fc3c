"""A stand-in for the fitter: everybody stands upright, as large and at the place that the joints say."""

from __future__ import annotations

import torch

from meshrec.body import BodyModel, NamedJoints
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.geometry.projection import project_pinhole, weak_perspective_to_translation
from meshrec.geometry.projection import solve_weak_perspective as solve
from meshrec.structures import BodyParams


def standing_fits(evidence: Evidence, body: BodyModel, prior=None, options=None, start: Fits | None = None) -> Fits:
    """With a prior energy of one for each joint."""
    count, camera = len(evidence), evidence.camera
    params = BodyParams.rest(count, body.beta_count, body.joint_count, facing_camera=True)
    named = NamedJoints(body, evidence.joint_set)
    with torch.no_grad():
        joints = named(body(params))
    known = evidence.confidence * named.present
    side = torch.tensor(float(camera.image_size[0])).expand(count)
    middle = torch.stack([side, side], 1) / 2
    scale, shift = solve(joints, (evidence.joints_px - middle[:, None]) / middle[:, None], known)
    translation = weak_perspective_to_translation(scale, shift, middle, side, camera.focal_px, camera.centre_px)
    found = project_pinhole(joints + translation[:, None], camera.focal_px, camera.centre_px)
    error = (known * (found - evidence.joints_px).norm(dim=-1)).sum(1) / known.sum(1)
    joints_used = (known > 0).sum(1)
    quality = FitQuality(error, error / evidence.person_px, joints_used, joints_used.float(), error)
    return Fits(params, translation, camera, quality)

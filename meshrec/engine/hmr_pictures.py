"""Pictures of what an HMR makes of a batch: the photo, the body that is known or fitted, and the predicted one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.engine.fits_in_the_loop import FitsInTheLoop
from meshrec.engine.pictures import mesh_over, to_uint8
from meshrec.engine.stages import HmrStage
from meshrec.geometry.projection import solve_weak_perspective
from meshrec.models.hmr import Hmr
from meshrec.structures import BODY30, TrainingBatch, WeakPerspectiveCamera
from meshrec.vis.contact_sheet import contact_sheet, save_png


class HmrPictures:
    """Draws the first and the last samples of a batch, made-up people and photographs among them, in rows.

    Args:
        body: on the device of the batches.
        fits: looked up for people whose parameters are unknown.
        people: how many samples.
    """

    def __init__(self, body: BodyModel, fits: FitsInTheLoop | None = None, people: int = 12) -> None:
        self.body, self.fits, self.people = body, fits, people
        self.named_joints = NamedJoints(body, BODY30)

    @torch.no_grad()
    def __call__(self, model: Hmr, batch: TrainingBatch, stage: HmrStage, path: Path) -> None:
        """Write the sheet as PNG: per person the picture, the truth or fit (none where unknown), the prediction."""
        half = self.people // 2
        some = batch[list(range(min(half, len(batch)))) + list(range(max(half, len(batch) - half), len(batch)))]
        was_training = model.training
        output = model.eval()(some.images)
        model.train(was_training)
        some = some if self.fits is None else self.fits.look_up(some)
        bodies = output.bodies(self.body)
        columns = [
            some.images,
            self._known(some),
            mesh_over(some.images, bodies.vertices, bodies.camera, self.body.faces),
        ]
        save_png(contact_sheet([to_uint8(column[i]) for i in range(len(some)) for column in columns], 9), path)

    def _known(self, batch: TrainingBatch) -> Tensor:
        """Pictures of the bodies that teach, under the cameras that suit the labelled joints best."""
        posed = self.body(batch.params)
        weight = batch.joint_confidence * self.named_joints.present
        camera = WeakPerspectiveCamera(*solve_weak_perspective(self.named_joints(posed), batch.joints_ndc, weight))
        drawn = mesh_over(batch.images, posed.vertices, camera, self.body.faces)
        return torch.where(batch.has_params[:, None, None, None], drawn, batch.images)

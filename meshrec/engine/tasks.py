"""What one training step computes: the losses of a batch, by name, for the nets that the stage trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec import losses
from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.data.mixture import BatchSource
from meshrec.data.synthetic.corruption import FINDER_SEVERITY, corrupt_iuv, corrupt_joints
from meshrec.data.synthetic.dice import Dice
from meshrec.engine.stages import StageConfig
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import project_weak_perspective
from meshrec.losses.iuv import at_pixel_centres
from meshrec.losses.reduce import valid_mean
from meshrec.models import Correspondence, DecoMR, Location
from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.map_basis import MapBasis
from meshrec.structures import BODY30, BodyOutput, IuvMap, TrainingBatch
from meshrec.uv import TexelTable, UvAtlas
from meshrec.uv.transfer import map_to_vertices, vertices_to_map

_HIPS = (BODY30.index("left_hip"), BODY30.index("right_hip"))
# Cameras closer than this, in 1 / metres and metres, are compared by squares.
_CAMERA_LOSS_KNEE = 0.1


@dataclass(frozen=True)
class Step:
    """What the nets made of a batch.

    Attributes:
        batch: the targets.
        correspondence: of the pictures, if the correspondence net ran.
        location: if the location net ran.
        vertices, joints: read from the location map, (B, V, 3) and (B, 30, 3) metres.
    """

    batch: TrainingBatch
    correspondence: Correspondence | None = None
    location: Location | None = None
    vertices: Tensor | None = None
    joints: Tensor | None = None


class DecoMRTask:
    """Losses of DecoMR in both of its forms, stage by stage.

    Args:
        atlas, body: the surface that the batches' targets belong to.
        device: where the batches and the nets are.
    """

    def __init__(self, atlas: UvAtlas, body: BodyModel, device: torch.device | str = "cpu") -> None:
        self.atlas, self.body = atlas, body
        self.device = torch.device(device)
        self.named_joints = NamedJoints(body, BODY30).to(self.device)
        self.joint_regressor = body.joint_regressor.to(self.device)
        self._texels: dict[int, tuple[TexelTable, Tensor]] = {}
        self._terms: dict[str, Callable[[DecoMR, Step], Tensor]] = {
            "mask": _mask,
            "part": _part,
            "residual": _residual,
            "front": _front,
            "facing": _facing,
            "heatmaps": _heatmaps,
            "paper_mask": _mask,
            "paper_uv": self._uv,
            "location_map": self._location_map,
            "total_variation": self._total_variation,
            "vertices": _vertices,
            "joints_3d": self._joints_3d,
            "joints_2d": _joints_2d,
            "camera": _camera,
            "consistency": self._consistency,
        }

    def losses(self, model: DecoMR, batch: TrainingBatch, stage: StageConfig, seed: int) -> dict[str, Tensor]:
        """The losses that the stage names.

        Raises:
            InvalidInput: the stage names a loss that does not exist.
        """
        unknown = set(stage.losses) - set(self._terms)
        if unknown:
            known = ", ".join(sorted(self._terms))
            raise InvalidInput(f"There is no loss {sorted(unknown)[0]!r}; there are {known}.")
        if "correspondence_net" not in stage.nets:
            model.correspondence_net.eval()  # training moves batch statistics even where no weight learns
        step = self._run(model, batch, stage, Dice(seed, batch.mask.device))
        return {name: self._terms[name](model, step) for name in stage.losses}

    def start_basis(self, basis: MapBasis, source: BatchSource, seed: int, examples: int) -> float:
        """Start a location net's basis from the maps of drawn bodies; returns the share of variance it explains."""
        table = self.atlas.texels(basis.resolution)
        maps = [
            vertices_to_map(source.batch(200, 8, seed + 31 * number).vertices, table)
            for number in range(max(1, examples // 200))
        ]
        return basis.set_components(torch.cat(maps), table.mask)

    def _run(self, model: DecoMR, batch: TrainingBatch, stage: StageConfig, dice: Dice) -> Step:
        if stage.location_input == "rendered":
            iuv, joints = self._rendered(batch, batch.mask.shape[-2:], dice)
            return self._with_location(batch, None, model.location_net(iuv, joints=joints, refine=stage.refine))
        found = model.correspondence_net(batch.images, *self._given_iuv(model, batch, stage.iuv_share, dice))
        if stage.location_input == "none":
            return Step(batch, found)
        iuv, joints = found.iuv.detach(), None
        if found.joint_heatmaps is not None:
            joints = joints_from_heatmaps(found.joint_heatmaps)
        if stage.location_input == "mixed":
            iuv, joints = self._mix(batch, iuv, joints, dice)
        return self._with_location(
            batch, found, model.location_net(iuv, found.features, found.code, joints, refine=stage.refine)
        )

    def _given_iuv(self, model: DecoMR, batch: TrainingBatch, share: float, dice: Dice) -> tuple[IuvMap, ...]:
        """What the correspondence net is told of a share of the samples; nothing at all for a share of 0."""
        if not share:
            return ()
        if not model.correspondence_net.iuv_input:
            raise InvalidInput("A stage with iuv_share needs a model that reads correspondence: set model.iuv_input.")
        iuv = corrupt_iuv(batch.mask, batch.uv, dice, self.atlas.hash, FINDER_SEVERITY)
        told = dice.chance(share, len(batch)) & batch.has_iuv
        return (IuvMap(iuv.mask * told[:, None, None], iuv.uv, iuv.atlas_hash),)

    def _rendered(self, batch: TrainingBatch, size: tuple[int, int], dice: Dice) -> tuple[IuvMap, Tensor]:
        """True correspondence and joints of a batch with a detector's errors, on the batch's device."""
        mask, uv = at_pixel_centres(batch.mask[:, None], size)[:, 0], at_pixel_centres(batch.uv, size)
        iuv = corrupt_iuv(mask, uv, dice, self.atlas.hash)
        joints = corrupt_joints(batch.joints_ndc, batch.joint_confidence, BODY30.mirror, dice)
        return iuv, joints

    def _mix(self, batch: TrainingBatch, iuv: IuvMap, joints: Tensor | None, dice: Dice):
        """Half of the samples whose truth is known read it, with errors, in place of the prediction."""
        true_iuv, true_joints = self._rendered(batch, iuv.mask.shape[-2:], dice)
        chosen = dice.chance(0.5, len(batch)) & batch.has_iuv
        mixed = IuvMap(
            torch.where(chosen[:, None, None], true_iuv.mask, iuv.mask),
            torch.where(chosen[:, None, None, None], true_iuv.uv, iuv.uv),
            iuv.atlas_hash,
        )
        return mixed, None if joints is None else torch.where(chosen[:, None, None], true_joints, joints)

    def _with_location(self, batch: TrainingBatch, found: Correspondence | None, location: Location) -> Step:
        vertices = map_to_vertices(location.location_map.points, self.atlas)
        return Step(batch, found, location, vertices, self._joints_of(vertices))

    def _joints_of(self, vertices: Tensor) -> Tensor:
        """(B, 30, 3) joints read from meshes."""
        return self.named_joints(BodyOutput(vertices, self.joint_regressor @ vertices))

    def _uv(self, model: DecoMR, step: Step) -> Tensor:
        return losses.uv_loss(step.correspondence.iuv.uv, _true_iuv(step), step.batch.has_iuv)

    def _location_map(self, model: DecoMR, step: Step) -> Tensor:
        predicted = step.location.location_map
        table, weight = self._texels_and_weight(predicted.resolution)
        target = vertices_to_map(step.batch.vertices, table)
        return losses.location_map_loss(predicted, target, weight, step.batch.has_mesh)

    def _total_variation(self, model: DecoMR, step: Step) -> Tensor:
        predicted = step.location.location_map
        table, _ = self._texels_and_weight(predicted.resolution)
        return losses.total_variation_loss(predicted, table.mask, step.batch.has_mesh)

    def _joints_3d(self, model: DecoMR, step: Step) -> Tensor:
        # Where the true mesh is known its joints are read as those of the prediction are: the joints of the posed
        # skeleton lie about a centimetre beside them.
        batch, has_mesh = step.batch, step.batch.has_mesh[:, None]
        target = torch.where(has_mesh[..., None], self._joints_of(batch.vertices), batch.joints)
        present = self.named_joints.present.to(batch.joint_confidence_3d.dtype)
        confidence = torch.where(has_mesh, present, present * batch.joint_confidence_3d)
        return losses.joint_loss_3d(step.joints, target, confidence, _HIPS)

    def _texels_and_weight(self, resolution: int) -> tuple[TexelTable, Tensor]:
        """The map's texels and their part weights; made once per resolution, because every step needs them."""
        if resolution not in self._texels:
            table = self.atlas.texels(resolution)
            weight = losses.part_weight_map(self.body.skinning_weights, table)
            self._texels[resolution] = table.to(self.device), weight.to(self.device)
        return self._texels[resolution]

    def _consistency(self, model: DecoMR, step: Step) -> Tensor:
        return losses.consistency_loss(
            step.location.location_map, step.location.camera, _true_iuv(step), step.batch.has_iuv
        )


def _true_iuv(step: Step) -> IuvMap:
    return IuvMap(step.batch.mask, step.batch.uv)


def _mask(model: DecoMR, step: Step) -> Tensor:
    return losses.mask_loss(step.correspondence.mask_logit, step.batch.mask, step.batch.has_mask)


def _part(model: DecoMR, step: Step) -> Tensor:
    return losses.part_loss(step.correspondence.part_logits, step.batch.part, step.batch.has_iuv)


def _residual(model: DecoMR, step: Step) -> Tensor:
    target = model.correspondence_net.head.part_code.encode(step.batch.uv, step.batch.part)
    return losses.part_residual_loss(step.correspondence.uv_residual, target, step.batch.part, step.batch.has_iuv)


def _front(model: DecoMR, step: Step) -> Tensor:
    return losses.front_loss(step.correspondence.front_logit, step.batch.front, step.batch.mask, step.batch.has_iuv)


def _facing(model: DecoMR, step: Step) -> Tensor:
    return losses.facing_loss(step.correspondence.facing_logits, step.batch.facing_rad, step.batch.has_mesh)


def _heatmaps(model: DecoMR, step: Step) -> Tensor:
    return losses.heatmap_loss(step.correspondence.joint_heatmaps, step.batch.joints_ndc, step.batch.joint_confidence)


def _vertices(model: DecoMR, step: Step) -> Tensor:
    return losses.vertex_loss(step.vertices, step.batch.vertices, step.batch.has_mesh)


def _joints_2d(model: DecoMR, step: Step) -> Tensor:
    camera = step.location.camera
    joints_ndc = project_weak_perspective(step.joints, camera.scale, camera.translation)
    return losses.robust_joint_loss_2d(joints_ndc, step.batch.joints_ndc, step.batch.joint_confidence)


def _camera(model: DecoMR, step: Step) -> Tensor:
    difference = torch.nn.functional.smooth_l1_loss(
        step.location.camera.to_vector(), step.batch.camera, reduction="none", beta=_CAMERA_LOSS_KNEE
    )
    return valid_mean(difference, step.batch.has_mesh)

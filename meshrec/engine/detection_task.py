"""What one training step of a DensePose-RCNN computes: the losses of both stages and of the DensePose branch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from meshrec.engine.stages import DetectionStage
from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.boxes import encode_boxes
from meshrec.iuv.rcnn.chart_head import ChartMaps
from meshrec.iuv.rcnn.learning import LearningConfig
from meshrec.iuv.rcnn.matching import PERSON, ImageTruth, image_truths, match_boxes
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.rcnn.proposals import Regions
from meshrec.iuv.rcnn.sampling import SampledRois, sample_labels, sample_rois
from meshrec.iuv.rcnn.targets import DensePoseTargets, densepose_rois, densepose_targets
from meshrec.losses import densepose, detection
from meshrec.structures import SceneBatch

CHART_LOSSES: dict[str, Callable[[ChartMaps, DensePoseTargets], Tensor]] = {
    "coarse_segmentation": lambda maps, true: densepose.coarse_segmentation_loss(maps.coarse_segm, true.coarse),
    "fine_segmentation": lambda maps, true: densepose.fine_segmentation_loss(maps.fine_segm, true.part),
    "u": lambda maps, true: densepose.dense_chart_loss(maps.u, true.uv[:, 0], true.part),
    "v": lambda maps, true: densepose.dense_chart_loss(maps.v, true.uv[:, 1], true.part),
    "fine_points": lambda maps, true: densepose.point_segmentation_loss(maps.fine_segm, *_points(true)),
    "u_points": lambda maps, true: densepose.point_chart_loss(maps.u, *_points(true), true.point_uv[:, 0]),
    "v_points": lambda maps, true: densepose.point_chart_loss(maps.v, *_points(true), true.point_uv[:, 1]),
}
DETECTION_LOSSES = ("objectness", "region_box", "person", "box")


class DetectionTask:
    """Losses of a DensePose-RCNN.

    Args:
        config: which anchors and proposals are looked at.
    """

    def __init__(self, config: LearningConfig) -> None:
        self.config = config

    def losses(self, model: DensePoseRcnn, batch: SceneBatch, stage: DetectionStage, seed: int) -> dict[str, Tensor]:
        """The losses that the stage names.

        Raises:
            InvalidInput: the stage names a loss that does not exist.
        """
        unknown = set(stage.losses) - {*DETECTION_LOSSES, *CHART_LOSSES}
        if unknown:
            known = ", ".join(sorted({*DETECTION_LOSSES, *CHART_LOSSES}))
            raise InvalidInput(f"There is no loss {sorted(unknown)[0]!r}; there are {known}.")
        generator = torch.Generator(batch.images.device).manual_seed(seed)
        truths = image_truths(batch)
        features = model.features(batch.images, batch.sizes_px)
        regions = model.regions(features)
        losses = self._region_losses(regions, truths, generator)
        proposals = model.proposals(regions, batch.sizes_px)
        rois = sample_rois(proposals, truths, self.config.rois, self.config.roi_person, generator)
        losses |= self._box_losses(model, features, rois, batch)
        if set(stage.losses) & set(CHART_LOSSES):
            losses |= self._chart_losses(model, features, rois, batch, generator)
        return {name: losses[name] for name in stage.losses}

    def _region_losses(self, regions: Regions, truths: list[ImageTruth], generator: torch.Generator):
        config, anchors = self.config, torch.cat(regions.anchors_xyxy_px)
        logits, deltas = torch.cat(regions.logits, dim=1), torch.cat(regions.deltas, dim=1)
        chosen, is_person, targets = [], [], []
        for truth in truths:
            matches = match_boxes(anchors, truth, config.anchor_background, config.anchor_person, keep_best=True)
            chosen.append(sample_labels(matches.label, config.anchors, generator))
            is_person.append(matches.label[chosen[-1]] == PERSON)
            targets.append(_box_code(anchors[chosen[-1]], truth.boxes_xyxy_px, matches.place[chosen[-1]]))
        image = torch.cat([torch.full_like(index, number) for number, index in enumerate(chosen)])
        place, is_person = torch.cat(chosen), torch.cat(is_person)
        return {
            "objectness": detection.objectness_loss(logits[image, place], is_person),
            "region_box": detection.box_loss(
                deltas[image, place], torch.cat(targets), is_person, config.region_box_knee
            ),
        }

    def _box_losses(self, model: DensePoseRcnn, features: dict[str, Tensor], rois: SampledRois, batch: SceneBatch):
        logits, deltas = model.box_outputs(features, rois.boxes_of_images(len(batch)))
        weights = model.config.boxes.delta_weights
        target = _box_code(rois.boxes_xyxy_px, batch.boxes_xyxy_px, rois.person, weights)
        return {
            "person": detection.person_loss(logits, rois.is_person),
            "box": detection.box_loss(deltas, target, rois.is_person, self.config.box_knee),
        }

    def _chart_losses(self, model, features, rois: SampledRois, batch: SceneBatch, generator) -> dict[str, Tensor]:
        rois = densepose_rois(rois, batch, self.config.chart_overlap, self.config.charts, generator)
        maps = model.densepose(features, rois.boxes_of_images(len(batch)))
        target = densepose_targets(rois, batch, maps.u.shape[-1], model.config.charts.coarse_channels)
        return {name: loss(maps, target) for name, loss in CHART_LOSSES.items()}


def _box_code(boxes_xyxy_px: Tensor, true_xyxy_px: Tensor, place: Tensor, weights=(1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """What the regression of each box shall say; zeros where nobody is in the picture."""
    if not len(true_xyxy_px):
        return torch.zeros_like(boxes_xyxy_px)
    return encode_boxes(boxes_xyxy_px, true_xyxy_px[place], weights)


def _points(true: DensePoseTargets) -> tuple[Tensor, Tensor, Tensor]:
    return true.point_roi, true.point_position, true.point_part

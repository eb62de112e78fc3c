"""Our DensePose losses against those of detectron2's DensePose project, on the same made-up annotations.

Skipped where detectron2 and its DensePose project cannot be imported.
"""

from types import SimpleNamespace

import pytest
import torch

from meshrec.iuv.rcnn.chart_head import ChartMaps
from meshrec.iuv.rcnn.sampling import SampledRois
from meshrec.iuv.rcnn.targets import densepose_targets
from meshrec.losses import densepose
from meshrec.structures import SceneBatch

pytest.importorskip("detectron2", reason="detectron2 is needed to compare with it")
pytest.importorskip("densepose", reason="detectron2's DensePose project is needed to compare with it")

S, PEOPLE, POINTS = 112, 3, 60
WEIGHTS = {"S": 5.0, "I": 1.0, "U": 0.01, "V": 0.01}
ROI_PERSON = [0, 2, 1, 0, 2]  # the second person of three has no points


@pytest.fixture(scope="module")
def people():
    generator = torch.Generator().manual_seed(0)
    corner, size = torch.rand(2, PEOPLE, 2, generator=generator) * 60 + 20
    return torch.cat([corner, corner + size], 1)


@pytest.fixture(scope="module")
def annotations():
    generator = torch.Generator().manual_seed(1)
    draw = lambda: torch.rand(POINTS, generator=generator)  # noqa: E731
    return {
        person: {
            "dp_x": draw() * 255, "dp_y": draw() * 255, "dp_U": draw(), "dp_V": draw(),
            "dp_I": torch.randint(1, 25, (POINTS,), generator=generator).float(),
            "dp_masks": torch.randint(0, 15, (256, 256), generator=generator).float(),
        }
        for person in (0, 2)
    }  # fmt: skip


@pytest.fixture(scope="module")
def boxes(people):
    """Proposals a little beside their people."""
    noise = torch.randn(len(ROI_PERSON), 4, generator=torch.Generator().manual_seed(2))
    return people[ROI_PERSON] + 3 * noise


def maps(coarse_channels):
    generator = torch.Generator().manual_seed(3)
    draw = lambda channels: torch.randn(len(ROI_PERSON), channels, S, S, generator=generator)  # noqa: E731
    return ChartMaps(draw(coarse_channels), draw(25), draw(25), draw(25))


def theirs(people, annotations, boxes, predicted, coarse_channels):
    """Their losses by name, and their coarse targets with the boxes that have one."""
    from densepose.modeling.losses.chart import DensePoseChartLoss
    from densepose.modeling.losses.utils import (
        ChartBasedAnnotationsAccumulator,
        extract_packed_annotations_from_matches,
        resample_data,
    )
    from densepose.structures import DensePoseDataRelative, DensePoseList
    from detectron2.structures import Boxes, Instances

    found = Instances((200, 200))
    found.proposal_boxes, found.gt_boxes = Boxes(boxes), Boxes(people[ROI_PERSON])
    points = {person: DensePoseDataRelative(dict(known)) for person, known in annotations.items()}
    found.gt_densepose = DensePoseList([points.get(p) for p in ROI_PERSON], found.gt_boxes, (200, 200), "cpu")
    head = SimpleNamespace(
        HEATMAP_SIZE=S, POINT_REGRESSION_WEIGHTS=WEIGHTS["U"], PART_WEIGHTS=WEIGHTS["I"], INDEX_WEIGHTS=WEIGHTS["S"],
        NUM_COARSE_SEGM_CHANNELS=coarse_channels, COARSE_SEGM_TRAINED_BY_MASKS=False,
    )  # fmt: skip
    loss = DensePoseChartLoss(SimpleNamespace(MODEL=SimpleNamespace(ROI_DENSEPOSE_HEAD=head)))
    packed = extract_packed_annotations_from_matches([found], ChartBasedAnnotationsAccumulator())
    coarse = resample_data(packed.coarse_segm_gt[:, None], packed.bbox_xywh_gt, packed.bbox_xywh_est, S, S)[:, 0]
    coarse = (coarse > 0 if coarse_channels == 2 else coarse).long()
    return loss([found], predicted), coarse, packed.bbox_indices


def batch_of(people, annotations):
    """The same annotations as the package holds them, already in pixels."""
    plain = SceneBatch.without_people(torch.zeros(1, 3, 200, 200), torch.tensor([[200, 200]]))
    points = {name: torch.cat([known[name] for known in annotations.values()]) for name in annotations[0]}
    owner = torch.tensor(list(annotations)).repeat_interleave(POINTS)
    left_top, size = people[owner, :2], people[owner, 2:] - people[owner, :2]
    absent = torch.zeros(PEOPLE, dtype=torch.bool)
    return plain.replace(
        image_index=torch.zeros(PEOPLE, dtype=torch.long), boxes_xyxy_px=people,
        is_crowd=absent, has_mask=absent, has_iuv=absent, keypoints_px=None, keypoint_confidence=None,
        point_person=owner, points_px=left_top + torch.stack([points["dp_x"], points["dp_y"]], 1) / 256 * size,
        point_part=points["dp_I"].long(), points_uv=torch.stack([points["dp_U"], points["dp_V"]], 1),
    )  # fmt: skip


@pytest.mark.parametrize("coarse_channels", [2, 15])
def test_losses_equal_those_of_detectron2(people, annotations, boxes, coarse_channels):
    predicted = maps(coarse_channels)
    expected, coarse, with_points = theirs(people, annotations, boxes, predicted, coarse_channels)
    person = torch.tensor(ROI_PERSON)
    rois = SampledRois(boxes, torch.zeros_like(person), torch.ones_like(person).bool(), person)
    true = densepose_targets(rois, batch_of(people, annotations), S, coarse_channels)
    assert len(true.point_roi) < 4 * POINTS, "some points lie outside their boxes"
    place = true.point_roi, true.point_position, true.point_part
    ours = {
        "S": densepose.coarse_segmentation_loss(predicted.coarse_segm[with_points], coarse),
        "I": densepose.point_segmentation_loss(predicted.fine_segm, *place),
        "U": densepose.point_chart_loss(predicted.u, *place, true.point_uv[:, 0]),
        "V": densepose.point_chart_loss(predicted.v, *place, true.point_uv[:, 1]),
    }
    for name, loss in ours.items():
        assert float(WEIGHTS[name] * loss) == pytest.approx(float(expected[f"loss_densepose_{name}"]), rel=1e-5)

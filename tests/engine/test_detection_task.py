"""The losses of a detector's step: which there are, what they pull on, and that they teach a tiny net."""

import pytest
import torch
from torchvision.ops import box_iou

from meshrec.engine.detection_task import CHART_LOSSES, DETECTION_LOSSES, DetectionTask
from meshrec.engine.stages import DETECTOR_NETS, DetectionStage
from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.config import BoxConfig, ChartConfig, InputConfig, ProposalConfig, RcnnConfig
from meshrec.iuv.rcnn.learning import LearningConfig
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.rcnn.sampling import Balance
from meshrec.structures import SceneBatch

SIDE = 64
LEARNING = LearningConfig(anchors=Balance(64, 0.5), anchor_person=0.5, rois=Balance(16, 0.5), charts=8)


def tiny_net():
    torch.manual_seed(0)
    return DensePoseRcnn(
        RcnnConfig(
            backbone="resnet18",
            backbone_channels=(8, 8, 8, 8),
            pyramid_channels=8,
            input=InputConfig(SIDE, SIDE, "rgb", (127.0,) * 3, (64.0,) * 3),
            proposals=ProposalConfig((8, 16, 32, 48, 64), (1.0, 2.0), 50, 50, 20),
            boxes=BoxConfig(width=16),
            charts=ChartConfig(decoder=False, pooled_size=7, convolutions=1, width=8),
        )
    )


def scene():
    """Two pictures of bright people on dark ground, with masks, IUV and points, and one of nobody."""
    images = torch.full((3, 3, SIDE, SIDE), 0.2)
    person_map = torch.zeros(3, SIDE, SIDE, dtype=torch.int32)
    part_map, uv_map = torch.zeros(3, SIDE, SIDE).byte(), torch.zeros(3, 2, SIDE, SIDE)
    boxes = torch.tensor([[8.0, 10, 28, 50], [36, 12, 56, 52], [20, 6, 44, 56]])
    image_index = torch.tensor([0, 0, 1])
    for person, (image, (left, top, right, bottom)) in enumerate(zip(image_index.tolist(), boxes.int().tolist())):
        window = (image, ..., slice(top, bottom), slice(left, right))
        images[window], person_map[window] = 0.9, person + 1
        part_map[window] = 3 + person
        uv_map[window] = 0.25
    everybody = torch.ones(3, dtype=torch.bool)
    return SceneBatch.without_people(images, torch.full((3, 2), SIDE)).replace(
        image_index=image_index, boxes_xyxy_px=boxes, is_crowd=~everybody, has_mask=everybody, has_iuv=everybody,
        person_map=person_map, part_map=part_map, uv_map=uv_map, point_person=torch.tensor([0, 2]),
        points_px=torch.tensor([[18.0, 30], [30, 30]]), point_part=torch.tensor([3, 5]),
        points_uv=torch.full((2, 2), 0.25), keypoints_px=None, keypoint_confidence=None,
    )  # fmt: skip


def stage(*names):
    return DetectionStage("learn", 1, losses={name: 1.0 for name in names})


def test_a_stage_gets_the_losses_that_it_names():
    names = ("person", "v_points", "objectness")
    losses = DetectionTask(LEARNING).losses(tiny_net(), scene(), stage(*names), seed=1)
    assert tuple(losses) == names and all(float(value.detach()) > 0 for value in losses.values())
    with pytest.raises(InvalidInput, match="no loss 'boxes'; there are box, coarse_segmentation"):
        DetectionTask(LEARNING).losses(tiny_net(), scene(), stage("boxes"), seed=1)


def test_the_parts_that_stages_name_are_those_of_the_net():
    assert set(DETECTOR_NETS) == {name for name, part in tiny_net().named_children() if list(part.parameters())}
    with pytest.raises(ValueError, match="nets must be among"):
        DetectionStage("learn", 1, nets=("legs",), losses={"person": 1.0})


@pytest.mark.parametrize("loss", [*DETECTION_LOSSES, *CHART_LOSSES])
def test_every_loss_reaches_the_backbone_and_its_own_head_only(loss):
    net = tiny_net()
    DetectionTask(LEARNING).losses(net, scene(), stage(loss), seed=1)[loss].backward()
    pulled = {
        name
        for name in DETECTOR_NETS
        if any(p.grad is not None and p.grad.any() for p in getattr(net, name).parameters())
    }
    head = {"objectness": "regions_head", "region_box": "regions_head", "person": "box_head", "box": "box_head"}
    assert pulled == {"backbone", "pyramid", head.get(loss, "charts")}


def test_pictures_without_people_teach_background_and_nothing_else():
    empty = SceneBatch.without_people(torch.rand(2, 3, SIDE, SIDE), torch.full((2, 2), SIDE))
    net = tiny_net()
    losses = DetectionTask(LEARNING).losses(net, empty, stage(*DETECTION_LOSSES, *CHART_LOSSES), seed=1)
    assert float(losses["objectness"].detach()) > 0 and float(losses["person"].detach()) > 0
    assert all(float(value.detach()) == 0 for name, value in losses.items() if name not in ("objectness", "person"))
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in net.parameters()), "several processes need a gradient from each"


def test_the_same_seed_looks_at_the_same_boxes_and_another_at_others():
    net = tiny_net().eval()
    totals = [
        float(sum(DetectionTask(LEARNING).losses(net, scene(), stage("objectness", "person"), seed).values()).detach())
        for seed in (5, 5, 6)
    ]
    assert totals[0] == totals[1] != totals[2]


def test_a_tiny_net_learns_to_find_and_chart_bright_people():
    net, task, batch = tiny_net(), DetectionTask(LEARNING), scene()
    learnt = stage(*DETECTION_LOSSES, "coarse_segmentation", "fine_segmentation", "u", "v")
    optimizer = torch.optim.AdamW(net.parameters(), 5e-3)
    net.train()
    history = []
    for seed in range(60):
        optimizer.zero_grad()
        losses = task.losses(net, batch, learnt, seed)
        sum(losses.values()).backward()
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in losses.items()})
    for name in set(learnt.losses) - {"box"}:  # which at first has nothing to correct but the true boxes
        first, last = (sum(line[name] for line in lines) for lines in (history[:5], history[-5:]))
        assert last < 0.6 * first, f"{name} went from {first / 5:.3f} to {last / 5:.3f}"
    found = net.eval()(batch.images, batch.sizes_px)
    for image, output in enumerate(found):
        true = batch.boxes_xyxy_px[batch.image_index == image]
        sure = output[output.scores > 0.5]
        assert len(sure) == len(true)
        if len(true):
            assert box_iou(true, sure.boxes_xyxy_px).amax(1).min() > 0.6

"""Our DensePose-RCNN against detectron2's, with the same random weights on the same photo, step by step and end to end.

Detectron2 is no dependency; run this where its DensePose project can be imported. `-s` prints the figures, and
MESHREC_PARITY_PHOTO names another photo than the sample.
"""

import dataclasses
import os
from pathlib import Path

import pytest
import torch

from meshrec.assets import asset_path
from meshrec.iuv.rcnn.inference import find_people, network_input, padded_batch
from meshrec.iuv.rcnn.pooling import pool_boxes
from meshrec.iuv.rcnn.zoo import load_zoo_model
from tests.support.detectron2_models import detectron2_model, read_rgb, resized

pytest.importorskip("detectron2", reason="detectron2 is needed to compare with it")
pytest.importorskip("densepose", reason="detectron2's DensePose project is needed to compare with it")

PHOTO = os.environ.get("MESHREC_PARITY_PHOTO") or asset_path("samples/street.jpg")
CONFIGS = (
    "densepose_rcnn_R_50_FPN_s1x",
    "densepose_rcnn_R_50_FPN_s1x_legacy",
    "densepose_rcnn_R_50_FPN_DL_s1x",
    "densepose_rcnn_R_50_FPN_WC2M_s1x",
)
BOX_TOLERANCE_PX, SCORE_TOLERANCE, MAP_TOLERANCE = 0.05, 1e-4, 1e-3


@dataclasses.dataclass(frozen=True)
class Pair:
    """The same net twice, and the photo."""

    theirs: torch.nn.Module
    detectron2_config: object
    ours: torch.nn.Module
    photo: object


@pytest.fixture(scope="module", params=CONFIGS)
def pair(request, tmp_path_factory) -> Pair:
    photo = read_rgb(Path(PHOTO))
    theirs, config, path = detectron2_model(request.param, photo, tmp_path_factory.mktemp("zoo"))
    return Pair(theirs, config, load_zoo_model(path, request.param), photo)


def worst(ours, theirs) -> float:
    """Largest difference of two tensors of one shape."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max()) if ours.numel() else 0.0


def worst_of_nearest(ours, theirs) -> float:
    """Largest difference of boxes to their nearest in the other set: scores that are all but equal change places."""
    assert ours.shape == theirs.shape
    differences = (ours[:, None] - theirs).abs().amax(-1)
    return float(torch.cat([differences.amin(0), differences.amin(1)]).max())


@torch.no_grad()
def test_every_step_gives_what_detectron2_gives(pair):
    """Each step starts from our own features, and from detectron2's boxes where boxes enter."""
    from detectron2.structures import Boxes

    theirs, ours = pair.theirs, pair.ours
    given = resized(pair.photo, pair.detectron2_config)
    images, sizes = padded_batch([network_input(pair.photo, ours.config.input)])
    assert torch.equal(images[0].flip(0).float(), given["image"])
    found = {}

    listed = theirs.preprocess_image([given])
    normal = ours.normalise(images, sizes)
    found["input"] = worst(normal, listed.tensor)
    stages = theirs.backbone.bottom_up(listed.tensor)
    for (name, stage), own in zip(stages.items(), ours.backbone(normal), strict=True):
        found[name] = worst(own, stage)
    levels = theirs.backbone(listed.tensor)
    features = ours.features(images, sizes)
    assert list(levels) == list(features)
    for name in levels:
        found[name] = worst(features[name], levels[name])

    first_stage = theirs.proposal_generator
    logits, deltas = first_stage.rpn_head(list(levels.values()))
    regions = ours.regions(features)
    anchors = first_stage.anchor_generator(list(levels.values()))
    found["anchors"] = max(worst(a, b.tensor) for a, b in zip(regions.anchors_xyxy_px, anchors))
    found["region logits"] = max(worst(a, b.permute(0, 2, 3, 1).flatten(1)) for a, b in zip(regions.logits, logits))
    found["region deltas"] = max(
        worst(a, b.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2).flatten(1, 3)) for a, b in zip(regions.deltas, deltas)
    )
    (instances,), _ = first_stage(listed, levels, None)
    boxes = instances.proposal_boxes
    (proposals,) = ours.proposals(regions, sizes)
    found["proposals"] = worst_of_nearest(proposals, boxes.tensor)

    heads = theirs.roi_heads
    pyramid = [levels[name] for name in heads.in_features]
    own = ours.box_outputs(features, [boxes.tensor])
    their_outputs = heads.box_predictor(heads.box_head(heads.box_pooler(pyramid, [boxes])))
    found["box logits"], found["box deltas"] = (worst(a, b) for a, b in zip(own, their_outputs))
    shifted = ours.box_head(pool_boxes([features[name] for name in heads.in_features], [boxes.tensor], 7, 2, True))
    assert worst(shifted[0], their_outputs[0]) > 0.01  # half a cell of the maps makes a difference here
    (detected,) = heads(listed, levels, [instances])[0]
    assert 3 <= len(detected) < 100
    (people,) = ours.detect(features, [boxes.tensor], sizes)
    found["boxes"] = worst(people.boxes_xyxy_px, detected.pred_boxes.tensor)
    found["scores"] = worst(people.scores, detected.scores)

    chosen = detected.pred_boxes.tensor
    source = [features[name] for name in heads.in_features]
    if heads.use_decoder:
        pyramid, source = [heads.decoder(pyramid)], [ours.charts.decoder(source)]
        found["decoder"] = worst(source[0], pyramid[0])
    pooled = heads.densepose_pooler(pyramid, [Boxes(chosen)])
    hidden = heads.densepose_head(pooled)
    found["chart head"] = worst(ours.charts.head(pooled), hidden)
    maps = ours.densepose(features, [chosen])
    expected = heads.densepose_predictor(hidden)
    for name in ("coarse_segm", "fine_segm", "u", "v"):
        found[name] = worst(getattr(maps, name), getattr(expected, name))
        assert 0.3 < float(getattr(expected, name).std()) < 10  # the comparison has something to compare
    report(pair, "step by step", found)
    check(found)


@torch.no_grad()
def test_a_photo_gives_what_detectron2_gives(pair):
    theirs = pair.theirs([resized(pair.photo, pair.detectron2_config)])[0]["instances"]
    (ours,) = find_people(pair.ours, [pair.photo])
    assert len(ours) == len(theirs) >= 3
    found = {
        "boxes": worst(ours.boxes_xyxy_px, theirs.pred_boxes.tensor),
        "scores": worst(ours.scores, theirs.scores),
        **{
            name: worst(getattr(ours, name), getattr(theirs.pred_densepose, name))
            for name in ("coarse_segm", "fine_segm", "u", "v")
        },
    }
    report(pair, f"end to end, {len(ours)} people", found)
    check(found)


def check(found: dict[str, float]) -> None:
    """Compare with the tolerances; written so that numbers that are none fail."""
    limits = {"boxes": BOX_TOLERANCE_PX, "proposals": BOX_TOLERANCE_PX, "scores": SCORE_TOLERANCE}
    assert {name: value for name, value in found.items() if not value <= limits.get(name, MAP_TOLERANCE)} == {}


def report(pair: Pair, title: str, found: dict[str, float]) -> None:
    """For those who run this to quote it."""
    head = f"{type(pair.ours.charts.head).__name__}, {pair.ours.config.charts.coarse_channels} coarse channels"
    print(f"\n{head}, {title}: " + ", ".join(f"{name} {value:.1e}" for name, value in found.items()))

"""Our average precision of dense correspondence against the evaluator of detectron2's DensePose project.

Needs detectron2 and its projects/DensePose on the Python path; both sides read the same made-up tables, because the
real ones may not be shipped.
"""

import contextlib
import io
from unittest import mock

import numpy as np
import pytest

from meshrec.body.official_geodesics import OfficialGeodesics
from meshrec.evaluation.detection.densepose_coco import annotated_person
from meshrec.iuv.quantised import quantise
from meshrec.metrics.average_precision import DENSEPOSE_DETECTIONS, precision_recall
from meshrec.metrics.gps import densepose_similarities
from tests.support.densepose_evaluation import made_up_image, write_tables

IMAGES, SIZE_PX = 60, (240, 320)
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
pytest.importorskip("detectron2._C", reason="compares with detectron2, which is not installed here")
evaluator = pytest.importorskip(
    "densepose.evaluation.densepose_coco_evaluation", reason="needs detectron2's projects/DensePose on the path"
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write_tables(folder)
    return folder


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(20)
    drawn = [made_up_image(generator, SIZE_PX) for _ in range(IMAGES)]
    together = [sum(parts, []) for parts in zip(*(made_up_image(generator, SIZE_PX) for _ in range(20)))]
    assert len(together[1]) > DENSEPOSE_DETECTIONS
    return [*drawn, together]


@pytest.fixture(scope="module")
def annotations(images):
    """The people as the JSON has them."""
    from pycocotools import mask as run_lengths

    entries = []
    for number, (people, _) in enumerate(images, start=1):
        for person in people:
            entry = {"id": len(entries) + 1, "image_id": number, "category_id": 1, "bbox": list(person.box_xywh),
                     "area": person.area, "iscrowd": int(person.crowd)}  # fmt: skip
            if person.points is not None:
                names = ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V")
                entry |= dict(zip(names, person.points.T.tolist()))
                entry["dp_masks"] = [
                    [] if mask is None else run_lengths.encode(np.asfortranarray(mask)) for mask in person.masks
                ]
            entries.append(entry)
    return entries


@pytest.fixture(scope="module")
def theirs(images, annotations, tables):
    """Their evaluators after the run, by mode."""
    from pycocotools.coco import COCO

    results = []
    for number, (_, found) in enumerate(images, start=1):
        for one in found:
            left, top, right, bottom = one.box_xyxy_px
            box = [value.item() for value in (left, top, right - left, bottom - top)]
            results.append({"image_id": number, "category_id": 1, "bbox": box, "score": one.score,
                            "densepose": quantise(one.chart)})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": n + 1, "height": SIZE_PX[0], "width": SIZE_PX[1]} for n in range(len(images))],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": annotations,
        }
        truth.createIndex()
        detections = truth.loadRes(results)
    local = mock.patch.object(
        evaluator.PathManager, "get_local_path", lambda url, **_: str(tables / url.rpartition("/")[2])
    )
    judged = {}
    for mode in evaluator.DensePoseEvalMode:
        judged[mode.value] = evaluator.DensePoseCocoEval(truth, detections, "densepose", dpEvalMode=mode)
        with local:
            judged[mode.value].evaluate()
        judged[mode.value].accumulate()
        judged[mode.value].summarize()
    return judged


@pytest.fixture(scope="module")
def ours(images, annotations, tables):
    """Our scored images by mode."""
    distance = OfficialGeodesics.from_folder(tables)
    parts = []
    for number, (_, found) in enumerate(images, start=1):
        people = [annotated_person(entry, SIZE_PX) for entry in annotations if entry["image_id"] == number]
        parts.append(densepose_similarities(found, people, SIZE_PX, distance))
    return {name: [part[name] for part in parts] for name in ("gps", "gpsm", "iou")}


def test_the_similarity_of_every_pair_is_detectron2s(theirs, ours):
    worst, pairs = {"gps": 0.0, "iou": 0.0}, 0
    for number in range(len(ours["gps"])):
        if not ours["gps"][number].similarity.size:
            continue
        gps, _ = theirs["gps"].ious[number + 1, 1]
        iou = np.asarray(theirs["iou"].real_ious[number + 1, 1])
        pairs += gps.size
        worst["gps"] = max(worst["gps"], np.abs(gps - ours["gps"][number].similarity).max())
        worst["iou"] = max(worst["iou"], np.abs(iou - ours["iou"][number].similarity).max())
    print(f"\n{pairs} pairs, largest differences {worst}")
    assert pairs > 500 and worst["gps"] < 1e-6 and worst["iou"] < 1e-12


@pytest.mark.parametrize("mode", ["gps", "gpsm", "iou"])
def test_average_precision_and_recall_are_detectron2s(theirs, ours, mode):
    curves = precision_recall(ours[mode])
    precision = theirs[mode].eval["precision"][:, :, 0, :, 0].transpose(2, 0, 1)
    recall = theirs[mode].eval["recall"][:, 0, :, 0].T
    figures = curves.figures()
    names = ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar", "ar_50", "ar_75", "ar_medium", "ar_large")
    print(f"\n{mode}: " + ", ".join(f"{n} {figures[n]:.6f} / {t:.6f}" for n, t in zip(names, theirs[mode].stats)))
    assert np.abs(curves.precision - precision).max() < 1e-12 and np.abs(curves.recall - recall).max() < 1e-12
    assert [figures[name] for name in names] == pytest.approx(theirs[mode].stats.tolist(), abs=1e-12)
    assert 0.05 < figures["ap"] < figures["ap_50"] < 0.95 and figures["ap_medium"] != figures["ap_large"]

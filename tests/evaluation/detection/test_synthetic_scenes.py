"""The synthetic test scenes as labelled pictures, and the truth given back as detections."""

import pytest
import torch

from meshrec.build import Surface, build_people
from meshrec.data.detection.synthetic_scenes import SyntheticScenes
from meshrec.data.synthetic import SyntheticPeopleConfig
from meshrec.evaluation.detection.meter import DetectionMeter, measure_scenes
from meshrec.evaluation.detection.synthetic import SyntheticSceneSet, labelled_scene, spread_pixels
from meshrec.evaluation.summary import summarise
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.iuv.decode import pixel_box
from meshrec.iuv.results import ChartResult, PersonIuv
from tests.support.known_detections import KnownPredictor

SCENES = 4


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def scenes(surface):
    source = SyntheticScenes(build_people(SyntheticPeopleConfig(), surface))
    return SyntheticSceneSet(source, SCENES, surface.charts.hash, {"poses": "made up"})


def truth_of(scenes, index, part_shift=0):
    """The labels of a scene as detections, perhaps with other parts."""
    batch = scenes.source.batch(1, 480, 20_260_000 + index)
    found = []
    for number, box in enumerate(batch.boxes_xyxy_px):
        if not batch.has_iuv[number]:
            continue
        left, top, width, height = pixel_box(box)
        window = (slice(top, top + height), slice(left, left + width))
        own = batch.person_map[0][window] == number + 1
        part = torch.where(own, batch.part_map[0][window].long(), 0)
        part = torch.where(part > 0, (part - 1 + part_shift) % 24 + 1, 0)
        chart = ChartResult(part, batch.uv_map[0][:, window[0], window[1]] * own, (left, top))
        found.append(PersonIuv(box, 0.9, chart))
    return found


def figures(scenes, surface, **changes):
    predictor = KnownPredictor(surface.charts.hash)
    for index in range(len(scenes)):
        predictor.tell(scenes.read(index).pixels, truth_of(scenes, index, **changes))
    meter = DetectionMeter(predictor, 0.5, SurfaceRuler(surface).between_charts)
    return summarise(measure_scenes(meter, scenes)[0])


def test_the_truth_given_back_is_perfect(scenes, surface):
    values, counts = figures(scenes, surface)
    assert counts["box_recall"] >= 4 and counts["found_part_accuracy"] > 300
    for name in ("box_recall", "box_precision", "people_f1", "found_box_iou"):
        assert values[name] == 1, name
    # Boxes cut off to whole pixels lose points at their right and lower edges.
    for name in ("found_mask_iou", "found_part_accuracy", "found_gps", "gps_ap_75", "gpsm_ap_75", "iou_ap_75"):
        assert 0.97 < values[name] <= 1 + 1e-9, name


def test_wrong_parts_cost_similarity_but_no_boxes(scenes, surface):
    values, _ = figures(scenes, surface, part_shift=1)
    assert values["box_recall"] == 1 and values["found_part_accuracy"] == 0
    assert values["found_gps"] < 0.6 and values["gps_ap"] < 0.5 and values["iou_ap_75"] > 0.97


def test_a_scene_does_not_depend_on_which_were_read_before(scenes):
    alone = scenes.read(2)
    assert (scenes.read(1).pixels.shape, scenes.read(1).pixels.sum()) != (alone.pixels.shape, alone.pixels.sum())
    assert (scenes.read(2).pixels == alone.pixels).all()


def test_people_have_points_on_their_own_pixels(scenes):
    scene = next(
        scene for scene in map(scenes.read, range(SCENES)) if any(one.points_px is not None for one in scene.people)
    )
    person = next(one for one in scene.people if one.points_px is not None)
    column, row = person.points_px.long().unbind(1)
    assert person.mask[row, column].all() and (person.part > 0).all() and len(person.part) <= 100
    assert person.area_px == person.mask.sum()


def test_padding_is_cut_off(scenes):
    batch = scenes.source.batch(1, 480, 20_260_000)
    height, width = batch.sizes_px[0].tolist()
    assert (height, width) != tuple(batch.images.shape[2:])
    assert labelled_scene("a", batch).size_px == (height, width)


def test_pixels_are_spread_evenly():
    mask = torch.zeros(10, 10, dtype=torch.bool)
    mask[2, :6] = True
    assert spread_pixels(mask, 3)[1].tolist() == [0, 2, 4]
    assert spread_pixels(mask, 10)[1].tolist() == list(range(6))
    assert len(spread_pixels(torch.zeros(4, 4, dtype=torch.bool))[0]) == 0

"""Similarity of detections with annotated people, on charts small enough to read by hand."""

import math

import numpy as np
import pytest
import torch

from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.metrics.average_precision import precision_recall
from meshrec.metrics.gps import (
    AnnotatedPerson,
    densepose_similarities,
    point_similarities,
    read_chart,
    stretched_mask,
)

SIZE_PX = (40, 50)


def along_u(part, uv, true_part, true_uv):
    """A surface on which U is the distance in metres and parts are 10 m apart."""
    return (uv[:, 0] - true_uv[:, 0]).abs() + 10.0 * (part != true_part)


def detection(box, score=0.9, part=2, u=0.0):
    """Everything in the box is one part, and U all the same."""
    width, height = (int(box[2]) - int(box[0]), int(box[3]) - int(box[1]))
    uv = torch.stack([torch.full((height, width), u), torch.zeros(height, width)])
    chart = ChartResult(torch.full((height, width), part), uv, (int(box[0]), int(box[1])))
    return PersonIuv(torch.tensor(box, dtype=torch.float32), score, chart)


def annotated(box, points, part=2, u=0.0, mask=True):
    points = torch.tensor(points, dtype=torch.float64).reshape(-1, 2)
    uv = torch.tensor([[u, 0.0]], dtype=torch.float64).expand(len(points), 2)
    left, top, right, bottom = box
    seen = torch.zeros(SIZE_PX, dtype=torch.bool)
    seen[top:bottom, left:right] = True
    box = torch.tensor(box, dtype=torch.float64)
    return AnnotatedPerson(box, 100.0, points, torch.full((len(points),), part), uv, seen if mask else None)


def test_charts_are_read_at_the_pixel_that_the_distance_from_the_corner_is_cut_off_to():
    labels = torch.arange(1, 7).reshape(2, 3)
    chart = ChartResult(labels, torch.stack([labels, labels * 2]).float() / 25, (10, 20))
    points = [[10.6, 20.6], [11.5, 20.6], [13.4, 22.4], [9.7, 19.7], [9.5, 20.6], [13.6, 21], [11, 22.7]]
    part, uv = read_chart(chart, torch.tensor([10.6, 20.6, 13.6, 22.6]), torch.tensor(points))
    # Less than a pixel before the corner still reads the first pixel; a pixel before or beyond the end reads nothing.
    assert part.tolist() == [1, 1, 6, 1, 0, 0, 0]
    assert uv[2].tolist() == [61 / 255, 122 / 255]  # of 255 * 6 / 25 = 61.2 and 122.4


def test_similarity_by_hand():
    # Part 2 belongs to the torso, whose normaliser is 0.351 m. One point is right, one 0.6 off, one outside the box.
    person = annotated((5, 5, 45, 35), [[10.5, 10.5], [20.5, 20.5], [44.5, 30.5]])
    found = [detection((5, 5, 40, 35)), detection((5, 5, 40, 35), u=0.6), detection((5, 5, 40, 35), part=0)]
    off = math.exp(-(0.6**2) / (2 * 0.351**2))
    assert point_similarities(found, person, along_u).tolist() == pytest.approx([2 / 3, 2 * off / 3, 0])
    paper = point_similarities(found, person, along_u, normaliser_m=0.255)[1].item()
    assert paper == pytest.approx(2 / 3 * math.exp(-(0.6**2) / (2 * 0.255**2)))


def test_the_normaliser_is_that_of_the_annotated_part():
    hand = annotated((5, 5, 45, 35), [[10.5, 10.5]], part=3)
    found = point_similarities([detection((5, 5, 45, 35), part=3, u=0.2)], hand, along_u)
    assert found.item() == pytest.approx(math.exp(-(0.2**2) / (2 * 0.107**2)), abs=1e-6)


def test_a_person_without_a_single_point_is_like_nothing():
    assert point_similarities([detection((5, 5, 45, 35))], annotated((5, 5, 45, 35), []), along_u).tolist() == [0]


def test_gpsm_is_the_root_of_similarity_and_mask_overlap():
    person = annotated((10, 10, 30, 30), [[15.5, 15.5], [28.5, 15.5]])
    images = densepose_similarities([detection((10, 10, 20, 30))], [person], SIZE_PX, along_u)
    assert images["gps"].similarity.item() == pytest.approx(0.5)
    assert images["iou"].similarity.item() == pytest.approx(0.5)
    assert images["gpsm"].similarity.item() == pytest.approx(0.5)
    assert images["gps"].box_iou.item() == pytest.approx(0.5)
    quarter = densepose_similarities([detection((10, 10, 20, 20))], [person], SIZE_PX, along_u)
    assert quarter["gpsm"].similarity.item() == pytest.approx(math.sqrt(0.5 * 0.25))


def test_people_without_points_are_ignored_and_crowds_measured_by_the_share_inside():
    box = torch.tensor([0.0, 0, 50, 40])
    region = AnnotatedPerson(box, 2000.0, mask=torch.ones(SIZE_PX, dtype=torch.bool), crowd=True)
    images = densepose_similarities([detection((10, 10, 20, 30))], [region], SIZE_PX, along_u)
    assert images["gps"].ignored.tolist() == [True] and images["gps"].similarity.item() == 0
    assert images["iou"].similarity.item() == 1 and images["iou"].box_iou.item() == 1


def test_detections_beyond_the_image_are_cut_off_there():
    person = annotated((40, 30, 50, 40), [[45.5, 35.5]])
    one = detection((40, 30, 60, 50))
    assert densepose_similarities([one], [person], SIZE_PX, along_u)["iou"].similarity.item() == 1


def test_average_precision_of_a_known_set():
    """Two people in one image: one found right, one 0.6 m off; a mistake in an image where nobody is annotated."""
    people = [annotated((0, 0, 20, 40), [[5.5, 5.5]]), annotated((30, 0, 50, 40), [[40.5, 5.5]])]
    found = [detection((0, 0, 20, 40), 0.9), detection((30, 0, 50, 40), 0.8, u=0.6)]
    first = densepose_similarities(found, people, SIZE_PX, along_u)
    second = densepose_similarities([detection((0, 0, 20, 40), 0.99)], [], SIZE_PX, along_u)
    gps, iou = (precision_recall([first[name], second[name]]).figures() for name in ("gps", "iou"))
    assert math.exp(-(0.6**2) / (2 * 0.351**2)) < 0.5
    assert gps["ap"] == pytest.approx(51 / 101) and gps["ar"] == 0.5
    assert iou["ap"] == pytest.approx(1) and iou["ar"] == pytest.approx(1)


def test_no_detections_and_no_people_fit_together():
    person = annotated((0, 0, 20, 40), [[5.5, 5.5]], mask=False)
    for found, people in (([], [person]), ([detection((0, 0, 20, 40))], []), ([], [])):
        for image in densepose_similarities(found, people, SIZE_PX, along_u).values():
            assert image.similarity.shape == (len(found), len(people))


def test_an_annotated_mask_is_stretched_corner_on_corner():
    mask = torch.zeros(256, 256, dtype=torch.bool)
    mask[:, 128:] = True
    stretched = stretched_mask(mask, torch.tensor([10.4, 5.0, 30.4, 25.0]), SIZE_PX)
    rows, columns = np.nonzero(stretched.numpy())
    # 20 x 20 pixels from (10, 5): the right half of the columns, to the last row.
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (20, 29, 5, 24)


def test_a_mask_is_cut_off_at_the_images_edge():
    mask = torch.ones(256, 256, dtype=torch.bool)
    assert stretched_mask(mask, torch.tensor([40.0, 30, 60, 50]), SIZE_PX).sum() == 100
    assert stretched_mask(mask, torch.tensor([-10.0, -10, 10, 10]), SIZE_PX).sum() == 100

"""Average precision by COCO's rules and DensePose-COCO's, on images small enough to count by hand."""

import math

import numpy as np
import pytest

from meshrec.metrics.average_precision import ScoredImage, precision_recall

LARGE, MEDIUM, SMALL = 100.0**2, 50.0**2, 20.0**2


def image(similarity, scores, areas=None, ignored=None, crowd=None, found_areas=None, box_iou=None):
    similarity = np.array(similarity, float)
    people = similarity.shape[1]
    return ScoredImage(
        similarity,
        np.array(scores, float),
        np.full(len(scores), LARGE) if found_areas is None else np.array(found_areas),
        np.full(people, LARGE) if areas is None else np.array(areas),
        np.zeros(people, bool) if ignored is None else np.array(ignored),
        np.zeros(people, bool) if crowd is None else np.array(crowd),
        None if box_iou is None else np.array(box_iou, float),
    )


def figures(*images, **options):
    return precision_recall(images, **options).figures()


def test_a_perfect_detection_has_everything_and_none_has_nothing():
    found = figures(image([[1.0]], [0.9]))
    assert [found[name] for name in ("ap", "ar", "ap_large")] == pytest.approx([1, 1, 1])
    assert math.isnan(found["ap_medium"])
    missed = figures(image(np.zeros((0, 1)), []))
    assert missed["ap"] == missed["ar"] == 0


def test_nobody_labelled_gives_no_figure():
    assert all(math.isnan(value) for value in figures(image(np.zeros((1, 0)), [0.9])).values())
    assert all(math.isnan(value) for value in figures().values())


def test_a_similarity_counts_at_the_thresholds_it_reaches():
    found = figures(image([[0.72]], [0.9]))  # 0.50, 0.55, ..., 0.70: five of ten
    assert (found["ap"], found["ar"]) == pytest.approx((0.5, 0.5))
    assert (found["ap_50"], found["ap_75"], found["ar_50"], found["ar_75"]) == (pytest.approx(1), 0, 1, 0)


def test_a_more_certain_mistake_halves_the_precision():
    # Wrong, right: precision 0, then 1/2 at full recall, which holds for all recall levels.
    found = figures(image([[0.1], [0.9]], [0.8, 0.7]))
    assert found["ap_50"] == pytest.approx(0.5) and found["ar_50"] == 1


def test_one_of_two_people_reaches_half_of_the_recall_levels():
    found = figures(image([[1.0, 0.0]], [0.9]))
    assert found["ap"] == pytest.approx(51 / 101) and found["ar"] == 0.5


def test_each_person_is_found_once():
    # The second, though closer, is a double; only at 0.95 does it get the person, behind a mistake.
    found = figures(image([[0.91], [0.96]], [0.9, 0.8]))
    assert found["ap_50"] == pytest.approx(1) and found["ap"] == pytest.approx(0.9 + 0.1 * 0.5)
    assert found["ar"] == pytest.approx(1)


def test_scores_rank_across_images_and_equal_ones_by_the_order_of_the_images():
    right, wrong = image([[1.0]], [0.9]), image([[0.0]], [0.9])
    assert figures(right, wrong)["ap_50"] == pytest.approx(51 / 101)
    assert figures(wrong, right)["ap_50"] == pytest.approx(51 / 101 * 0.5)


def test_only_the_most_certain_detections_count():
    crowd_of_mistakes = image([[0.0]] * 20 + [[1.0]], [0.9] * 20 + [0.1])
    assert figures(crowd_of_mistakes)["ar"] == 0
    assert figures(crowd_of_mistakes, detections=21)["ar"] == 1


def test_ignored_people_neither_count_nor_cost():
    found = figures(image([[1.0, 0.0], [0.0, 0.8]], [0.5, 0.9], ignored=[False, True]))
    assert found["ap_50"] == pytest.approx(1) and found["ar_50"] == 1
    # At 0.85 and above the second no longer reaches the ignored person, is wrong, and comes first.
    assert found["ap"] == pytest.approx(0.7 + 0.3 * 0.5)


def test_a_person_that_counts_is_preferred_to_a_closer_ignored_one():
    assert figures(image([[0.6, 0.9]], [0.9], ignored=[False, True]))["ap_50"] == pytest.approx(1)


def test_a_crowd_takes_any_number_of_detections_an_ignored_person_one():
    three = [[0.9, 0.0]] * 2 + [[0.0, 0.9]]
    scores = [0.9, 0.8, 0.7]
    in_crowd = figures(image(three, scores, ignored=[True, False], crowd=[True, False]))
    one_ignored = figures(image(three, scores, ignored=[True, False]))
    assert in_crowd["ap_50"] == pytest.approx(1) and one_ignored["ap_50"] == pytest.approx(0.5)


def test_people_of_another_size_are_ignored_and_so_are_unmatched_detections_of_another_size():
    sizes = image([[1, 0], [0, 1], [0, 0]], [0.9, 0.8, 0.95], [LARGE, MEDIUM], found_areas=[LARGE, MEDIUM, LARGE])
    found = figures(sizes)
    assert found["ap_medium"] == pytest.approx(1)  # the mistake is large
    assert found["ap_large"] == pytest.approx(0.5) and found["ar_medium"] == found["ar_large"] == 1
    assert math.isnan(figures(image([[1.0]], [0.9], [SMALL]))["ap_medium"])


def test_densepose_forgives_mistakes_where_nobody_is_annotated_and_coco_does_not():
    annotated, nobody = image([[1.0]], [0.5]), image([[0.0]], [0.9], ignored=[True])
    assert figures(annotated, nobody)["ap"] == pytest.approx(0.5)
    annotated, nobody = (
        image([[1.0]], [0.5], box_iou=[[1.0]]),
        image([[0.0]], [0.9], ignored=[True], box_iou=[[0.0]]),
    )
    assert figures(annotated, nobody)["ap"] == pytest.approx(1)
    assert figures(annotated, image(np.zeros((1, 0)), [0.9], box_iou=np.zeros((1, 0))))["ap"] == pytest.approx(1)


def test_densepose_forgives_a_detection_with_the_box_of_an_ignored_person():
    def half_annotated(overlap):
        return image([[1.0, 0.0], [0.0, 0.0]], [0.5, 0.9], ignored=[False, True], box_iou=[[1, 0], [0, overlap]])

    assert figures(half_annotated(0.80))["ap"] == pytest.approx(1)
    assert figures(half_annotated(0.79))["ap"] == pytest.approx(0.5)


def test_densepose_forgives_only_one_detection_per_ignored_person():
    overlaps = [[1, 0], [0, 0.9], [0, 0.85]]
    doubled = image([[1, 0], [0, 0], [0, 0]], [0.5, 0.9, 0.8], ignored=[False, True], box_iou=overlaps)
    assert figures(doubled)["ap"] == pytest.approx(0.5)


def test_densepose_takes_the_flag_from_the_highest_threshold_to_all():
    # Right up to 0.7, unmatched at 0.95; there it shares the ignored person's box more than its own person's.
    found = figures(image([[0.7, 0.0]], [0.9], ignored=[False, True], box_iou=[[0.82, 0.9]]))
    assert found["ap_50"] == 0 and found["ar"] == 0
    # With its own person's box the flag is that person's, and nothing changes.
    found = figures(image([[0.7, 0.0]], [0.9], ignored=[False, True], box_iou=[[0.9, 0.82]]))
    assert found["ap_50"] == pytest.approx(1) and found["ar"] == pytest.approx(0.5)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"matrices of shape \(1, 2\)"):
        ScoredImage(np.zeros((2, 1)), np.zeros(1), np.zeros(1), np.zeros(2), np.zeros(2, bool), np.zeros(2, bool))

"""Several people in one IUV image."""

import torch

from meshrec.iuv.paste import paste_people
from tests.reference.chart_loops import paste_loop
from tests.support.charts import chart_person

SIZE = (24, 32)
PEOPLE = [
    chart_person((-4, -3), (15, 12), 0.4, seed=1),
    chart_person((3, 5), (14, 20), 0.9, seed=2),
    chart_person((20, 10), (30, 30), 0.7, seed=3),
    chart_person((5, 2), (9, 11), 0.8, seed=4),
]


def test_every_pixel_goes_to_the_best_person_who_claims_it():
    pasted = paste_people(PEOPLE, SIZE)
    charts = [(person.chart.labels, person.chart.uv, person.chart.origin_xy_px) for person in PEOPLE]
    labels, uv, number = paste_loop(charts, [person.score for person in PEOPLE], *SIZE)
    assert set(number.unique().tolist()) == {0, 1, 2, 3, 4}
    assert torch.equal(pasted.labels, labels) and torch.equal(pasted.person, number)
    assert torch.equal(pasted.uv, uv)


def test_the_order_of_people_changes_only_their_numbers():
    pasted, turned = paste_people(PEOPLE, SIZE), paste_people(PEOPLE[::-1], SIZE)
    assert torch.equal(pasted.labels, turned.labels) and torch.equal(pasted.uv, turned.uv)
    assert torch.equal(turned.person, torch.where(pasted.person > 0, 5 - pasted.person, 0))


def test_a_coordinate_of_zero_does_not_let_another_person_in():
    # What DensePose's original tool gets wrong: it tests every channel for zero on its own.
    first, second = chart_person((0, 0), (4, 4), 0.9, 1, filled=1), chart_person((0, 0), (4, 4), 0.5, 2, filled=1)
    first.chart.uv[0] = 0.0
    pasted = paste_people([second, first], (4, 4))
    assert torch.equal(pasted.labels, first.chart.labels) and not pasted.uv[0].any()
    assert torch.equal(pasted.uv[1], first.chart.uv[1])


def test_people_outside_the_photo_and_no_people_leave_it_empty():
    outside = [chart_person(place, (5, 5), 0.5, filled=1) for place in ((-5, 0), (32, 3), (4, -9), (4, 40))]
    for people in (outside, []):
        pasted = paste_people(people, SIZE)
        assert pasted.labels.shape == SIZE
        assert not (pasted.labels.any() or pasted.uv.any() or pasted.person.any())


def test_pasting_changes_no_chart():
    before = [person.chart.labels.clone() for person in PEOPLE]
    paste_people(PEOPLE, SIZE)
    assert all(torch.equal(person.chart.labels, labels) for person, labels in zip(PEOPLE, before, strict=True))

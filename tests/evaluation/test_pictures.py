"""Which people the sheets show, and that the sheets are sheets."""

import numpy as np

from meshrec.evaluation.pictures import rank, ranked_sheet
from meshrec.evaluation.rows import Row


def people(name, values):
    return [Row(f"folder/{number}", values={name: value}) for number, value in enumerate(values)]


def test_the_best_have_small_errors_and_large_shares():
    values = [3.0, 1.0, float("nan"), 2.0]
    name, errors = rank(people("pve_mm", values))
    assert name == "pve_mm" and [row.key for row in errors] == ["folder/1", "folder/3", "folder/0"]
    assert [row.key for row in rank(people("oks", values))[1]] == ["folder/0", "folder/3", "folder/1"]


def test_a_sheet_shows_the_best_the_median_and_the_worst():
    asked = []

    def draw(key):
        asked.append(int(key.rpartition("/")[2]))
        return [np.full((50, 40, 3), 10 * asked[-1], np.uint8)] * 2

    sheet = ranked_sheet(people("pve_mm", [float(number) for number in range(9)]), draw, people=2)
    assert asked == [0, 1, 3, 4, 7, 8]
    assert sheet.dtype == np.uint8 and sheet.shape[1] > 4 * 240 and sheet.shape[0] > 3 * 240


def test_baselines_are_not_drawn_and_nothing_to_rank_makes_no_sheet():
    baseline = [Row("a", "mean_pose", values={"pve_mm": 1.0})]
    assert ranked_sheet(baseline, lambda key: 1 / 0) is None
    assert ranked_sheet(people("pve_mm", [float("nan")]), lambda key: 1 / 0) is None


def test_fewer_people_than_places_are_all_shown():
    sheet = ranked_sheet(people("oks", [0.5]), lambda key: [np.zeros((30, 30, 3), np.uint8)] * 3)
    assert sheet is not None

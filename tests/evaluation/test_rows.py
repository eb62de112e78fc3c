"""Rows of several processes become one list: complete, each person once, in an order of their own."""

import numpy as np
import pytest

from meshrec.engine.distributed import World
from meshrec.evaluation.rows import Row, gather_rows


def test_rows_are_sorted_by_method_and_key_and_each_person_counts_once(monkeypatch):
    parts = [[Row("b", values={"pve_mm": 2.0}), Row("a")], [Row("b", values={"pve_mm": 9.0}), Row("a", "mean_pose")]]
    monkeypatch.setattr(World, "gather", lambda self, items: [row for part in parts for row in part])
    found = gather_rows([], World())
    assert [(row.method, row.key) for row in found] == [("mean_pose", "a"), ("model", "a"), ("model", "b")]
    assert found[-1].values == {"pve_mm": 2.0}


def test_a_persons_own_figure_is_a_value_or_the_share_of_hits():
    row = Row(
        "a", values={"pve_mm": 3.0}, hits={"pck_02_torso": np.array([1, 0, np.nan, 1]), "pdj_02": np.array([np.nan])}
    )
    assert row.figure("pve_mm") == 3 and row.figure("pck_02_torso") == pytest.approx(2 / 3)
    assert np.isnan(row.figure("pdj_02")) and np.isnan(row.figure("oks"))

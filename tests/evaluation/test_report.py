"""Reports as text, JSON and CSV."""

import csv
import json

import numpy as np
import pytest

from meshrec.errors import InvalidInput
from meshrec.evaluation.figures import FIGURES, KEY_FIGURES
from meshrec.evaluation.report import Report, table, write_reports, write_rows
from meshrec.evaluation.rows import Row


def rows():
    return [
        Row("x#0", values={"pve_mm": 0.1, "oks": float("nan")}, hits={"pck_02_torso": np.array([1.0, 0.0, 1.0, 1.0])}),
        Row("x#1", values={"pve_mm": 0.2}),
        Row("x#0", "mean_pose", values={"pve_mm": 7.0}),
    ]


def test_every_figure_stands_beside_its_count_and_definition():
    report = Report.of(rows(), {"root": "pelvis"}, {"bad.jpg": "it is damaged"})
    assert report.figures == {"model": {"pve_mm": pytest.approx(0.15), "pck_02_torso": 0.75},
                              "mean_pose": {"pve_mm": 7.0}}  # fmt: skip
    lines = table("people", report).splitlines()
    assert lines[0].split() == ["people", "model", "mean_pose"]
    assert lines[1].split()[:4] == ["pve_mm", "n=2", "0.150", "7.000"] and lines[1].endswith(FIGURES["pve_mm"].words)
    assert "n=4" in lines[2] and "(root: pelvis)" in lines[3] and "left out bad.jpg: it is damaged" in lines[4]


def test_many_left_out_are_counted_and_all_are_in_the_json(tmp_path):
    report = Report.of(rows(), {}, {f"{number}.jpg": "damaged" for number in range(9)})
    assert table("people", report).splitlines()[-1] == "  left out 4 more, see the JSON"
    write_reports({"people": report}, tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())["people"]
    assert len(written["left_out"]) == 9 and written["figures"]["model"]["pck_02_torso"] == 0.75
    assert written["definitions"]["pve_mm"] and written["counts"]["model"]["pck_02_torso"] == 4


def test_the_csv_holds_every_persons_own_figures(tmp_path):
    write_rows({"people": rows()}, tmp_path / "people.csv")
    with (tmp_path / "people.csv").open() as file:
        first, second, third = csv.DictReader(file)
    assert (first["set"], first["method"], first["person"]) == ("people", "model", "x#0")
    assert (first["pve_mm"], first["pck_02_torso"], first["oks"]) == ("0.1", "0.75", "")
    assert second["pck_02_torso"] == "" and third["method"] == "mean_pose"


def test_a_file_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="Cannot write"):
        write_reports({}, tmp_path / "none" / "figures.json")


def test_people_can_be_ranked_by_figures_that_exist():
    assert set(KEY_FIGURES) <= set(FIGURES)

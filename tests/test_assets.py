"""Files written safely."""

import json

import pytest

from meshrec.assets import write_json
from meshrec.errors import InvalidInput


def test_json_has_null_where_a_figure_is_no_number(tmp_path):
    path = tmp_path / "figures.json"
    write_json({"a": float("nan"), "b": [1.5, float("inf"), {"c": "x"}], "d": (True, None)}, path)
    assert json.loads(path.read_text()) == {"a": None, "b": [1.5, None, {"c": "x"}], "d": [True, None]}


def test_a_folder_that_does_not_exist_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="choose a folder that exists"):
        write_json({}, tmp_path / "none" / "figures.json")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_json({"a": object()}, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]

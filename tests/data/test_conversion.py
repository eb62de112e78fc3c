"""Converting whole data sets, as the tool does: folders, bad files, missing files."""

import numpy as np
import pytest

from meshrec.data.conversion import FORMATS
from meshrec.data.npz_format import read_annotations
from tests.support.commands import REPOSITORY, load_main
from tests.support.foreign_data import coco_content, spin_arrays, write_json

convert = load_main("tools/convert_dataset.py")


def test_a_folder_goes_on_past_a_bad_file_and_says_so(tmp_path, capsys):
    for name in ("a", "inner/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.savez(tmp_path / f"{name}.npz", **spin_arrays())
    (tmp_path / "bad.npz").write_bytes(b"PK")
    assert convert("spin", tmp_path, "--out", tmp_path / "out.npz") == 0
    said = capsys.readouterr()
    assert len(read_annotations(tmp_path / "out.npz")) == 6
    assert "left out: " in said.err and "bad.npz" in said.err and "1 of 3 files were left out" in said.err
    counts = dict(line.rsplit(maxsplit=1) for line in said.out.splitlines())
    assert counts["people"] == "6" and counts["with body parameters"] == "4" and counts["with a mask"] == "0"


def test_images_that_are_not_there_are_told(tmp_path, capsys):
    source = write_json(tmp_path / "people.json", coco_content())
    (tmp_path / "images").mkdir()
    (tmp_path / "images/000000000007.jpg").touch()
    assert convert("coco", source, "--out", tmp_path / "out.npz", "--images", tmp_path / "images") == 0
    assert "1 images are not in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "layout, source, sentence",
    [
        ("coco", "nowhere", "There is no file or folder"),
        ("coco", ".", "holds no file person_keypoints_\\*.json"),
        ("kinect", ".", "There is no layout 'kinect'; there are coco"),
    ],
)
def test_what_cannot_be_converted_ends_with_a_sentence(tmp_path, capsys, layout, source, sentence):
    assert convert(layout, tmp_path / source, "--out", tmp_path / "out.npz") == 2
    assert __import__("re").search(sentence, capsys.readouterr().err)


def test_a_data_set_of_which_nothing_can_be_read_writes_no_file(tmp_path, capsys):
    (tmp_path / "person_keypoints_a.json").write_text("{}")
    assert convert("coco", tmp_path, "--out", tmp_path / "out.npz") == 2
    assert "None of 1 files could be converted" in capsys.readouterr().err and not (tmp_path / "out.npz").exists()


def test_the_page_and_the_help_name_every_layout(capsys):
    page = (REPOSITORY / "docs/data.md").read_text(encoding="utf-8")
    assert convert("--help") == 0
    said = capsys.readouterr().out
    assert [name for name in FORMATS if f"| `{name} " not in page or name not in said] == []


def test_every_converter_has_what_the_tool_needs():
    for module in FORMATS.values():
        assert module.PATTERNS and module.convert.__doc__ and "licence" in open(module.__file__).read()

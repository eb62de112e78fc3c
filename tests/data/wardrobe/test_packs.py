import json

import pytest

from meshrec.data.wardrobe.build.packs import read_pack
from meshrec.errors import AssetNotFound, InvalidInput


def write(folder, *entries):
    for entry in entries:
        for path in (*entry["files"].values(), *entry.get("alt_diffuse", ())):
            (folder / path).touch()
    (folder / "index.json").write_text(json.dumps(entries))
    return folder


def skin(name, tone):
    return {
        "name": name,
        "kind": "skin",
        "sex": "male",
        "tone": tone,
        "age": "old",
        "files": {"diffuse": f"{name}.jpg"},
    }


def test_entries_come_with_paths_licence_and_author(tmp_path):
    hat = {
        "name": "hat",
        "kind": "hat",
        "files": {"obj": "h.obj"},
        "alt_diffuse": ["b.jpg"],
        "author": "A",
        "licence": "L",
    }
    (asset,) = read_pack(write(tmp_path, hat))
    assert (asset.kind, asset.sex, asset.author, asset.licence) == ("hat", "unisex", "A", "L")
    assert asset.files["obj"] == tmp_path / "h.obj" and asset.other_textures == (tmp_path / "b.jpg",)


def test_the_name_of_a_skin_decides_its_tone(tmp_path):
    folder = write(
        tmp_path,
        skin("old_caucasian", "asian"),
        skin("old_asian", "asian"),
        skin("old_african", ""),
        skin("x", "asian"),
    )
    assert [asset.tone for asset in read_pack(folder)] == ["caucasian", "asian", "african", "asian"]


def test_accessories_are_sleeves(tmp_path):
    folder = write(tmp_path, {"name": "warmers", "kind": "accessory", "files": {}})
    assert read_pack(folder)[0].kind == "sleeves"


def test_a_folder_without_an_index_is_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="give the folder of a pack"):
        read_pack(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    folder = write(tmp_path, skin("a", ""))
    (folder / "a.jpg").unlink()
    with pytest.raises(AssetNotFound, match="a.jpg, which does not exist"):
        read_pack(folder)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"kind": "skin"}]', '[{"kind": "car", "name": "a", "files": {}}]'])
def test_another_json_is_explained(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InvalidInput, match="is not the index of a pack"):
        read_pack(tmp_path)

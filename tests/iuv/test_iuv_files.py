"""IUV written to files and read back."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.iuv.iuv_files import load_iuv, load_iuv_png, save_iuv, save_iuv_png
from meshrec.iuv.paste import PhotoIuv, paste_people
from tests.support.charts import chart_person

SIZE = (24, 32)
PEOPLE = [chart_person((-4, -3), (15, 12), 0.4, seed=1), chart_person((3, 5), (14, 20), 0.9, seed=2)]


@pytest.fixture
def photo():
    return paste_people(PEOPLE, SIZE)


def test_npz_gives_everything_back(photo, tmp_path):
    save_iuv(photo, PEOPLE, tmp_path / "iuv.npz", "our charts")
    saved = load_iuv(tmp_path / "iuv.npz")
    assert torch.equal(saved.photo.labels, photo.labels) and torch.equal(saved.photo.person, photo.person)
    assert torch.equal(saved.photo.uv, photo.uv.half().float())
    assert (saved.photo.uv - photo.uv).abs().max() < 3e-4
    assert torch.equal(saved.boxes_xyxy_px, torch.stack([person.box_xyxy_px for person in PEOPLE]))
    assert saved.scores.tolist() == pytest.approx([0.4, 0.9])
    assert saved.charts == "our charts"


def test_what_was_read_is_written_as_the_same_file_again(photo, tmp_path):
    save_iuv(photo, PEOPLE, tmp_path / "one.npz")
    save_iuv(load_iuv(tmp_path / "one.npz").photo, PEOPLE, tmp_path / "two.npz")
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        assert all(np.array_equal(one[name], two[name]) and one[name].dtype == two[name].dtype for name in one)


def test_npz_holds_plain_small_arrays(photo, tmp_path):
    save_iuv(photo, PEOPLE, tmp_path / "iuv.npz")
    with np.load(tmp_path / "iuv.npz", allow_pickle=False) as arrays:
        kinds = {name: arrays[name].dtype.str[1:] for name in arrays}
    assert kinds.pop("charts").startswith("U")
    assert kinds == {"I": "u1", "U": "f2", "V": "f2", "person": "u1", "boxes_xyxy_px": "f4", "scores": "f4"}


def test_a_photo_without_people_is_a_file_like_any_other(tmp_path):
    save_iuv(paste_people([], SIZE), [], tmp_path / "iuv.npz")
    saved = load_iuv(tmp_path / "iuv.npz")
    assert saved.boxes_xyxy_px.shape == (0, 4) and saved.scores.shape == (0,) and not saved.photo.labels.any()


def test_png_has_part_u_v_in_red_green_blue(photo, tmp_path):
    save_iuv_png(photo, tmp_path / "iuv.png")
    expected = torch.cat([photo.labels[None].float(), (255 * photo.uv).round()]).permute(1, 2, 0).numpy()
    assert np.array_equal(np.array(Image.open(tmp_path / "iuv.png")), expected)
    assert np.array_equal(cv2.imread(str(tmp_path / "iuv.png")), expected[..., ::-1])


def test_png_gives_parts_and_rounded_coordinates_back(photo, tmp_path):
    save_iuv_png(photo, tmp_path / "iuv.png")
    labels, uv = load_iuv_png(tmp_path / "iuv.png")
    assert torch.equal(labels, photo.labels)
    assert (uv - photo.uv).abs().max() <= 0.5001 / 255
    save_iuv_png(PhotoIuv(labels, uv, photo.person), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "iuv.png").read_bytes()


def test_coordinates_beyond_the_chart_stay_within_a_byte(tmp_path):
    labels = torch.ones(1, 2, dtype=torch.long)
    save_iuv_png(PhotoIuv(labels, torch.tensor([[[1.3, -0.2]], [[0.0, 1.0]]]), labels), tmp_path / "iuv.png")
    assert np.array(Image.open(tmp_path / "iuv.png")).tolist() == [[[1, 255, 0], [1, 0, 255]]]


def test_bad_files_and_places_are_explained(photo, tmp_path):
    for load in (load_iuv, load_iuv_png):
        with pytest.raises(AssetNotFound, match="There is no file"):
            load(tmp_path / "none")
        (tmp_path / "junk").write_bytes(b"junk")
        with pytest.raises(InvalidInput, match="junk"):
            load(tmp_path / "junk")
    np.savez(tmp_path / "pickled.npz", I=np.array([{}], dtype=object))
    with pytest.raises(InvalidInput, match="holds no IUV"):
        load_iuv(tmp_path / "pickled.npz")
    save_iuv(photo, PEOPLE[:1], tmp_path / "short.npz")
    with pytest.raises(InvalidInput, match="do not fit together"):
        load_iuv(tmp_path / "short.npz")
    Image.new("RGB", (4, 4), (200, 0, 3)).save(tmp_path / "photo.png")
    with pytest.raises(InvalidInput, match="names part 200"):
        load_iuv_png(tmp_path / "photo.png")
    Image.new("L", (4, 4)).save(tmp_path / "grey.png")
    with pytest.raises(InvalidInput, match="mode is L"):
        load_iuv_png(tmp_path / "grey.png")
    with pytest.raises(InvalidInput, match="must end in .npz"):
        save_iuv(photo, PEOPLE, tmp_path / "iuv.png")
    with pytest.raises(InvalidInput, match="choose a folder that exists"):
        save_iuv_png(photo, tmp_path / "no" / "iuv.png")


@pytest.mark.parametrize("save_and_load", ["npz", "png"])
def test_flipped_and_missing_bytes_are_explained_or_harmless(photo, tmp_path, save_and_load):
    path = tmp_path / f"iuv.{save_and_load}"
    save_iuv(photo, PEOPLE, path) if save_and_load == "npz" else save_iuv_png(photo, path)
    load = load_iuv if save_and_load == "npz" else load_iuv_png
    content, rng = path.read_bytes(), np.random.default_rng(0)
    explained = 0
    for place in rng.integers(len(content), size=300).tolist():
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged if place % 5 else damaged[:place])
        try:
            load(path)
        except InvalidInput:
            explained += 1
    assert explained > 150

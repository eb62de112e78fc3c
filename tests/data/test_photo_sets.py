"""Labelled photographs: the packs' layout, and crops whose labels follow the picture."""

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.data.photo_sets import PhotoPeople, read_photo_pack
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import BODY30

DOT, OTHER_DOT = (70.0, 40.0), (52.0, 80.0)


@pytest.fixture
def pack(tmp_path):
    """A grey photo with a red dot at the left wrist, a green one at the right knee, and a mask around both."""
    picture = np.full((120, 100, 3), 90, np.uint8)
    cv2.circle(picture, (int(DOT[0]), int(DOT[1])), 3, (0, 0, 255), -1)
    cv2.circle(picture, (int(OTHER_DOT[0]), int(OTHER_DOT[1])), 3, (0, 255, 0), -1)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), picture)
    mask = Image.fromarray(np.where(np.arange(100)[None] < 50, 0, 2).repeat(120, 0).astype(np.uint8))
    mask.putpalette([0, 0, 0, 200, 30, 30, 90, 220, 60])
    mask.save(tmp_path / "mask.png")
    person = {
        "bbox": [20, 10, 70, 100],
        "keypoints": [[*DOT, 2], [*OTHER_DOT, 1], [0, 0, 0]],
        "mask_file": "mask.png",
        "mask_id": 2,
    }
    write_index(
        tmp_path,
        {
            "keypoint_names": ["l_wrist", "right_knee", "nose"],
            "images": [{"image": "images/a.png", "people": [person]}],
        },
    )
    return tmp_path


def write_index(folder, index):
    (folder / "index.json").write_text(json.dumps(index))


def test_joints_arrive_by_name_with_their_visibility(pack):
    record = read_photo_pack(pack)[0]
    assert tuple(record.joints_px[BODY30.index("left_wrist")]) == DOT
    assert record.confidence[BODY30.index("left_wrist")] == 1 and record.confidence[BODY30.index("right_knee")] == 0.5
    assert record.confidence.sum() == 1.5


def test_masks_keep_the_palette_indices(pack):
    assert read_photo_pack(pack)[0].read_mask(120, 100).mean() == pytest.approx(0.5)


def test_polygons_serve_as_masks(pack):
    index = json.loads((pack / "index.json").read_text())
    person = index["images"][0]["people"][0]
    del person["mask_file"]
    person["segmentation"] = [[0, 0, 49, 0, 49, 119, 0, 119]]
    write_index(pack, index)
    assert read_photo_pack(pack)[0].read_mask(120, 100).mean() == pytest.approx(0.5, abs=0.02)


def test_crops_move_picture_joints_and_mask_together_also_when_mirrored(pack):
    batch = PhotoPeople.from_packs([pack], vertex_count=4).batch(16, 96, seed=3)
    redness = batch.images[:, 0] - 0.5 * batch.images[:, 1:].sum(1)
    mirrored = 0
    for sample in range(16):
        wrist = [
            name for name in ("left_wrist", "right_wrist") if batch.joint_confidence[sample, BODY30.index(name)] > 0
        ]
        if not wrist:
            continue
        mirrored += wrist == ["right_wrist"]
        assert (torch.linalg.det(batch.turn_cam[sample]) < 0) == (wrist == ["right_wrist"])
        x, y = ((batch.joints_ndc[sample, BODY30.index(wrist[0])] + 1) * 48).tolist()
        row, column = divmod(int(redness[sample].argmax()), 96)
        assert abs(column + 0.5 - x) < 5 and abs(row + 0.5 - y) < 5
        assert batch.mask[sample, min(95, int(y)), min(95, int(x))] == 1
    assert 0 < mirrored < 16 and (batch.person == 0).all()


def test_the_same_seed_gives_the_same_batch_and_another_does_not(pack):
    people = PhotoPeople.from_packs([pack], vertex_count=4)
    assert torch.equal(people.batch(4, 32, 1).images, people.batch(4, 32, 1).images)
    assert not torch.equal(people.batch(4, 32, 1).images, people.batch(4, 32, 2).images)


def test_a_folder_without_an_index_and_a_broken_index_are_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="has no index.json"):
        read_photo_pack(tmp_path)
    write_index(tmp_path, {"images": []})
    with pytest.raises(InvalidInput, match="not a photo pack's index"):
        read_photo_pack(tmp_path)

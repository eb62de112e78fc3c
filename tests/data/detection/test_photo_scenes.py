"""Whole photographs with boxed people: the pack's layout, and views whose labels follow the picture."""

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.data.detection.chart_mirror import mirror_shipped_charts
from meshrec.data.detection.photo_scenes import PhotoScenes, read_scene_pack
from meshrec.data.detection.scene_labels import SceneLabels
from meshrec.data.detection.scene_view import SceneView
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import COCO17

HEIGHT, WIDTH = 120, 160
RED, GREEN, BLUE = (20, 30, 60, 100), (110, 10, 40, 30), (120, 60, 30, 30)  # x, y, width, height


@pytest.fixture
def pack(tmp_path):
    """A grey photo of a red and a green person with masks, and one of a red one without and a blue crowd."""
    (tmp_path / "images").mkdir()
    entries = []
    for name, people in (("masked", (RED, GREEN)), ("boxed", (RED, BLUE))):
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for value, (x, y, width, height) in enumerate(people, start=1):
            colour = {RED: (255, 0, 0), GREEN: (0, 255, 0), BLUE: (0, 0, 255)}[x, y, width, height]
            picture[y : y + height, x : x + width], mask[y : y + height, x : x + width] = colour, value
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), np.ascontiguousarray(picture[..., ::-1]))
        labels = Image.fromarray(mask)
        labels.putpalette([0, 0, 0, 200, 30, 30, 90, 220, 60])
        labels.save(tmp_path / f"{name}_mask.png")
        entries.append(
            {
                "image": f"images/{name}.png",
                "width": WIDTH,
                "height": HEIGHT,
                "all_people_labelled": name == "masked",
                "people": [{"bbox": list(box), "iscrowd": int(box == BLUE)} for box in people],
            }
        )
    entries[0]["mask_file"] = "masked_mask.png"
    entries[0]["people"][0] |= {"mask_id": 1, "keypoints": [[25.0, 40.0, 2], [75.0, 40.0, 1], [0, 0, 0]]}
    entries[0]["people"][1] |= {"mask_id": 2}
    write_index(tmp_path, {"keypoint_names": ["right_wrist", "left_wrist", "nose"], "images": entries})
    return tmp_path


def write_index(folder, index):
    (folder / "index.json").write_text(json.dumps(index))


def mask_of(batch, image, channel):
    """Pixels of one picture in which a colour stands out."""
    others = [other for other in range(3) if other != channel]
    return batch.images[image, channel] > batch.images[image, others].amax(0) + 0.15


def test_labels_arrive_with_what_is_known(pack):
    masked, boxed = read_scene_pack(pack)
    assert masked.labels.boxes_xyxy_px.tolist() == [[20, 30, 80, 120], [110, 10, 150, 40]]  # cut at the picture's edge
    assert masked.labels.has_mask.all() and masked.labels.everyone_labelled
    assert masked.labels.keypoint_confidence[0, COCO17.index("right_wrist")] == 1
    assert masked.labels.keypoint_confidence[0, COCO17.index("left_wrist")] == 0.5
    assert masked.labels.keypoint_confidence.sum() == 1.5
    assert not boxed.labels.has_mask.any() and not boxed.labels.everyone_labelled
    assert boxed.labels.is_crowd.tolist() == [False, True]


def test_a_whole_photograph_fills_the_square_and_nothing_else(pack):
    batch = PhotoScenes.from_pack(pack).whole([0, 1], 80)
    assert batch.sizes_px.tolist() == [[60, 80], [60, 80]] and batch.images[:, :, 60:].sum() == 0
    assert batch.image_index.tolist() == [0, 0, 1, 1]
    assert batch.boxes_xyxy_px.tolist() == [[10, 15, 40, 60], [55, 5, 75, 20], [10, 15, 40, 60], [60, 30, 75, 45]]
    assert (batch.person_map[0, 16:59, 11:39] == 1).all() and (batch.person_map[0, 6:19, 56:74] == 2).all()
    # Pixels of a person without a mask and of a crowd are unknown, the rest of the photograph shows nobody.
    assert set(batch.person_map[1].unique().tolist()) == {-1, 0}
    assert (batch.person_map[1, 15:60, 10:40] == -1).all() and (batch.person_map[1, :, 76:] == 0).all()
    assert batch.everyone_labelled.tolist() == [True, False]


def test_views_move_picture_boxes_masks_and_keypoints_together(pack):
    scenes = PhotoScenes(read_scene_pack(pack)[:1])
    batch = scenes.batch(40, 96, seed=1)
    mirrored = seen = 0
    for image in range(40):
        height, width = batch.sizes_px[image].tolist()
        for person in ((batch.image_index == image) & ~batch.is_crowd).nonzero()[:, 0].tolist():
            own = batch.person_map[image] == 1 + person
            left, top, right, bottom = batch.boxes_xyxy_px[person].tolist()
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
            colours = [(own & mask_of(batch, image, channel)).sum() for channel in (0, 1)]
            if max(colours) < 30:  # washed out by the light
                continue
            seen += 1
            channel = int(colours[1] > colours[0])
            assert (own & mask_of(batch, image, channel)).sum() > 0.85 * own.sum()
            rows, columns = own.any(1).nonzero()[:, 0], own.any(0).nonzero()[:, 0]
            found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            assert max(abs(float(a) - b) for a, b in zip(found, (left, top, right, bottom))) <= 1.5
            wrists = {
                name: batch.keypoints_px[person, COCO17.index(name)].tolist()
                for name in ("left_wrist", "right_wrist")
                if batch.keypoint_confidence[person, COCO17.index(name)] > 0
            }
            if channel == 0 and len(wrists) == 2:
                # A mirrored person's right wrist is the left wrist of the person that is seen, who still faces us.
                mirrored += float(batch.keypoint_confidence[person, COCO17.index("left_wrist")]) == 1
                assert wrists["left_wrist"][0] > wrists["right_wrist"][0]
                assert all(left < x < right and top < y < bottom for x, y in wrists.values())
    assert seen > 30 and 3 < mirrored < 35


def test_people_hardly_inside_the_view_are_ignored_and_those_outside_are_gone(pack):
    batch = PhotoScenes(read_scene_pack(pack)[:1]).batch(200, 40, seed=2)
    ignored = batch.is_crowd.nonzero()[:, 0]
    assert 0 < len(ignored) < batch.people_count < 400
    for person in ignored.tolist():
        image = batch.image_index[person]
        left, top, right, bottom = batch.boxes_xyxy_px[person].round().long().tolist()
        box = batch.person_map[image, top:bottom, left:right]
        assert not (batch.person_map == 1 + person).any() and not batch.has_mask[person]
        assert box.numel() == 0 or (box == -1).any()
    named = batch.person_map.unique()
    assert set((named[named > 0] - 1).tolist()) <= set((~batch.is_crowd).nonzero()[:, 0].tolist())


def test_a_mask_of_which_no_pixel_is_left_is_no_mask():
    boxes = np.array([[10, 10, 40, 60], [50, 10, 80, 60]], np.float32)
    labels = SceneLabels.of_boxes(boxes, has_mask=np.array([True, True]))
    person_map = np.zeros((80, 100), np.int16)
    person_map[10:60, 50:80] = 2
    view = SceneView.whole(80, 100, 100)
    scene = view.scene(np.zeros((80, 100, 3), np.uint8), person_map, labels, mirror_shipped_charts)
    assert scene.labels.has_mask.tolist() == [False, True] and not scene.labels.is_crowd.any()


def test_the_same_seed_gives_the_same_batch_and_another_does_not(pack):
    scenes = PhotoScenes.from_pack(pack)
    first, again, other = scenes.batch(4, 64, 1), scenes.batch(4, 64, 1), scenes.batch(4, 64, 2)
    assert torch.equal(first.images, again.images) and torch.equal(first.person_map, again.person_map)
    assert not torch.equal(first.images, other.images)


def test_a_folder_without_an_index_a_broken_index_and_a_foreign_mask_are_explained(tmp_path, pack):
    with pytest.raises(AssetNotFound, match="has no index.json"):
        read_scene_pack(tmp_path / "images")
    Image.new("P", (5, 5)).save(pack / "masked_mask.png")
    with pytest.raises(InvalidInput, match="must have 160 x 120 pixels"):
        PhotoScenes.from_pack(pack).whole([0], 64)
    write_index(tmp_path, {"images": []})
    with pytest.raises(InvalidInput, match="not the index of a pack of scenes"):
        read_scene_pack(tmp_path)

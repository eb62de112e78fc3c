"""A batch of whole pictures to look at: who is where, in boxes and colours, and the parts where dense IUV is known."""

from __future__ import annotations

import cv2
import numpy as np

from meshrec.structures.scene_batch import UNKNOWN_PERSON, SceneBatch
from meshrec.vis.colours import person_colour, uv_colours

_BLEND = 0.45
_IGNORED = (90, 90, 90)


def draw_scenes(batch: SceneBatch, *, with_targets: bool = False) -> list[np.ndarray]:
    """Pictures (h, w, 3) uint8 RGB of a batch, without their padding.

    Args:
        with_targets: beside each picture the people in one colour each with their boxes and keypoints (grey where
            nothing is known), and beside that the chart coordinates and annotated points.
    """
    batch = batch.to("cpu")
    drawn = []
    for number, (height, width) in enumerate(batch.sizes_px.tolist()):
        picture = np.ascontiguousarray(batch.images[number, :, :height, :width].permute(1, 2, 0).numpy() * 255 + 0.5)
        panels = [picture.astype(np.uint8)]
        if with_targets:
            panels += [_people(batch, number, panels[0]), _charts(batch, number, panels[0])]
        drawn.append(np.concatenate(panels, axis=1))
    return drawn


def _people(batch: SceneBatch, number: int, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    person_map = batch.person_map[number, :height, :width].numpy()
    people = (batch.image_index == number).nonzero()[:, 0].tolist()
    drawn = _tinted(picture, person_map == UNKNOWN_PERSON, _IGNORED)
    for person in people:
        colour = _colour(batch, person)
        drawn = _tinted(drawn, person_map == 1 + person, colour)
    for person in people:
        left, top, right, bottom = (round(edge) for edge in batch.boxes_xyxy_px[person].tolist())
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), _colour(batch, person), 1)
        seen = batch.keypoint_confidence[person] > 0
        for x, y in batch.keypoints_px[person][seen].tolist():
            cv2.circle(drawn, (int(x), int(y)), 1, (255, 255, 0), -1)
    return drawn


def _charts(batch: SceneBatch, number: int, picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    part = batch.part_map[number, :height, :width].numpy()
    uv = batch.uv_map[number, :, :height, :width].permute(1, 2, 0).numpy()
    drawn = picture // 2
    colours = 255 * uv_colours(uv) * (0.6 + 0.4 * (part % 2))[..., None]
    drawn[part > 0] = colours[part > 0].astype(np.uint8)
    for person, (x, y), own in zip(batch.point_person.tolist(), batch.points_px.tolist(), batch.points_uv.numpy()):
        if batch.image_index[person] == number:
            cv2.circle(drawn, (int(x), int(y)), 1, tuple((255 * uv_colours(own)).tolist()), -1)
    return drawn


def _colour(batch: SceneBatch, person: int) -> tuple[int, int, int]:
    if batch.is_crowd[person]:
        return _IGNORED
    return tuple(int(255 * level) for level in person_colour(person))


def _tinted(picture: np.ndarray, where: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    tinted = picture.copy()
    tinted[where] = ((1 - _BLEND) * picture[where] + _BLEND * np.array(colour)).astype(np.uint8)
    return tinted

"""Random views of a whole photograph: a window of it at some scale, mirrored, re-lit, with all labels moved along."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from meshrec.data.detection.chart_mirror import ChartMirror
from meshrec.data.detection.scene_labels import DrawnScene, SceneLabels, ScenePoints
from meshrec.structures import COCO17
from meshrec.structures.scene_batch import UNKNOWN_PERSON

_ZOOM = (0.6, 1.9)  # of the photograph's long side over the batch's side
_STRETCH = 0.06  # deviation of the logarithm of width over height
_LEAST_VISIBLE = 0.3  # share of a box inside the window below which nobody could say that it shows a person
_LEAST_SIDE_PX = 5.0  # of a person's longer side; what is smaller is ignored
_GREY, _BLURRED = 0.06, 0.2


@dataclass(frozen=True)
class SceneView:
    """One view of one photograph.

    Attributes:
        scaled_px: (height, width) that the whole photograph gets.
        window_px: left, top, width, height of what the view shows of it then.
        mirror: whether left and right change places, last of all.
        tone: (256, 3) uint8, what becomes of each level of red, green and blue.
        colourless: 0 as it is, 1 grey.
        blur_px: standard deviation, 0 for none.
    """

    scaled_px: tuple[int, int]
    window_px: tuple[int, int, int, int]
    mirror: bool = False
    tone: np.ndarray | None = None
    colourless: float = 0.0
    blur_px: float = 0.0

    @classmethod
    def whole(cls, height: int, width: int, size: int) -> SceneView:
        """The photograph as it is, its long side as long as the batch's."""
        zoom = size / max(height, width)
        scaled = max(1, round(height * zoom)), max(1, round(width * zoom))
        return cls(scaled, (0, 0, scaled[1], scaled[0]))

    @classmethod
    def draw(cls, height: int, width: int, size: int, dice: np.random.Generator, may_mirror: bool = True) -> SceneView:
        """A random view that fits a square of side ``size``."""
        zoom = size / max(height, width) * math.exp(dice.uniform(*np.log(_ZOOM)))
        stretch = math.exp(0.5 * _STRETCH * dice.standard_normal())
        scaled = max(8, round(height * zoom / stretch)), max(8, round(width * zoom * stretch))
        shown = min(scaled[1], size), min(scaled[0], size)
        left, top = (int(dice.integers(0, whole - part + 1)) for whole, part in zip(scaled[::-1], shown))
        mirror = bool(dice.random() < 0.5) and may_mirror
        gain = np.exp(0.15 * dice.standard_normal() + 0.06 * dice.standard_normal(3))
        gamma, offset = math.exp(0.2 * dice.standard_normal()), 0.04 * dice.standard_normal()
        levels = np.arange(256)[:, None] / 255
        tone = np.clip(255 * (gain * levels**gamma + offset), 0, 255).astype(np.uint8)
        grey = 1.0 if dice.random() < _GREY else dice.uniform(-0.25, 0.4)
        blur = dice.uniform(0.4, 1.3) if dice.random() < _BLURRED else 0.0
        return cls(scaled, (left, top, *shown), mirror, tone, grey, blur)

    def scene(
        self, pixels: np.ndarray, person_map: np.ndarray, labels: SceneLabels, mirror_charts: ChartMirror
    ) -> DrawnScene:
        """The view of a photograph (H, W, 3) uint8 RGB, of its map of people (H, W), and of its labels."""
        moved = self._labels(labels, person_map.shape, mirror_charts)
        return _settled(DrawnScene(self.picture(pixels), self._map(person_map), moved))

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8 RGB."""
        shrinks = self.scaled_px[0] < pixels.shape[0]
        picture = self._windowed(pixels, cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if self.blur_px:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        if self.tone is not None:
            picture = cv2.LUT(np.ascontiguousarray(picture), self.tone[None])
        if self.colourless:
            grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            picture = cv2.addWeighted(picture, 1 - self.colourless, grey, self.colourless, 0)
        return picture

    def points(self, points_px: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        """(..., 2) pixels of a photograph of that size in the view."""
        left, top, width, _ = self.window_px
        scale = np.array([self.scaled_px[1] / size_px[1], self.scaled_px[0] / size_px[0]])
        moved = points_px * scale - [left, top]
        if self.mirror:
            moved = np.stack([width - moved[..., 0], moved[..., 1]], -1)
        return moved.astype(np.float32)

    def _windowed(self, pixels: np.ndarray, interpolation: int) -> np.ndarray:
        left, top, width, height = self.window_px
        scaled = pixels
        if self.scaled_px != pixels.shape[:2]:
            scaled = cv2.resize(pixels, self.scaled_px[::-1], interpolation=interpolation)
        window = scaled[top : top + height, left : left + width]
        return np.ascontiguousarray(window[:, ::-1] if self.mirror else window)

    def _map(self, person_map: np.ndarray) -> np.ndarray:
        """Nearest values at pixel centres."""
        left, top, width, height = self.window_px
        rows, columns = (
            ((np.arange(start, start + length) + 0.5) * full / scaled).astype(int)
            for start, length, full, scaled in zip((top, left), (height, width), person_map.shape, self.scaled_px)
        )
        return person_map[np.ix_(rows, columns[::-1] if self.mirror else columns)]

    def _labels(self, labels: SceneLabels, size_px: tuple[int, int], mirror_charts: ChartMirror) -> SceneLabels:
        """Labels in the view, boxes not yet cut."""
        corners = self.points(labels.boxes_xyxy_px.reshape(-1, 2, 2), size_px)
        boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
        keypoints, confidence = self.points(labels.keypoints_px, size_px), labels.keypoint_confidence
        points = replace(labels.points, px=self.points(labels.points.px, size_px))
        if self.mirror:
            order = list(COCO17.mirror)
            keypoints, confidence = keypoints[:, order], confidence[:, order]
            if len(points):
                part, uv = mirror_charts(points.part, points.uv)
                points = replace(points, part=part, uv=uv.astype(np.float32))
        inside = self._inside(keypoints)
        return replace(
            labels,
            boxes_xyxy_px=boxes,
            keypoints_px=np.where(inside[..., None], keypoints, 0).astype(np.float32),
            keypoint_confidence=(confidence * inside).astype(np.float32),
            points=_chosen_points(points, self._inside(points.px)),
        )

    def _inside(self, points_px: np.ndarray) -> np.ndarray:
        return ((points_px >= 0) & (points_px < self.window_px[2:])).all(-1)


def _settled(scene: DrawnScene) -> DrawnScene:
    """The scene with boxes cut at its edges, without those outside, and with hardly visible people to be ignored."""
    labels, person_map = scene.labels, scene.person_map
    height, width = person_map.shape
    whole = labels.boxes_xyxy_px
    boxes = whole.clip(0, [width, height, width, height]).astype(np.float32)
    sides, area = boxes[:, 2:] - boxes[:, :2], (whole[:, 2:] - whole[:, :2]).prod(1)
    left_over = sides.prod(1) / np.maximum(area, 1e-6)
    ignored = ~labels.is_crowd & ((left_over < _LEAST_VISIBLE) | (sides.max(1, initial=0.0) < _LEAST_SIDE_PX))
    kept = sides.min(1, initial=np.inf) > 0
    number = np.cumsum(kept)
    # What becomes of 0 (nobody), of each person, and of -1 (unknown), which is the last entry.
    becomes = np.concatenate([[0], np.where(kept & ~ignored, number, UNKNOWN_PERSON), [UNKNOWN_PERSON]])
    person_map = becomes.astype(np.int16)[person_map]
    for person in (kept & ~ignored & labels.has_mask & (left_over < 1)).nonzero()[0]:
        boxes[person] = _tightened(boxes[person], person_map == number[person])
    points = labels.points
    points = _chosen_points(points, (kept & ~ignored)[points.person])
    points = replace(points, person=number[points.person] - 1)
    confidence = labels.keypoint_confidence * ~ignored[:, None]
    settled = SceneLabels(
        boxes[kept],
        (labels.is_crowd | ignored)[kept],
        (labels.has_mask & ~ignored)[kept] & np.isin(np.arange(1, number.max(initial=0) + 1), person_map),
        labels.keypoints_px[kept],
        confidence[kept],
        points,
        labels.everyone_labelled,
    )
    return DrawnScene(scene.picture, person_map, settled)


def _tightened(box_xyxy_px: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A box that the window cut, around what is left of the person; as it is where no pixel is."""
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    if not len(rows):
        return box_xyxy_px
    low = np.maximum(box_xyxy_px[:2], [columns[0], rows[0]])
    high = np.minimum(box_xyxy_px[2:], [columns[-1] + 1, rows[-1] + 1])
    return np.concatenate([low, high]) if (low < high).all() else box_xyxy_px


def _chosen_points(points: ScenePoints, chosen: np.ndarray) -> ScenePoints:
    return ScenePoints(points.person[chosen], points.px[chosen], points.part[chosen], points.uv[chosen])

"""Contact sheets of the best, the median and the worst people of a set, with the mesh drawn over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch

from meshrec.engine.pictures import mesh_over
from meshrec.evaluation.figures import FIGURES, KEY_FIGURES
from meshrec.evaluation.people import LabelledPhoto, PhotoSet
from meshrec.evaluation.photographs import PhotoMeter
from meshrec.evaluation.rows import Row
from meshrec.evaluation.synthetic import BATCH, SyntheticTestSet
from meshrec.pipeline import MeshModel
from meshrec.structures import MeshPrediction
from meshrec.vis.contact_sheet import contact_sheet
from meshrec.vis.iuv_picture import draw_iuv
from meshrec.vis.overlay import draw_overlay

PEOPLE_PER_ROW = 4
_THUMBNAIL_PX = 240
_GREY = 0.5
# The picture, the net's correspondence where there is one, and the mesh over the picture.
Draw = Callable[[str], list[np.ndarray]]


def ranked_sheet(rows: Sequence[Row], draw: Draw, people: int = PEOPLE_PER_ROW) -> np.ndarray | None:
    """One line each of the best, the median and the worst people, with their figures below.

    Returns:
        (H, W, 3) uint8, or None where no person has a figure to rank it by.
    """
    name, ranked = rank([row for row in rows if row.method == "model"])
    if not ranked:
        return None
    count = min(people, len(ranked))
    middle = (len(ranked) - count) // 2
    lines = {"best": ranked[:count], "median": ranked[middle : middle + count], "worst": ranked[len(ranked) - count :]}
    pictures, captions, columns = [], [], 1
    for title, line in lines.items():
        for row in line:
            drawn = [_thumbnail(picture) for picture in draw(row.key)]
            columns = count * len(drawn)
            pictures += drawn
            captions += [
                f"{title}: {name} {row.figure(name):.3g}",
                row.key.rpartition("/")[2],
                *[""] * (len(drawn) - 2),
            ]
    return contact_sheet(pictures, columns, captions)


def rank(rows: Sequence[Row]) -> tuple[str, list[Row]]:
    """The figure that most says how good a prediction is, and the rows that have it, best first."""
    for name in KEY_FIGURES:
        measured = [row for row in rows if not math.isnan(row.figure(name))]
        if measured:
            sign = 1 if FIGURES[name].lower_is_better else -1
            return name, sorted(measured, key=lambda row: (sign * row.figure(name), row.key))
    return "", []


def draw_photo_people(meter: PhotoMeter, photographs: PhotoSet) -> Draw:
    """How the people of photographs are drawn: cut out with some surroundings."""
    place_of = {photographs.title(index): index for index in range(len(photographs))}

    def draw(key: str) -> list[np.ndarray]:
        title, _, _ = key.rpartition("#")
        labelled = photographs.read(place_of[title])
        number = [person.key for person in labelled.people].index(key)
        with torch.no_grad():
            prediction = meter.predict(labelled)[number]
        return _photo_pictures(labelled, prediction)

    return draw


def draw_synthetic_people(model: MeshModel, test_set: SyntheticTestSet, count: int) -> Draw:
    """How synthetic people are drawn: the crop as it is."""

    def draw(key: str) -> list[np.ndarray]:
        start = int(key) // BATCH * BATCH
        images = test_set.batch(start, count, model.input_size).images[int(key) - start :][:1].to(model.device)
        with torch.no_grad():
            bodies = model.bodies(images)
        meshes = mesh_over(images, bodies.vertices, bodies.camera, model.body.faces.to(images.device))
        return [_to_uint8(picture[0]) for picture in (images, meshes)]

    return draw


def _photo_pictures(labelled: LabelledPhoto, prediction: MeshPrediction) -> list[np.ndarray]:
    pixels = labelled.photo.pixels
    drawn = [pixels, draw_overlay(pixels, [prediction])]
    if prediction.iuv is not None:
        drawn.insert(1, draw_iuv(pixels, [prediction]))
    return [_cut(picture, prediction) for picture in drawn]


def _cut(picture: np.ndarray, prediction: MeshPrediction) -> np.ndarray:
    """The square around the person, grey beyond the photo."""
    x, y, side = prediction.crop_box_px.tolist()
    scale = _THUMBNAIL_PX / side
    place = np.array([[scale, 0, -scale * (x - side / 2)], [0, scale, -scale * (y - side / 2)]])
    if scale < 1:  # averaged first, because the warp below samples single pixels
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        place[:, :2] = np.eye(2)
    grey = (round(255 * _GREY),) * 3
    return cv2.warpAffine(picture, place, (_THUMBNAIL_PX, _THUMBNAIL_PX), borderMode=cv2.BORDER_CONSTANT,
                          borderValue=grey)  # fmt: skip


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)


def _to_uint8(picture: torch.Tensor) -> np.ndarray:
    return (picture.float().clamp(0, 1).permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)

"""Contact sheets of fits: the best, the median and the worst people, their joints beside the fitted mesh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meshrec.body import BodyModel
from meshrec.data.annotations import Annotations
from meshrec.data.keypoint_layouts import joint_set_called
from meshrec.data.pictures import labelled_picture
from meshrec.errors import InvalidInput
from meshrec.fit_job.crops import CROP_PX, crop_evidence, crop_view
from meshrec.fit_job.fitted_bodies import fitted_body
from meshrec.structures import BODY30
from meshrec.vis.contact_sheet import contact_sheet
from meshrec.vis.joints_picture import draw_joints
from meshrec.vis.overlay import draw_overlay

PEOPLE_PER_ROW = 4


def fit_sheet(people: Annotations, images: Path, body: BodyModel, count: int = PEOPLE_PER_ROW) -> np.ndarray | None:
    """A line each of the best, the median and the worst of the kept fits, and of the first and the worst others.

    Returns:
        (H, W, 3) uint8, or None without fits.
    Raises:
        InvalidInput: a picture cannot be read.
    """
    lines = ranked_lines(people, count)
    if not lines:
        return None
    pictures, captions = [], []
    for title, rows in lines.items():
        for row in rows:
            pictures += draw_fit(people.select([row]), images, body)
            error, energy = 100 * people.fit_error[row], people.fit_energy[row]
            captions += [f"{title}: {error:.2f} %, energy {energy:.0f}", Path(str(people.image[row])).stem]
        missing = 2 * (count - len(rows))  # a line of few people is filled up, so that the next one starts below
        pictures += [np.full((CROP_PX, CROP_PX, 3), 255, np.uint8)] * missing
        captions += [""] * missing
    return contact_sheet(pictures, 2 * count, captions)


def ranked_lines(people: Annotations, count: int) -> dict[str, Sequence[int]]:
    """Rows of people to show, by the title of their line: by error among the kept fits, then among the others."""
    lines: dict[str, Sequence[int]] = {}
    kept, others = (_ranked(people, people.is_fitted & chosen) for chosen in (people.fit_kept, ~people.fit_kept))
    if len(kept):
        lines |= {"best": kept[:count], "median": _middle(kept, count), "worst kept": kept[-count:]}
    if len(others):
        lines |= {"best rejected": others[:count], "median rejected": _middle(others, count), "worst": others[-count:]}
    return lines


def draw_fit(person: Annotations, images: Path, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """The crop around one person with the labelled joints, and with the fitted mesh, (224, 224, 3) uint8 each."""
    if len(person) != 1 or not person.is_fitted[0]:
        raise InvalidInput("Only one person with a fit can be drawn at a time.")
    crop = crop_view(person).picture(labelled_picture(person, 0, images))
    evidence = crop_evidence(person)
    joint_set = joint_set_called(person.joint_set) or BODY30
    joints = draw_joints(crop, evidence.joints_px[0].numpy(), evidence.confidence[0].numpy(), joint_set)
    return joints, draw_overlay(crop, [fitted_body(person, body)], opacity=0.75)


def _ranked(people: Annotations, chosen: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(people.fit_error[rows], kind="stable")]


def _middle(rows: np.ndarray, count: int) -> np.ndarray:
    start = max(0, (len(rows) - count) // 2)
    return rows[start : start + count]

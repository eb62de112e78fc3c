"""Labelled people in photographs, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from meshrec.data.photo import Photo
from meshrec.structures import BODY30


@dataclass(frozen=True)
class DensePosePoints:
    """Annotated points of DensePose's charts.

    Attributes:
        part: (N,) 1 to 24.
        chart_uv: (N, 2) in the part's chart.
        px: (N, 2) where in the photo.
    """

    part: np.ndarray
    chart_uv: np.ndarray
    px: np.ndarray


@dataclass(frozen=True)
class LabelledPerson:
    """One person of a photograph; what is not labelled is None, or zero with confidence zero.

    Attributes:
        key: names the person within its set.
        box_xywh_px: around the person.
        joints_px, joint_confidence: (30, 2) and (30,) in the order of BODY30; 1 visible, 0.5 hidden, 0 not labelled.
        mask: (H, W) bool.
        vertices: (V, 3) metres in camera axes, any origin, of the body in use.
        joints_cam, joints_known: (30, 3) metres in camera axes, any origin, and (30,) bool.
        densepose: annotated points.
        box_parts: (S, S) DensePose's 14 coarse parts, 0 background, of the box stretched to a square.
        track, frame: which recording and person, and which frame; empty and -1 outside recordings.
    """

    key: str
    box_xywh_px: tuple[float, float, float, float]
    joints_px: np.ndarray
    joint_confidence: np.ndarray
    mask: np.ndarray | None = None
    vertices: Tensor | None = None
    joints_cam: np.ndarray | None = None
    joints_known: np.ndarray | None = None
    densepose: DensePosePoints | None = None
    box_parts: np.ndarray | None = None
    track: str = ""
    frame: int = -1


@dataclass(frozen=True)
class LabelledPhoto:
    """A photograph with the people that are labelled on it; its focal length in pixels where that is known."""

    photo: Photo
    people: tuple[LabelledPerson, ...]
    focal_px: float | None = None


class PhotoSet(Protocol):
    """A test set of photographs.

    Attributes:
        name: what it is called in reports.
        labelled_joints: which of BODY30's joints it labels in 2D.
    """

    name: str
    labelled_joints: tuple[str, ...]

    def __len__(self) -> int:
        """Photographs."""

    def title(self, index: int) -> str:
        """Names a photograph in messages."""

    def read(self, index: int) -> LabelledPhoto:
        """Raises InvalidInput where the picture or a mask cannot be read."""

    def describe(self) -> dict[str, str]:
        """What it is, in words and checksums, for the protocol."""


def joint_names(confidence: np.ndarray) -> tuple[str, ...]:
    """The joints of BODY30 that at least one of N people has, from (N, 30)."""
    return tuple(name for name, labelled in zip(BODY30.names, (np.asarray(confidence) > 0).any(0)) if labelled)

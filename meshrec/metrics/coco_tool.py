"""pycocotools, COCO's own evaluation tool: the one place that calls it (optional, extra ``eval``)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from meshrec.optional import require


def judge(
    kind: str, images: int, labels: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]], purpose: str
) -> Any:
    """Let pycocotools match results with labels and add them up.

    Args:
        kind: ``bbox`` or ``keypoints``.
        images: their number; they are called 1, 2, ...
        labels: annotations in COCO's layout but for `id` and `category_id`.
        results: detections in COCO's layout of results but for `category_id`.
        purpose: what needs it, for the message.
    Returns:
        Its ``COCOeval``, of which ``stats`` holds the figures and ``eval`` the curves.
    Raises:
        MissingDependency: pycocotools is not installed.
    """
    coco = require("pycocotools.coco", purpose=purpose, extra="eval")
    evaluation = require("pycocotools.cocoeval", purpose=purpose, extra="eval")
    with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress by printing
        truth = _dataset(coco, images, [{**label, "id": number} for number, label in enumerate(labels, start=1)])
        # It cannot load an empty list of results, though it can judge one.
        found = (
            truth.loadRes([{**result, "category_id": 1} for result in results])
            if results
            else _dataset(coco, images, [])
        )
        judged = evaluation.COCOeval(truth, found, kind)
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return judged


def _dataset(coco: Any, images: int, annotations: list[dict[str, Any]]) -> Any:
    dataset = coco.COCO()
    dataset.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(1, images + 1)],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{**annotation, "category_id": 1} for annotation in annotations],
    }
    dataset.createIndex()
    return dataset

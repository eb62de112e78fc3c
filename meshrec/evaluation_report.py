"""A whole evaluation: every requested test set measured, printed as tables, written as JSON and drawn as pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from meshrec.assets import write_json
from meshrec.build import Surface, TrainConfig, load_model
from meshrec.config import load_config
from meshrec.engine.pictures import draw_predictions
from meshrec.errors import InvalidInput
from meshrec.evaluation import (
    BATCH,
    TEST_SEED,
    PhotoResult,
    Report,
    evaluate_photos,
    evaluate_synthetic,
    synthetic_test_people,
)
from meshrec.vis.contact_sheet import contact_sheet, save_png
from meshrec.vis.overlay import draw_overlay

_THUMBNAIL_PX = 240


def run_evaluation(
    config_path: str | Path,
    overrides: Sequence[str] = (),
    *,
    weights: str | Path | None = None,
    data: Sequence[str] = (),
    people: int = 1000,
    json_path: str | Path | None = None,
    pictures: str | Path | None = None,
    device: str | None = None,
) -> str:
    """Measure a model and return the tables.

    Args:
        data: ``NAME=PATH`` words, each a photo pack.
        people: synthetic test people; 0 leaves that set out.
        pictures: folder for contact sheets.
    """
    packs = [_name_and_path(word) for word in data]
    config = load_config(TrainConfig, config_path, overrides)
    model, surface = load_model(weights, device=device), Surface.load()
    reports: dict[str, Report] = {}
    if pictures is not None:
        Path(pictures).mkdir(parents=True, exist_ok=True)
    if people:
        source = synthetic_test_people(config.data, surface)
        reports["synthetic"] = evaluate_synthetic(model, surface, source, people, _bar("synthetic"))
        if pictures is not None:
            batch = source.batch(min(BATCH, people), model.input_size, TEST_SEED)[slice(0, 24)].to(model.device)
            with torch.no_grad():
                output = model.net(batch.images)
            save_png(draw_predictions(batch, output, model.body.faces), Path(pictures) / "synthetic.png")
    for name, path in packs:
        reports[name], results = evaluate_photos(model, path, _bar(name))
        if pictures is not None:
            save_png(overlay_sheet(results), Path(pictures) / f"{name}.png")
    if json_path is not None:
        write_json({name: dataclasses.asdict(report) for name, report in reports.items()}, json_path)
    return "\n\n".join(table(name, report) for name, report in reports.items())


def table(name: str, report: Report) -> str:
    """A report as aligned text, the protocol below it."""
    columns = list(report.figures)
    rows = list(dict.fromkeys(figure for values in report.figures.values() for figure in values))
    lines = [f"{name:<22}" + "".join(f"{column:>12}" for column in columns)]
    for row in rows:
        cells = (report.figures[column].get(row) for column in columns)
        lines.append(f"  {row:<20}" + "".join(f"{'' if cell is None else f'{cell:.3f}':>12}" for cell in cells))
    return "\n".join(lines + [f"  ({key}: {value})" for key, value in report.protocol.items()])


def overlay_sheet(results: list[PhotoResult], columns: int = 10):
    """Every person's photo with its mesh, cropped around the person, with the figures below; (H, W, 3) uint8."""
    import cv2

    pictures, captions = [], []
    for result in results:
        x, y, side = result.prediction.crop_box_px.tolist()
        drawn = draw_overlay(result.pixels, [result.prediction])
        top, left = max(0, int(y - side / 2)), max(0, int(x - side / 2))
        part = [
            picture[top : int(y + side / 2) + 1, left : int(x + side / 2) + 1] for picture in (result.pixels, drawn)
        ]
        scale = _THUMBNAIL_PX / max(part[0].shape[:2])
        size = (max(1, round(part[0].shape[1] * scale)), max(1, round(part[0].shape[0] * scale)))
        pictures += [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in part]
        captions += [result.record.image.stem[-12:], f"PCK {result.pck:.2f} IoU {result.mask_iou:.2f}"]
    return contact_sheet(pictures, columns, captions)


def _name_and_path(word: str) -> tuple[str, str]:
    name, equals, path = word.partition("=")
    if not equals or not name or not path:
        raise InvalidInput(
            f"{word!r} is no data set: write NAME=PATH, for example photos_dev=../shared/data/photos_dev."
        )
    return name, path


def _bar(name: str):
    return lambda items: tqdm(items, desc=name, mininterval=1)

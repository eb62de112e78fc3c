"""What a stage draws its batches from."""

import cv2
import numpy as np
import pytest

from meshrec.build import DataConfig, Surface, TrainConfig, build_source
from meshrec.config import build_config
from meshrec.data.annotations import Annotations
from meshrec.data.npz_format import write_annotations
from meshrec.engine.stages import StageConfig
from meshrec.errors import AssetNotFound


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


def data_of(folder, *brightnesses):
    """Data sets of one grey picture each, drawn the more often the brighter it is."""
    entries = []
    for value in brightnesses:
        cv2.imwrite(str(folder / f"{value}.png"), np.full((40, 40, 3), value, np.uint8))
        path = folder / f"{value}.npz"
        write_annotations(Annotations.of([f"{value}.png"], [[10, 10, 20, 20]]), path)
        entries.append({"file": str(path), "images": str(folder), "share": value / 50})
    return build_config(TrainConfig, {"data": {"datasets": entries}}).data


def stage(photo_share):
    return StageConfig("first", 1, ("correspondence_net",), "none", photo_share=photo_share, losses={"mask": 1.0})


def test_data_sets_share_the_photographs_part_of_a_batch(tmp_path, surface):
    source = build_source(data_of(tmp_path, 50, 100), stage(0.6), surface)
    assert [share for _, share in source.sources] == pytest.approx([0.4, 0.2, 0.4])
    source = build_source(data_of(tmp_path, 50, 100), stage(1.0), surface)
    batch = source.batch(30, 8, seed=3)
    assert [number for _, number, _ in source.parts(30, 3)] == [10, 20]
    assert batch.images[:10].mean() < batch.images[10:].mean() and not batch.has_mesh.any()


def test_stages_without_photographs_do_not_open_the_data_sets(surface):
    config = build_config(DataConfig, {"datasets": [{"file": "nowhere.npz", "images": "."}]})
    assert build_source(config, stage(0.0), surface).batch(1, 8, seed=1).has_mesh.all()
    with pytest.raises(AssetNotFound, match="no file of labelled people nowhere.npz"):
        build_source(config, stage(0.5), surface)

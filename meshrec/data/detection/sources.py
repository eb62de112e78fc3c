"""Which photographs detectors learn from, and how often each kind is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from meshrec.data.detection.chart_mirror import DensePoseMirror
from meshrec.data.detection.densepose_scenes import read_densepose_scenes
from meshrec.data.detection.empty_pictures import read_empty_pictures
from meshrec.data.detection.photo_scenes import PhotoScenes


@dataclass(frozen=True)
class ScenePackConfig:
    """A pack of photographs with boxed people. The tenth that detectors are measured on is left out."""

    folder: str
    share: float = 1.0
    """how often it is drawn, relative to the other real pictures."""

    def __post_init__(self) -> None:
        _check_share(self.share)


@dataclass(frozen=True)
class DensePoseFileConfig:
    """A file of DensePose's annotations of COCO.

    Its U and V belong to DensePose's own charts, so that dense labels of synthetic scenes contradict them unless these
    are made with the same charts.
    """

    file: str
    """``densepose_coco_2014_train.json`` or its like."""
    images: str
    """the folder of the photographs."""
    symmetry: str | None = None
    """``UV_symmetry_transforms.mat``; without it photographs with points are not mirrored."""
    share: float = 1.0
    """how often it is drawn, relative to the other real pictures."""

    def __post_init__(self) -> None:
        _check_share(self.share)


@dataclass(frozen=True)
class EmptyPicturesConfig:
    """A folder of pictures without people."""

    folder: str
    part: tuple[float, float] = (0.0, 0.9)
    """bounds of the share of the folder, sorted by name, to use: keeps test pictures apart."""
    share: float = 1.0
    """how often it is drawn, relative to the other real pictures."""

    def __post_init__(self) -> None:
        _check_share(self.share)


@dataclass(frozen=True)
class RealPicturesConfig:
    """All real pictures."""

    packs: tuple[ScenePackConfig, ...] = ()
    """packs that are not there are left out, so that the shipped configurations train without any download."""
    densepose: tuple[DensePoseFileConfig, ...] = ()
    """a file that is not there is an error, because somebody asked for it."""
    empty: tuple[EmptyPicturesConfig, ...] = ()
    """folders that are not there are left out."""


def real_pictures(config: RealPicturesConfig) -> list[tuple[PhotoScenes, float]]:
    """Sources of real pictures, each with its share of them; shares add up to 1. None where nothing is there.

    Raises:
        AssetNotFound, InvalidInput: a source is damaged, or one that must be there is not.
    """
    found = [
        (PhotoScenes.from_pack(pack.folder, held_out=False), pack.share)
        for pack in config.packs
        if (Path(pack.folder) / "index.json").is_file()
    ]
    for entry in config.densepose:
        mirror = None if entry.symmetry is None else DensePoseMirror.from_file(entry.symmetry)
        found.append((PhotoScenes(read_densepose_scenes(entry.file, entry.images), mirror), entry.share))
    for entry in config.empty:
        if Path(entry.folder).is_dir():
            found.append((PhotoScenes(read_empty_pictures(entry.folder, entry.part)), entry.share))
    total = sum(share for _, share in found)
    return [(source, share / total) for source, share in found]


def _check_share(share: float) -> None:
    if share <= 0:
        raise ValueError(f"share must be positive, got {share}")

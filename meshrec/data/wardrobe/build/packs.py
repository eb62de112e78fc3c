"""Reads the index of a pack of MakeHuman assets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from meshrec.data.wardrobe.layers import KINDS
from meshrec.errors import AssetNotFound, InvalidInput

_RENAMED = {"accessory": "sleeves"}  # the packs' accessories are pairs of sleeves
_OTHER_KINDS = ("skin", "eyebrows", "eyelashes", "eye_texture")


@dataclass(frozen=True)
class Asset:
    """One entry of a pack's index, with absolute paths.

    Attributes:
        kind: one of the layers' kinds, or "skin", "eyebrows", "eyelashes", "eye_texture".
        files: paths by role: "mhclo", "obj", "diffuse".
        other_textures: further pictures for the same texture coordinates.
        tone, age: of a skin, else empty.
        painted_suit: a skin that is dressed.
    """

    name: str
    kind: str
    sex: str
    files: dict[str, Path]
    other_textures: tuple[Path, ...]
    tone: str
    age: str
    painted_suit: bool
    licence: str
    author: str


def read_pack(folder: str | Path) -> list[Asset]:
    """All assets of a pack.

    Raises:
        AssetNotFound: the folder has no index.json, or lacks a file that the index names.
        InvalidInput: the index is not one of a pack.
    """
    folder = Path(folder)
    index = folder / "index.json"
    if not index.is_file():
        raise AssetNotFound(f"There is no {index}; give the folder of a pack of MakeHuman assets.")
    try:
        assets = [_asset(entry, folder) for entry in json.loads(index.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{index} is not the index of a pack of MakeHuman assets ({error!r}).") from error
    missing = [
        path for asset in assets for path in (*asset.files.values(), *asset.other_textures) if not path.is_file()
    ]
    if missing:
        raise AssetNotFound(f"{index} names {missing[0]}, which does not exist; fetch the pack again.")
    return assets


def _asset(entry: dict, folder: Path) -> Asset:
    kind = _RENAMED.get(entry["kind"], entry["kind"])
    if kind not in (*KINDS, *_OTHER_KINDS):
        raise ValueError(f"unknown kind {kind}")
    name = entry["name"]
    return Asset(
        name=name,
        kind=kind,
        sex=entry.get("sex", "unisex"),
        files={role: folder / path for role, path in entry["files"].items()},
        other_textures=tuple(folder / path for path in entry.get("alt_diffuse") or ()),
        tone=_tone(name, entry.get("tone", "")),
        age=entry.get("age", ""),
        painted_suit=bool(entry.get("painted_suit")),
        licence=entry.get("licence", ""),
        author=entry.get("author", ""),
    )


def _tone(name: str, indexed: str) -> str:
    """The name decides: an index may call a "caucasian" skin asian, which the word contains."""
    return next((tone for tone in ("caucasian", "african", "asian") if tone in name.lower()), indexed)

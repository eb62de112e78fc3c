"""The IUV of a photo as files: arrays without any pickle (npz), or a picture (PNG)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from meshrec.assets import write_atomically
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.iuv.paste import PhotoIuv
from meshrec.iuv.results import PersonIuv
from meshrec.uv.parts import PART_COUNT


@dataclass(frozen=True)
class SavedIuv:
    """What an npz of `save_iuv` holds.

    Attributes:
        photo: coordinates as half precision kept them, to 0.0003.
        boxes_xyxy_px: (N, 4) left, top, right, bottom of person 1 to N.
        scores: (N,) confidence of each.
        charts: what U and V refer to, see `meshrec.iuv.predictor.IuvPredictor`.
    """

    photo: PhotoIuv
    boxes_xyxy_px: Tensor
    scores: Tensor
    charts: str


def save_iuv(photo: PhotoIuv, people: Sequence[PersonIuv], path: str | Path, charts: str = "") -> None:
    """Write an npz: ``I`` (H, W) uint8, ``U`` and ``V`` (H, W) float16, ``person`` (H, W) uint8 or uint16 (0 nobody,
    then counted from 1), ``boxes_xyxy_px`` (N, 4) and ``scores`` (N,) float32, and ``charts``, a text.

    Raises:
        InvalidInput: a place that cannot be written.
    """
    u, v = photo.uv.cpu().numpy().astype(np.float16)
    boxes = [person.box_xyxy_px.cpu().numpy() for person in people]
    with write_atomically(_with_extension(path, ".npz")) as temporary:
        np.savez_compressed(
            temporary,
            I=photo.labels.cpu().numpy().astype(np.uint8),
            U=u,
            V=v,
            person=photo.person.cpu().numpy().astype(np.min_scalar_type(len(people))),
            boxes_xyxy_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            scores=np.array([person.score for person in people], dtype=np.float32),
            charts=charts,
        )


def load_iuv(path: str | Path) -> SavedIuv:
    """Read what `save_iuv` wrote.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            labels = torch.from_numpy(arrays["I"].astype(np.int64))
            uv = torch.from_numpy(np.stack([arrays["U"], arrays["V"]]).astype(np.float32))
            photo = PhotoIuv(labels, uv, torch.from_numpy(arrays["person"].astype(np.int64)))
            boxes = torch.from_numpy(arrays["boxes_xyxy_px"].astype(np.float32)).reshape(-1, 4)
            scores, charts = torch.from_numpy(arrays["scores"].astype(np.float32)), str(arrays["charts"])
    except FileNotFoundError:
        raise AssetNotFound(f"There is no file {path}.") from None
    # Flipped bytes also make the zip reader ask for passwords and methods that it lacks: RuntimeError.
    except (KeyError, ValueError, OSError, EOFError, AttributeError, RuntimeError, BadZipFile, zlib.error) as error:
        raise InvalidInput(f"{path} holds no IUV as meshrec writes it ({error}).") from error
    _check_parts(labels, path)
    if len(boxes) != len(scores) or (photo.person.numel() and int(photo.person.max()) > len(boxes)):
        raise InvalidInput(f"{path} is damaged: its people, boxes and scores do not fit together.")
    return SavedIuv(photo, boxes, scores, charts)


def save_iuv_png(photo: PhotoIuv, path: str | Path) -> None:
    """Write a PNG with I in red, round(255 U) in green, round(255 V) in blue.

    Readers that give BGR, such as OpenCV, therefore see V, U, I. (DensePose's own tool writes I into blue.)

    Raises:
        InvalidInput: a place that cannot be written.
    """
    with write_atomically(_with_extension(path, ".png")) as temporary:
        Image.fromarray(iuv_pixels(photo)).save(temporary)


def load_iuv_png(path: str | Path) -> tuple[Tensor, Tensor]:
    """Parts (H, W) and coordinates (2, H, W) of a PNG of `save_iuv_png`.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: no such picture.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            mode, content = image.mode, np.array(image)
    except FileNotFoundError:
        raise AssetNotFound(f"There is no file {path}.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"{path} is damaged or no PNG ({error}).") from error
    if mode != "RGB":
        raise InvalidInput(f"{path} is no IUV picture: its mode is {mode}, expected RGB.")
    pixels = torch.from_numpy(content).permute(2, 0, 1)
    labels = pixels[0].long()
    _check_parts(labels, path)
    return labels, pixels[1:].float() / 255


def iuv_pixels(photo: PhotoIuv) -> np.ndarray:
    """(H, W, 3) uint8: I, round(255 U), round(255 V)."""
    uv = (photo.uv * 255).round().clamp(0, 255)
    channels = torch.cat([photo.labels[None].to(uv), uv]).to(torch.uint8)
    return np.ascontiguousarray(channels.permute(1, 2, 0).cpu().numpy())


def _check_parts(labels: Tensor, path: str | Path) -> None:
    if labels.numel() and int(labels.max()) > PART_COUNT:
        raise InvalidInput(
            f"{path} is no IUV in our order of channels: it names part {int(labels.max())}, parts go from 0 to "
            f"{PART_COUNT}."
        )


def _with_extension(path: str | Path, extension: str) -> Path:
    if Path(path).suffix.lower() != extension:
        raise InvalidInput(f"Cannot write {path}: the name must end in {extension}.")
    return Path(path)

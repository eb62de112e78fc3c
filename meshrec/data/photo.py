"""Photographs from files: whatever cameras and editors save becomes upright 8-bit RGB, or one clear sentence."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.geometry.projection import focal_from_35mm

PHOTO_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
SMALLEST_SIDE_PX = 16  # below that there is no person to see
LARGEST_AREA_PX = 24_000_000  # larger photos are reduced: the nets look at crops of a few hundred pixels

_EXIF_IFD = 0x8769
_FOCAL_LENGTH_35MM = 0xA405
_PLAUSIBLE_FOCAL_35MM = (5.0, 2000.0)
# What Pillow's decoders raise on damaged files, by experience with flipped and missing bytes.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error)


@dataclass(frozen=True)
class Photo:
    """A photograph ready for the nets.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright.
        focal_px: focal length in pixels of ``pixels``, if the camera wrote one.
        path: the file it came from.
        scale: pixels of ``pixels`` per pixel of the upright original; below 1 for photos that were reduced. Boxes
            that a user measured in the original are multiplied by it.
    """

    pixels: np.ndarray
    focal_px: float | None = None
    path: Path | None = None
    scale: float = 1.0


def read_photo(path: str | Path) -> Photo:
    """Read a photo.

    The EXIF orientation is applied; grey, palette, CMYK and 16-bit pictures become 8-bit RGB; transparent pixels show
    white; an animation gives its first frame; photos above 24 megapixels are reduced to at most that.

    Raises:
        InvalidInput: no such file, empty, not an image, damaged, too small, or too large to open safely.
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about large and slightly damaged files that it can read
        image = _open(path)
        full_size = image.size
        focal_35mm = _focal_35mm(image)
        try:
            pixels = _upright_pixels(image)
        except MemoryError as error:
            raise InvalidInput(f"{path} has {full_size[0]} x {full_size[1]} pixels, too many for the free memory here; "
                               f"reduce it first.") from error
        except _DAMAGE as error:
            raise InvalidInput(f"{path} is damaged or cut off and cannot be read as an image ({_reason(error)}).") \
                from error
        finally:
            image.close()
    focal_px = None if focal_35mm is None else focal_from_35mm(focal_35mm, pixels.shape[:2])
    return Photo(pixels, focal_px, path, max(pixels.shape[:2]) / max(full_size))


def as_photo(image: str | Path | Photo | np.ndarray | Tensor) -> Photo:
    """A photo of whatever holds one.

    Args:
        image: a file, a photo that was read, an (H, W, 3) uint8 RGB array, or a (3, H, W) RGB tensor in [0, 1].
    Raises:
        AssetNotFound, InvalidInput: anything else.
    """
    if isinstance(image, Photo):
        return image
    if isinstance(image, (str, Path)):
        return read_photo(image)
    if isinstance(image, Tensor):
        if image.ndim != 3 or image.shape[0] != 3 or not image.is_floating_point():
            raise InvalidInput(f"An image tensor must be floating point of shape (3, H, W), got {image.dtype} of shape "
                               f"{tuple(image.shape)}.")
        if image.numel() == 0 or not 0 <= float(image.min()) <= float(image.max()) <= 1:
            raise InvalidInput("An image tensor must hold values from 0 to 1; divide 8-bit values by 255.")
        image = (image.detach().permute(1, 2, 0) * 255).round().to(torch.uint8).cpu().numpy()
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InvalidInput(f"An image must be a path, a uint8 RGB array of shape (H, W, 3) or a float tensor of shape "
                           f"(3, H, W), got {found}.")
    if image.size == 0:
        raise InvalidInput("The image has no pixels.")
    return Photo(image)


def find_photos(paths: Iterable[str | Path]) -> list[Path]:
    """The photos that a command line names: files as they are, folders as the photos directly inside, by name.

    A file that does not exist stays in the list, so that reading it reports it and the others still run.

    Raises:
        InvalidInput: nothing was named, or a folder holds no photo.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(file for file in path.iterdir()
                        if file.suffix.lower() in PHOTO_EXTENSIONS and not file.name.startswith(".") and file.is_file())
        if not inside:
            raise InvalidInput(f"The folder {path} holds no photos ({', '.join(PHOTO_EXTENSIONS)}).")
        found.update(dict.fromkeys(inside))
    if not found:
        raise InvalidInput("No photo was given.")
    return list(found)


def _open(path: Path) -> Image.Image:
    """The image with its header read and checked."""
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder, not a photo.")
    try:
        if path.stat().st_size == 0:
            raise InvalidInput(f"{path} is an empty file (0 bytes).")
        image = Image.open(path)
    except InvalidInput:
        raise
    except FileNotFoundError as error:
        raise InvalidInput(f"There is no photo {path}.") from error
    except UnidentifiedImageError as error:
        raise InvalidInput(f"{path} is not an image, or of a format that Pillow does not read.") from error
    except Image.DecompressionBombError as error:
        limit = 2 * Image.MAX_IMAGE_PIXELS // 1_000_000
        raise InvalidInput(f"{path} claims more than {limit} megapixels, which is too large to open safely; reduce it "
                           f"first.") from error
    except _DAMAGE as error:
        raise InvalidInput(f"{path} cannot be read as an image ({_reason(error)}).") from error
    width, height = image.size
    if min(width, height) < SMALLEST_SIDE_PX:
        image.close()
        raise InvalidInput(f"{path} has only {width} x {height} pixels; a photo needs at least {SMALLEST_SIDE_PX} in "
                           f"each direction.")
    return image


def _upright_pixels(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8 of an opened image, reduced if it is very large."""
    reduction = math.sqrt(max(1.0, image.width * image.height / LARGEST_AREA_PX))
    # Only JPEG can be decoded at a fraction of its size; for other formats this does nothing.
    image.draft("RGB", tuple(math.ceil(side / reduction) for side in image.size))
    image.load()
    image = _upright(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")  # palette entries and colour keys cannot be averaged
    factor = math.ceil(math.sqrt(image.width * image.height / LARGEST_AREA_PX))
    if factor > 1:
        image = image.reduce(factor)
    if image.mode in ("RGBA", "LA", "La", "RGBa"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB")).copy()


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (*_DAMAGE, ZeroDivisionError):
        return image  # damaged metadata must not cost the photo


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Grey 8-bit from 16-bit integers, or from 32-bit ones and floats that run to 1, 255 or 65535."""
    grey = np.nan_to_num(np.asarray(image).astype(np.float32))
    top = float(grey.max())
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:
        white = 1.0 if image.mode == "F" and top <= 1.0 else 255.0 if top <= 255.0 else 65535.0
    return Image.fromarray(np.clip(grey * (255.0 / white) + 0.5, 0, 255).astype(np.uint8))


def _focal_35mm(image: Image.Image) -> float | None:
    """The 35 mm equivalent focal length in millimetres, if EXIF has a plausible one."""
    try:
        value = float(image.getexif().get_ifd(_EXIF_IFD).get(_FOCAL_LENGTH_35MM, 0.0))
    except (*_DAMAGE, ZeroDivisionError):
        return None  # as above
    low, high = _PLAUSIBLE_FOCAL_35MM
    return value if low <= value <= high else None


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__

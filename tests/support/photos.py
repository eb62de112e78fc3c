"""Awkward photo files of every kind, for the reader's tests and the demo's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION_TAG, EXIF_IFD, FOCAL_LENGTH_35MM = 0x0112, 0x8769, 0xA405


def gradient(height: int = 48, width: int = 64) -> np.ndarray:
    """(H, W, 3) uint8: red grows to the right, green downwards, so that turning it can be seen."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([red, green, np.full_like(red, 80)], axis=-1).astype(np.uint8)


def write_readable_photos(folder: Path) -> dict[str, Path]:
    """One file of every kind that must be read; the key says which."""
    rgb = Image.fromarray(gradient())
    grey = np.asarray(rgb.convert("L"))
    files = {name: folder / file for name, file in {
        "plain": "plain.png", "grey": "grey.png", "16-bit": "sixteen.png", "alpha": "alpha.png",
        "grey with alpha": "grey_alpha.png", "palette": "palette.png", "palette with transparency": "palette_alpha.png",
        "CMYK": "cmyk.jpg", "animated": "animated.gif", "rotated by EXIF": "rotated.jpg", "bilevel": "bilevel.png",
        "float": "float.tiff"}.items()}
    rgb.save(files["plain"])
    rgb.convert("L").save(files["grey"])
    Image.fromarray(grey.astype(np.uint16) * 257).save(files["16-bit"])
    alpha = Image.new("L", rgb.size, 255)
    alpha.paste(0, (0, 0, 8, 8))
    with_alpha = rgb.copy()
    with_alpha.putalpha(alpha)
    with_alpha.save(files["alpha"])
    with_alpha.convert("LA").save(files["grey with alpha"])
    rgb.quantize(64).save(files["palette"])
    with_alpha.quantize(64).save(files["palette with transparency"])
    rgb.convert("CMYK").save(files["CMYK"], quality=95)
    rgb.save(files["animated"], save_all=True, append_images=[Image.new("RGB", rgb.size, "white")] * 2, duration=50)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6  # shown turned 90 degrees clockwise
    rgb.save(files["rotated by EXIF"], exif=exif, quality=95)
    rgb.convert("1").save(files["bilevel"])
    Image.fromarray(grey.astype(np.float32) / 255).save(files["float"])
    return files


def write_unreadable_photos(folder: Path) -> dict[str, Path]:
    """One file of every kind that must be refused; the key is part of the sentence that says why."""
    files = {"is an empty file": folder / "empty.jpg", "is not an image": folder / "text.jpg",
             "damaged or cut off": folder / "cut_off.jpg", "only 1 x 1 pixels": folder / "dot.png",
             "There is no photo": folder / "absent.jpg"}
    files["is an empty file"].touch()
    files["is not an image"].write_text("this is not a picture")
    Image.fromarray(gradient(200, 300)).save(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    files["damaged or cut off"].write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (1, 1)).save(files["only 1 x 1 pixels"])
    return files

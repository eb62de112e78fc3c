"""COCO's run lengths of masks: background and foreground in turn, down the columns, plain or as text.

The text packs each number, less the one two places before it from the fourth on, into digits of five bits, lowest
first, with a sixth bit that says whether more follow; 48 is added to make letters. (Layout of the MS COCO API.)
"""

from __future__ import annotations

import numpy as np

from meshrec.errors import InvalidInput


def decode_counts(counts: str | bytes | list[int], pixels: int) -> np.ndarray:
    """Run lengths as numbers.

    Args:
        counts: plain numbers, or the text.
        pixels: of the mask, which the runs must add up to.
    Raises:
        InvalidInput: they do not, or the text is no such text.
    """
    runs = np.array(_numbers_of(counts) if isinstance(counts, (str, bytes)) else counts, np.int64)
    if runs.ndim != 1 or (runs < 0).any() or runs.sum() != pixels:
        raise InvalidInput(f"run lengths must be positive and add up to {pixels} pixels, got a sum of {runs.sum()}")
    return runs


def mask_of_counts(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W) bool mask of run lengths."""
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(width, height).T


def _numbers_of(text: str | bytes) -> list[int]:
    numbers: list[int] = []
    value, shift = 0, 0
    for letter in text.encode("ascii") if isinstance(text, str) else text:
        digit = letter - 48
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            if digit & 16:  # the sign
                value -= 1 << shift
            numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
            value, shift = 0, 0
    return numbers

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


def _numbers_of(text: str | bytes) -> np.ndarray:
    letters = np.frombuffer(text.encode("ascii") if isinstance(text, str) else text, np.uint8).astype(np.int64) - 48
    last = (letters & 32) == 0
    if not len(letters) or not last[-1]:
        return np.zeros(0, np.int64)
    ends = last.nonzero()[0]
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(letters)) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((letters & 31) << (5 * place), starts)
    numbers -= np.where(letters[ends] & 16, 1 << (5 * (place[ends] + 1)), 0)  # the sign
    # Each number is less the one two places before it, from the fourth on: a running sum over every other one.
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers

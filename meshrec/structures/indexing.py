"""How batched dataclasses are indexed."""

from __future__ import annotations

from typing import Any


def keep_axis(index: Any) -> Any:
    """An index along the batch axis that never removes it: an integer becomes a slice of one."""
    return slice(index, index + 1 or None) if isinstance(index, int) else index

"""Weights on disk: strict files that say what they belong to, and a restricted reader of foreign ``.pt`` files."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from meshrec.assets import write_atomically
from meshrec.errors import AssetNotFound, CheckpointMismatch

FORMAT = "meshrec-weights-1"
_HEADER = "meshrec"
_HALF_MAX = torch.finfo(torch.float16).max
_SHOWN_NAMES = 5

_log = logging.getLogger(__name__)


def save_weights(path: str | Path, model: nn.Module | Mapping[str, Tensor], metadata: Mapping[str, Any], *,
                 half: bool = False) -> None:
    """Write a model's state, all or nothing: an interrupted save leaves the old file.

    Args:
        path: a ``.safetensors`` file.
        model: the model, or its state (for example an average of weights).
        metadata: JSON values that identify the weights: the configuration, ``body_hash``, ``atlas_hash``, figures.
        half: store floating point as float16, except tensors whose values do not fit.
    """
    state = model.state_dict() if isinstance(model, nn.Module) else model
    stored = {name: _for_storage(value, half) for name, value in state.items()}
    # One entry, because the format stores several in no fixed order, and equal weights should give equal files.
    header = {_HEADER: json.dumps({"format": FORMAT, "metadata": dict(metadata)}, sort_keys=True)}
    with write_atomically(path) as temporary:
        save_file(stored, str(temporary), metadata=header)


def load_weights(path: str | Path, model: nn.Module, expect: Mapping[str, Any] | None = None,
                 only: Iterable[str] | None = None,
                 adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None) -> dict[str, Any]:
    """Fill a model from a file written by ``save_weights``; the model is changed only if everything fits.

    Args:
        path: the file.
        model: receives the values, converted to its own dtypes and devices.
        expect: entries that the file's metadata must have with these values, for example ``body_hash``.
        only: prefixes of names to load, where a part of the model shall be filled; every name left out is logged.
        adapt: makes the model's state of the file's, where those are known to differ.
    Returns:
        The metadata.
    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged file, other body or atlas, other network, or values that are not finite.
    """
    metadata, state = read_weights(path)
    for name, wanted in (expect or {}).items():
        if metadata.get(name) != wanted:
            kind = name.removesuffix("_hash")
            raise CheckpointMismatch(f"{path} belongs to another {kind}: the file has {name} "
                                     f"{metadata.get(name, 'not recorded')}, in use is {wanted}; take the weights and "
                                     f"the {kind} that were made for each other.")
    fill_model(model, state if adapt is None else adapt(state), str(path), only)
    return metadata


def read_weights(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Metadata and tensors of a file written by ``save_weights``, on the CPU as stored.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: the file is damaged or was not written by meshrec.
    """
    with _opened(path) as file:
        metadata = _metadata(path, file.metadata())
        return metadata, {name: file.get_tensor(name) for name in file.keys()}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Metadata alone, without reading the tensors; raises like ``read_weights``."""
    with _opened(path) as file:
        return _metadata(path, file.metadata())


def fill_model(model: nn.Module, state: Mapping[str, Tensor], source: str, only: Iterable[str] | None = None) -> None:
    """Copy values into a model by name, after every name, shape and value has been checked.

    Args:
        model: the receiver.
        state: values by name.
        source: where they come from, for messages.
        only: prefixes of names to fill; ``None`` for all.
    Raises:
        CheckpointMismatch: missing, unexpected or wrong-shape names, or values that are not finite.
    """
    own = model.state_dict()
    if only is not None:
        prefixes = tuple(only)
        left_out = sorted(name for name in own.keys() | state.keys() if not name.startswith(prefixes))
        _log.info("%s: left out %s", source, ", ".join(left_out) or "nothing")
        own = {name: value for name, value in own.items() if name.startswith(prefixes)}
        state = {name: value for name, value in state.items() if name.startswith(prefixes)}
        if not own:
            raise CheckpointMismatch(f"The network has no weights whose names start with {', '.join(prefixes)}.")
    problems = {
        "missing": [name for name in own if name not in state],
        "unexpected": [name for name in state if name not in own],
        "of another shape": [f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
                             for name, value in own.items() if name in state and state[name].shape != value.shape],
        "not finite": [name for name, value in state.items()
                       if value.is_floating_point() and not bool(value.isfinite().all())],
    }
    found = [f"{len(names)} {kind} ({_some(names)})" for kind, names in problems.items() if names]
    if found:
        raise CheckpointMismatch(f"The weights in {source} do not fit this network: {'; '.join(found)}.")
    with torch.no_grad():
        for name, value in own.items():  # state_dict shares memory with the model
            value.copy_(state[name])


def read_torch_file(path: str | Path) -> Any:
    """Content of a ``.pt`` file, without running any code that it may contain.

    Tensors, containers of plain Python values and numpy arrays are allowed, which covers the research code we load.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: the file is damaged, or holds objects other than those.
    """
    _check_exists(path)
    try:
        with torch.serialization.safe_globals(_allowed_numpy()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in whatever way its bytes suggest
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointMismatch(f"Cannot read {path} as weights: it is damaged, or holds objects other than tensors "
                                 f"and arrays, which are not loaded because they could run code ({reason[0]})."
                                 ) from error


def without_prefix(state: Mapping[str, Tensor], prefix: str = "module.") -> dict[str, Tensor]:
    """The state with a prefix, which parallel training puts before every name, taken off where it is present."""
    return {name.removeprefix(prefix): value for name, value in state.items()}


def _for_storage(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    if half and value.is_floating_point() and (not value.numel() or float(value.abs().max()) <= _HALF_MAX):
        value = value.half()
    return value.clone(memory_format=torch.contiguous_format)


@contextlib.contextmanager
def _opened(path: str | Path):
    _check_exists(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointMismatch(f"{path} is no complete weights file ({error}); copy or download it again.") from error


def _check_exists(path: str | Path) -> None:
    if not Path(path).is_file():
        raise AssetNotFound(f"There is no weights file {path}.")


def _metadata(path: str | Path, header: Mapping[str, str] | None) -> dict[str, Any]:
    described = json.loads((header or {}).get(_HEADER, "{}"))
    if described.get("format") != FORMAT:
        raise CheckpointMismatch(f"{path} is a safetensors file, but not one that meshrec wrote ({FORMAT}).")
    return described["metadata"]


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _allowed_numpy() -> list:
    """What pickled numpy scalars and arrays consist of, under the module names of old and new numpy."""
    multiarray = np._core.multiarray if hasattr(np, "_core") else np.core.multiarray
    parts = [(getattr(multiarray, name), f"numpy.{core}.multiarray.{name}")
             for core in ("core", "_core") for name in ("scalar", "_reconstruct")]
    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQefd"}
    return [*parts, np.ndarray, np.dtype, *dtypes, (_latin1_bytes, "_codecs.encode")]


def _latin1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """Stands for ``codecs.encode``, by which old pickles store bytes; nothing but bytes can come of it."""
    return text.encode(encoding)

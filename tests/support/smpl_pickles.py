"""Pickles as SMPL's authors and others write them, and pickles that try to do harm."""

import io
import os
import pickle
import sys
import types

import numpy as np


def small_smpl_arrays(vertices: int = 12, joints: int = 3, betas: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """A tiny body under SMPL's keys."""
    random = np.random.default_rng(seed)
    weights = random.random((vertices, joints)) + 0.1
    regressor = random.random((joints, vertices)) * (random.random((joints, vertices)) > 0.5) + 1e-3
    parents = np.array([2**32 - 1, *range(joints - 1)], np.uint32)
    return {
        "v_template": random.standard_normal((vertices, 3)),
        "shapedirs": random.standard_normal((vertices, 3, betas)),
        "posedirs": random.standard_normal((vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.stack([parents, np.arange(joints, dtype=np.uint32)]),
        "f": random.integers(0, vertices, (8, 3)).astype(np.uint32),
    }


def chumpy_like_pickle(arrays: dict[str, np.ndarray], monkeypatch, protocol: int) -> bytes:
    """The arrays pickled as SMPL's files hold them: chumpy arrays, a chumpy selection and a sparse regressor."""
    chumpy, ch, reordering = (types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering"))
    ch.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    reordering.Select = type("Select", (ch.Ch,), {"__module__": "chumpy.reordering"})
    for module in (chumpy, ch, reordering):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    content = dict(arrays, bs_style="lbs", bs_type="lrotmin")
    content["v_template"] = _with_state(ch.Ch, x=arrays["v_template"])
    every_beta = np.concatenate([arrays["shapedirs"], arrays["shapedirs"] + 1], -1)
    wanted = np.arange(every_beta.size).reshape(every_beta.shape)[..., : arrays["shapedirs"].shape[-1]]
    content["shapedirs"] = _with_state(
        reordering.Select, a=_with_state(ch.Ch, x=every_beta), idxs=wanted.ravel(), preferred_shape=wanted.shape
    )
    content["J_regressor"] = sparse_columns(arrays["J_regressor"], monkeypatch)
    return pickle.dumps(content, protocol)


def sparse_columns(dense: np.ndarray, monkeypatch) -> object:
    """Pickles like scipy's csc_matrix, without scipy."""
    module = types.ModuleType("scipy.sparse.csc")
    module.csc_matrix = type("csc_matrix", (), {"__module__": "scipy.sparse.csc"})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    rows, columns = np.nonzero(dense.T)[::-1]
    starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=dense.shape[1]))])
    return _with_state(
        module.csc_matrix,
        _shape=dense.shape,
        data=dense[rows, columns],
        indices=rows.astype(np.int32),
        indptr=starts.astype(np.int32),
        maxprint=50,
    )


def hostile_pickles(marker: str) -> dict[str, bytes]:
    """Pickles that would create the file ``marker``, if anything in them were run."""
    command = f"touch {marker}"
    write = f"open({marker!r}, 'w').close()"
    plain = {
        "os_system": pickle.dumps(_Call(os.system, command), 2),
        "eval": pickle.dumps({"v_template": _Call(eval, write)}, 4),
        "nested": pickle.dumps({"weights": [_Call(exec, write)]}, 0),
    }
    through_numpy = io.BytesIO()
    through_numpy.write(
        b"\x80\x04\x8c\x10numpy.testing._x\x8c\x06runstr\x93" + pickle.dumps(write, 4)[2:-1] + b"\x85R."
    )
    # Gets the builtins through an attribute path, which protocol 4 allows in names.
    by_attribute = b"\x80\x04\x8c\x05numpy\x8c\x16ndarray.__subclasses__\x93)R."
    return plain | {"through_numpy": through_numpy.getvalue(), "by_attribute": by_attribute}


class _Call:
    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def _with_state(kind: type, **state) -> object:
    instance = kind()
    instance.__dict__.update(state)
    return instance

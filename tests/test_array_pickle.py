"""The restricted reader of pickled arrays; what it must refuse is tried in tests/body/test_smpl_files.py too."""

import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from meshrec.array_pickle import load_array_pickle
from meshrec.errors import InvalidInput
from tests.support.smpl_pickles import hostile_pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_back_from_every_protocol(protocol):
    random = np.random.default_rng(0)
    arrays = {
        "rows": random.random((3, 4), np.float32),
        "columns": np.asfortranarray(random.random((3, 4))),
        "scalar": np.float64(2.5),
        "empty": np.zeros((0, 2), np.int64),
    }
    got = load_array_pickle(io.BytesIO(pickle.dumps(OrderedDict(arrays, note="text"), protocol)))
    assert list(got) == [*arrays, "note"] and got["note"] == "text"
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype and np.array_equal(got[name], array)
        assert name == "scalar" or got[name].flags.writeable


@pytest.mark.parametrize("kind", ["os_system", "eval", "nested", "through_numpy", "by_attribute"])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, kind):
    marker = tmp_path / "pwned"
    with pytest.raises(InvalidInput, match="no use for"):
        load_array_pickle(io.BytesIO(hostile_pickles(str(marker))[kind]))
    assert not marker.exists()

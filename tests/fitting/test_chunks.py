"""Tests of manyfit.fitting._chunks."""

from __future__ import annotations

import re

import dask.array as da
import numpy as np
import pytest

from manyfit.fitting._axes import Axes
from manyfit.fitting._chunks import require_native_chunks

AXES = Axes((20, 3), (0,))
DATA = np.zeros((20, 3))


def chunked(*chunks):
    return da.from_array(DATA, chunks=chunks)


def test_whole_elements_pass():
    require_native_chunks(chunked(20, 1), None, AXES)
    require_native_chunks(chunked(20, 2), chunked(20, 2), AXES)


@pytest.mark.parametrize(
    ("data", "weights", "error", "text"),
    [
        (DATA, None, TypeError, "Can only set preserve_native_chunks=True if input data is a dask array"),
        (chunked(20, 1), DATA, TypeError, "if input weights is a dask array (if specified)"),
        (chunked(5, 2), None, ValueError, "the chunk size should match the data size along the fitting axe"),
        (
            chunked(20, 1),
            chunked(18, 2),
            ValueError,
            "the weights should have the same chunk size as the data",
        ),
    ],
)
def test_other_chunks_are_refused(data, weights, error, text):
    with pytest.raises(error, match=re.escape(text)):
        require_native_chunks(data, weights, AXES)

"""Tests of manyfit.fitting._axes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._axes import axes_of

SHAPE = (5, 6, 30)


@pytest.mark.parametrize(
    ("given", "fitting", "iterating"),
    [
        (0, (0,), (1, 2)),
        (2, (2,), (0, 1)),
        (-1, (2,), (0, 1)),
        (-3, (0,), (1, 2)),
        (np.int64(1), (1,), (0, 2)),
        ((1,), (1,), (0, 2)),
        ([1, 0], (1, 0), (2,)),
        ((-1, 0), (2, 0), (1,)),
        ((2, 0, 1), (2, 0, 1), ()),
    ],
)
def test_order_of_axes(given, fitting, iterating):
    axes = axes_of(given, SHAPE, n_inputs=len(fitting))
    assert (axes.fitting, axes.iterating) == (fitting, iterating)
    assert axes.fitting_shape == tuple(SHAPE[i] for i in fitting)
    assert axes.iterating_shape == tuple(SHAPE[i] for i in iterating)


def test_names():
    assert axes_of(("x", "v"), SHAPE, 2, names=("y", "x", "v")).fitting == (1, 2)


@pytest.mark.parametrize(
    ("given", "n_inputs", "error", "text"),
    [
        (0, 2, InputError, "Model is 2-dimensional, but got 1 value(s) in fitting_axes="),
        ((1, 2), 1, InputError, "Model is 1-dimensional, but got 2 value(s) in fitting_axes="),
        ((1, 4), 2, InputError, "Fitting index 4 out of range for 3-dimensional data"),
        (-4, 1, InputError, "Fitting index -4 out of range for 3-dimensional data. Give axes from -3 to 2."),
        (3, 1, InputError, "Fitting index 3 out of range for 3-dimensional data"),
        ((2, -1), 2, InputError, "names an axis twice"),
        (None, 1, InputTypeError, "value None of type NoneType. Give integers"),
        (0.0, 1, InputTypeError, "value 0.0 of type float"),
        ("v", 1, InputError, "no named dimensions. Give the number"),
    ],
)
def test_bad_axes(given, n_inputs, error, text):
    with pytest.raises(error, match=re.escape(text)):
        axes_of(given, SHAPE, n_inputs)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'freq'"):
        axes_of("frq", SHAPE, 1, names=("y", "x", "freq"))


def test_no_points():
    with pytest.raises(InputError, match="no points along fitting_axes=1"):
        axes_of(1, (4, 0), 1)


def test_no_elements_is_no_error():
    assert axes_of(0, (4, 0), 1).iterating_shape == (0,)


def test_slices_and_arrange_agree():
    data = np.arange(900).reshape(SHAPE)
    axes = axes_of((2,), SHAPE, 1)
    block = (slice(1, 3), slice(4, 6))
    np.testing.assert_array_equal(axes.arrange(data)[block], axes.arrange(data[axes.slices(block)]))

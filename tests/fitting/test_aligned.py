"""Tests of manyfit.fitting._aligned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.fitting._aligned import align
from manyfit.fitting._axes import Axes
from manyfit.fitting._source import Memory


@st.composite
def problems(draw):
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=ndim, max_size=ndim)))
    fitting = tuple(draw(st.permutations(range(ndim)))[: draw(st.integers(1, ndim))])
    axes = Axes(shape, fitting)
    block = tuple(slice(a := draw(st.integers(0, n - 1)), draw(st.integers(a + 1, n))) for n in axes.iterating_shape)
    return axes, block


def check(axes, block, array, in_data_shape):
    """Compare with the whole array broadcast to the data first and cut afterwards."""
    aligned = align("mask", Memory(array), axes)
    whole = np.broadcast_to(in_data_shape, axes.shape)
    expected = axes.arrange(whole)[block]
    got = np.broadcast_to(axes.arrange(aligned.read(block)), expected.shape)
    np.testing.assert_array_equal(got, expected)
    n = len(axes.iterating)
    n_elements = int(np.prod(expected.shape[:n]))
    flat = expected.reshape(n_elements, -1)
    np.testing.assert_array_equal(np.broadcast_to(aligned.rows(block), flat.shape), flat)


@settings(max_examples=200, deadline=None)
@given(problems(), st.data())
def test_broadcasting_of_full_dimensions(problem, data):
    axes, block = problem
    shape = tuple(n if data.draw(st.booleans()) else 1 for n in axes.shape)
    array = np.arange(np.prod(shape), dtype=float).reshape(shape)
    check(axes, block, array, array)


@settings(max_examples=100, deadline=None)
@given(problems())
def test_iterating_and_fitting_shapes(problem):
    axes, block = problem
    for places in (axes.fitting, axes.iterating):
        array = np.arange(np.prod([axes.shape[i] for i in places]), dtype=float)
        array = array.reshape([axes.shape[i] for i in places])
        if array.ndim in (0, len(axes.shape)):
            continue
        laid = np.expand_dims(
            array.transpose(np.argsort(places)), [i for i in range(len(axes.shape)) if i not in places]
        )
        if fits_one_way(array.shape, axes):
            check(axes, block, array, laid)


def fits_one_way(shape, axes):
    """Whether NumPy's rule and the shapes of the axes lay an array in the same place."""
    ndim = len(axes.shape)
    ways = {tuple(range(ndim - len(shape), ndim)), axes.fitting, axes.iterating}
    fitting = [
        w for w in ways if len(w) == len(shape) and all(n in (1, axes.shape[i]) for n, i in zip(shape, w, strict=True))
    ]
    return len({tuple(i for n, i in zip(shape, w, strict=True) if n > 1) for w in fitting}) == 1


def test_scalar():
    aligned = align("mask", Memory(np.array(3.0)), Axes((4, 5), (0,)))
    assert aligned.rows((slice(0, 2),)).tolist() == [[3.0]]
    assert not aligned.differs_between_elements
    assert not aligned.differs_between_points


@pytest.mark.parametrize(
    ("shape", "fitting", "array", "places"),
    [
        ((30, 5, 6), (0,), (30,), (0,)),
        ((30, 5, 6), (0,), (5, 6), (1, 2)),
        ((30, 5, 6), (0,), (6,), (2,)),
        ((30, 5, 6), (0,), (1, 6), (1, 2)),
        ((5, 6, 30), (2,), (30,), (2,)),
        ((5, 6, 30), (2,), (5, 6), (0, 1)),
        ((5, 30, 6), (1,), (5, 6), (0, 2)),
        ((7, 8, 9), (2, 0), (9, 7), (2, 0)),
        ((7, 8, 9), (0,), (8, 9), (1, 2)),
        ((9, 9, 9), (0,), (9, 9), (1, 2)),
    ],
)
def test_where_fewer_dimensions_are_laid(shape, fitting, array, places):
    assert align("mask", Memory(np.zeros(array)), Axes(shape, fitting)).places == places


@pytest.mark.parametrize(
    ("shape", "fitting", "array", "texts"),
    [
        ((5, 5), (0,), (5,), ["(1,) as well as (0,)", "(1, 5) or (5, 1)"]),
        ((6, 5, 6), (0,), (6,), ["(1, 1, 6) or (6, 1, 1)"]),
        ((4, 4, 4), (1,), (4, 4), ["(1, 4, 4) or (4, 1, 4)"]),
    ],
)
def test_ambiguous_shapes_are_refused(shape, fitting, array, texts):
    with pytest.raises(InputError, match="mask has shape") as caught:
        align("mask", Memory(np.zeros(array)), Axes(shape, fitting))
    assert all(text in str(caught.value) for text in texts)


@pytest.mark.parametrize("array", [(4,), (30, 5), (5, 6, 30), (1, 30, 5, 6), (2, 5, 6), (0,)])
def test_shapes_that_do_not_fit(array):
    with pytest.raises(InputError, match=r"uncertainty has shape .* does not broadcast to data of shape \(30, 5, 6\)"):
        align("uncertainty", Memory(np.zeros(array)), Axes((30, 5, 6), (0,)))

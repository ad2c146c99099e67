"""Tests of manyfit.fitting._start."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling import models as m
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.fitting._start import bounds_of, start_of
from manyfit.fitting._strip import unit_system

KMS = u.km / u.s
SHAPE = (5, 4)
BLOCK = (slice(1, 3), slice(0, 4))


def system(model, world=None, data=None):
    return unit_system(model, (world,), data)


def starts(model, shape=SHAPE, block=BLOCK, **units):
    return start_of(model, system(model, **units), shape).read(block)


def limits(model, bounds=None, shape=SHAPE, block=BLOCK, **units):
    return tuple(b.read(block) for b in bounds_of(model, system(model, **units), shape, bounds))


def test_numbers():
    assert starts(m.Gaussian1D(1, 2, 3)).tolist() == [[1, 2, 3]]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_arrays_that_broadcast(data):
    ndim = data.draw(st.integers(0, 3))
    shape = tuple(data.draw(st.integers(1, 3)) for _ in range(ndim))
    block = tuple(slice(a := data.draw(st.integers(0, n - 1)), data.draw(st.integers(a + 1, n))) for n in shape)
    values = []
    for _ in range(3):
        own = tuple(n if data.draw(st.booleans()) else 1 for n in shape)[data.draw(st.integers(0, ndim)) :]
        values.append(1.0 + np.arange(np.prod(own)).reshape(own))
    got = starts(m.Gaussian1D(*values), shape, block)
    n = int(np.prod([s.stop - s.start for s in block]))
    expected = np.stack([np.broadcast_to(v, shape)[block].ravel() for v in values], axis=1)
    assert got.shape in ((1, 3), (n, 3))
    np.testing.assert_array_equal(np.broadcast_to(got, (n, 3)), expected)


def test_units():
    model = m.Gaussian1D(1, 4 * KMS, 500 * u.m / u.s) + m.Const1D(200 * u.mK)
    got = starts(model, world=u.m / u.s, data=u.K)
    np.testing.assert_allclose(got, [[1, 4, 0.5, 0.2]])


def test_model_set():
    model = m.Gaussian1D([1, 2], [3, 4], [5, 6], n_models=2)
    assert starts(model, (2,), (slice(0, 2),)).tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize(
    ("mean", "shape", "text"),
    [
        (
            np.zeros(3),
            SHAPE,
            "Parameter 'mean' has shape (3,), which does not broadcast to the iterating shape (5, 4)",
        ),
        (np.zeros((4, 5)), SHAPE, "Accepted: a number or an array of shape (5, 4)."),
        (np.zeros((2, 5, 4)), SHAPE, "Parameter 'mean' has shape (2, 5, 4)"),
        (np.zeros(3), (), "Accepted: a number (no axis is iterated over)."),
    ],
)
def test_shapes_that_do_not_fit(mean, shape, text):
    with pytest.raises(InputError, match=re.escape(text)):
        starts(m.Gaussian1D(1, mean, 1), shape)


@pytest.mark.parametrize(
    ("model", "units", "text"),
    [
        (m.Const1D(1 * u.Jy), {"data": u.K}, "Parameter 'amplitude' is in Jy, which does not convert to K"),
        (m.Const1D(1 * u.Jy), {}, "Data or world has no unit: give data_unit"),
        (
            m.Gaussian1D(1, 4 * KMS, 1 * u.K),
            {"world": KMS},
            "Parameter 'stddev' is in K, which does not convert",
        ),
    ],
)
def test_units_that_do_not_convert(model, units, text):
    with pytest.raises(InputError, match=text):
        starts(model, **units)


class TestBounds:
    def test_none(self):
        lower, upper = limits(m.Const1D())
        assert lower.tolist() == [[-np.inf]]
        assert upper.tolist() == [[np.inf]]

    def test_those_of_the_model(self):
        model = m.Gaussian1D()
        model.mean.bounds = (3, None)
        lower, upper = limits(model)
        assert lower[0, 1] == 3
        assert lower[0, 2] > 0  # astropy's own bound on the width
        assert upper[0].tolist() == [np.inf] * 3

    def test_follow_the_unit_of_their_parameter(self):
        model = m.Gaussian1D(1, 4 * KMS, 500 * u.m / u.s)
        model.stddev.bounds = (100, 900)  # in the unit of the parameter, m/s
        lower, upper = limits(model, world=u.m / u.s)
        assert lower[0, 2] == pytest.approx(0.1)
        assert upper[0, 2] == pytest.approx(0.9)

    @pytest.mark.parametrize(
        ("pair", "expected"),
        [
            ((3 * KMS, 6 * KMS), (3, 6)),
            ((3000 * u.m / u.s, 6 * KMS), (3, 6)),
            ((3, 6), (3, 6)),
            ((None, 6 * KMS), (-np.inf, 6)),
            ([3, None], (3, np.inf)),
            ([3, 6] * KMS, (3, 6)),
            ((np.nan, 6), (-np.inf, 6)),
        ],
    )
    def test_given_in_the_call(self, pair, expected):
        model = m.Gaussian1D(1, 4 * KMS, 500 * u.m / u.s)
        model.mean.bounds = (0, 1)
        lower, upper = limits(model, {"mean": pair}, world=u.m / u.s)
        assert (lower[0, 1], upper[0, 1]) == pytest.approx(expected)

    def test_units_of_an_astropy_model_without_units(self):
        lower, _ = limits(m.Gaussian1D(), {"mean": (3 * KMS, None)}, world=u.m / u.s)
        assert lower[0, 1] == 3000

    def test_one_for_each_element(self):
        low = np.arange(20.0).reshape(SHAPE)
        lower, upper = limits(m.Gaussian1D(), {"mean": (low, low[:1] + 30)})
        np.testing.assert_array_equal(lower[:, 1], low[BLOCK].ravel())
        np.testing.assert_array_equal(upper[:, 1], np.tile(low[0] + 30, 2))

    @pytest.mark.parametrize(
        ("bounds", "text"),
        [
            (
                {"men": (1, 2)},
                "Parameter in bounds 'men' is not known. Accepted: 'amplitude', 'mean', 'stddev'. Did you",
            ),
            ({"mean": 3}, "bounds of 'mean' are 3. Give a pair (lower, upper), None for no bound."),
            ({"mean": (1, 2, 3)}, "bounds of 'mean' are (1, 2, 3). Give a pair"),
            ({"mean": (2, 1)}, "the lower bound 2 is above the upper bound 1. Swap them."),
            ({"mean": (np.zeros(3), None)}, "Bound of 'mean' has shape (3,), which does not broadcast"),
            ({"mean": (3 * u.K, None)}, "Bound of 'mean' is in K, which does not convert to km / s"),
        ],
    )
    def test_bad_bounds(self, bounds, text):
        with pytest.raises(InputError, match=re.escape(text)):
            limits(m.Gaussian1D(1, 4 * KMS, 1 * KMS), bounds, world=KMS)


def test_arrays_of_the_user_are_not_shared():
    mean = np.arange(20.0).reshape(SHAPE)
    model = m.Gaussian1D(1, mean, 1)
    starts(model)[...] = -1
    np.testing.assert_array_equal(model.mean.value, np.arange(20.0).reshape(SHAPE))

"""Colour limits over tables and over any array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from manyfit.errors import InputError
from manyfit.plot._limits import colour_limits

ANY = arrays(np.float64, st.integers(0, 30), elements=st.floats(-1e150, 1e150) | st.sampled_from([np.nan, np.inf]))


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        (np.arange(101.0), {}, (1, 99)),
        (np.arange(101.0), {"percentile": (0, 100)}, (0, 100)),
        (np.r_[np.arange(101.0), np.nan, np.inf, -np.inf], {}, (1, 99)),
        (np.r_[np.zeros(500), np.ones(500), 1e30], {}, (0, 1)),
        (np.arange(101.0), {"centre": 50.0}, (1, 99)),
        (np.arange(101.0), {"centre": 200.0}, (1, 399)),
        (np.zeros(5), {}, (-1, 1)),
        (np.full(5, np.nan), {}, (-1, 1)),
        (np.full(5, np.nan), {"centre": 4.0}, (4 - 4e-6, 4 + 4e-6)),
    ],
)
def test_table(values, options, expected):
    assert colour_limits(values, **options) == pytest.approx(expected)


@given(ANY, st.none() | st.floats(-1e150, 1e150))
def test_always_an_increasing_finite_pair(values, centre):
    lower, upper = colour_limits(values, centre=centre)
    assert np.isfinite([lower, upper]).all()
    assert lower < upper


@given(ANY, st.floats(-1e3, 1e3))
def test_centre_is_in_the_middle_and_percentiles_are_inside(values, centre):
    lower, upper = colour_limits(values, centre=centre)
    assert upper - centre == pytest.approx(centre - lower)
    finite = values[np.isfinite(values)]
    if finite.size:
        slack = 1e-9 * (upper - lower)
        assert lower - slack <= np.percentile(finite, 1) <= np.percentile(finite, 99) <= upper + slack


@pytest.mark.parametrize("percentile", [(99, 1), (5, 5), (-1, 50), (0, 101)])
def test_wrong_percentiles(percentile):
    with pytest.raises(InputError, match="two increasing numbers between 0 and 100"):
        colour_limits(np.arange(3.0), percentile)

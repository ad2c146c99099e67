"""Tests of manyfit.fitting._data."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import NDData

from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._data import data_of

VALUES = np.arange(6.0)
ALL = (slice(0, 6),)


@pytest.mark.parametrize(
    ("data", "unit", "expected", "factor"),
    [
        (VALUES, None, None, 1),
        (VALUES, u.K, u.K, 1),
        (VALUES, "K km / s", u.K * u.km / u.s, 1),
        (VALUES * u.Jy, None, u.Jy, 1),
        (VALUES * u.Jy, u.mJy, u.mJy, 1000),
        (NDData(VALUES, unit="Jy"), None, u.Jy, 1),
        (NDData(VALUES, unit="Jy"), u.mJy, u.mJy, 1),
        (NDData(VALUES, unit="Jy"), u.K, u.K, 1),
    ],
)
def test_unit_of_data(data, unit, expected, factor):
    labelled = data_of(data, unit)
    assert labelled.unit == expected
    np.testing.assert_allclose(labelled.source.read(ALL), factor * VALUES)


def test_a_quantity_that_does_not_convert():
    with pytest.raises(InputError, match="data is in Jy, which does not convert to data_unit=K"):
        data_of(VALUES * u.Jy, u.K)


@pytest.mark.parametrize("unit", ["Jxy", object()])
def test_what_is_no_unit(unit):
    with pytest.raises(InputError, match=r"data_unit=.* is no unit"):
        data_of(VALUES, unit)


def test_booleans_are_no_data():
    with pytest.raises(InputTypeError, match="data is made of booleans"):
        data_of(VALUES > 2)

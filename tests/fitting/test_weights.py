"""Tests of manyfit.fitting._weights."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty

from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._axes import Axes
from manyfit.fitting._weights import weighting_of

AXES = Axes((7, 5, 4), (0,))
BLOCK = (slice(1, 4), slice(0, 4))
SIGMA = np.random.default_rng(1).uniform(0.5, 2, size=(7, 5, 4))
NOT_NUMBERS = np.array([1.0, 0.0, -1.0, np.nan, np.inf, -np.inf, 1e-200])


def inverse_variance(uncertainty=None, weights=None, unit=None, block=BLOCK):
    return weighting_of(uncertainty, weights, AXES, unit).read(block)


def flat(values):
    """A cube as (element, point) rows of the block."""
    return np.moveaxis(np.broadcast_to(values, AXES.shape)[(slice(None), *BLOCK)], 0, -1).reshape(12, 7)


def test_nothing_given():
    assert weighting_of(None, None, AXES, None) is None


@pytest.mark.parametrize(
    ("uncertainty", "shape"),
    [
        (2.0, (1, 1)),
        (np.float32(2), (1, 1)),
        (2, (1, 1)),
        (SIGMA[:, 0, 0], (1, 7)),
        (SIGMA[:, :1, :1], (1, 7)),
        (SIGMA[0], (12, 1)),
        (SIGMA[:1], (12, 1)),
        (SIGMA[0, :1], (12, 1)),
        (SIGMA, (12, 7)),
        (SIGMA[:, :, :1], (12, 7)),
        (SIGMA.astype(">f4"), (12, 7)),
    ],
)
def test_smallest_shape(uncertainty, shape):
    got = inverse_variance(uncertainty)
    assert got.shape == shape
    assert got.dtype == np.float64
    sigma = np.asarray(uncertainty, float)
    sigma = sigma[:, None, None] if sigma.shape == (7,) else sigma
    np.testing.assert_allclose(np.broadcast_to(got, (12, 7)), 1 / flat(sigma) ** 2, rtol=1e-14)


def test_lazy_arrays():
    import dask.array as da

    np.testing.assert_allclose(inverse_variance(da.from_array(SIGMA)), 1 / flat(SIGMA) ** 2)


@pytest.mark.parametrize(
    ("kind", "power", "unit"),
    [
        (StdDevUncertainty, 1, u.mJy),
        (VarianceUncertainty, 2, u.mJy**2),
        (InverseVariance, -2, u.mJy**-2),
    ],
)
@pytest.mark.parametrize("argument", ["uncertainty", "weights"])
def test_types_and_units_of_nduncertainty(kind, power, unit, argument):
    plain = kind(SIGMA**power)
    np.testing.assert_allclose(inverse_variance(**{argument: plain}, unit=u.Jy), 1 / flat(SIGMA) ** 2)
    with_unit = kind(SIGMA**power, unit=unit)
    got = inverse_variance(**{argument: with_unit}, unit=u.Jy)
    np.testing.assert_allclose(got, 1e6 / flat(SIGMA) ** 2)  # 1 mJy is 1e-3 Jy
    weighting = weighting_of(None, with_unit, AXES, u.Jy)
    assert weighting.meaning != "weight"


def test_quantity_is_converted_to_the_unit_of_the_data():
    np.testing.assert_allclose(inverse_variance(100 * u.mJy, unit=u.Jy), 100.0)


@pytest.mark.parametrize("dtype", [float, int, bool, ">f4"])
def test_weights_multiply_residuals(dtype):
    weights = (3 * SIGMA).astype(dtype)
    np.testing.assert_allclose(inverse_variance(weights=weights), flat(weights.astype(float)) ** 2, rtol=1e-6)


def test_weights_are_not_absolute():
    assert weighting_of(None, SIGMA, AXES, None).meaning == "weight"


def test_sign_of_weights_does_not_matter():
    np.testing.assert_allclose(inverse_variance(weights=-SIGMA), flat(SIGMA) ** 2)


def left_out(weight):
    return ~(np.isfinite(weight) & (weight > 0))


@pytest.mark.parametrize(
    ("argument", "given", "bad"),
    [
        ("uncertainty", NOT_NUMBERS, [0, 1, 1, 1, 1, 1, 1]),
        ("uncertainty", VarianceUncertainty(NOT_NUMBERS), [0, 1, 1, 1, 1, 1, 0]),
        ("uncertainty", InverseVariance(NOT_NUMBERS), [0, 1, 1, 1, 1, 1, 0]),
        ("weights", NOT_NUMBERS, [0, 1, 0, 1, 1, 1, 1]),
    ],
)
def test_what_is_no_uncertainty_leaves_the_point_out(argument, given, bad):
    np.testing.assert_array_equal(left_out(inverse_variance(**{argument: given})[0]), np.array(bad, bool))


def test_arrays_of_the_user_are_not_changed():
    for given in (SIGMA.copy(), SIGMA[:, 0, 0].copy(), np.array(2.0)):
        before = given.copy()
        inverse_variance(given)
        inverse_variance(weights=given)
        np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"uncertainty": 1.0, "weights": 1.0},
            InputError,
            "Both uncertainty and weights were given. Give one",
        ),
        ({"uncertainty": np.ones(3)}, InputError, "uncertainty has shape (3,), which does not broadcast"),
        ({"weights": np.ones((7, 5))}, InputError, "weights has shape (7, 5), which does not broadcast"),
        ({"uncertainty": 1 * u.Jy}, InputError, "uncertainty is in Jy, but the data is in no unit"),
        ({"uncertainty": 1 * u.Jy, "unit": u.K}, InputError, "Jy does not convert to K. Give it in a unit"),
        (
            {"uncertainty": VarianceUncertainty(SIGMA, unit=u.Jy**2), "unit": u.K},
            InputError,
            "Jy2 does not convert to K2",
        ),
        (
            {"uncertainty": UnknownUncertainty(SIGMA)},
            InputTypeError,
            "NDUncertainty of type 'unknown'. Accepted",
        ),
        ({"uncertainty": "none.fits"}, FileNotFoundError, "uncertainty: there is no file"),
        ({"weights": np.ones(7, complex)}, InputTypeError, "weights is a ndarray with dtype complex128"),
    ],
)
def test_bad_input(arguments, error, text):
    with pytest.raises(error, match=re.escape(text)):
        inverse_variance(**arguments)


def test_a_number_with_dimensionless_unit():
    np.testing.assert_allclose(inverse_variance(50 * u.percent), 4.0)


def test_no_elements():
    assert inverse_variance(SIGMA, block=(slice(0, 0), slice(0, 4))).shape == (0, 7)

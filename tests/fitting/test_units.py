"""Tests of manyfit.fitting._units."""

from __future__ import annotations

import re

import astropy.units as u
import pytest
from astropy.modeling import custom_model, models

from manyfit.errors import InputError
from manyfit.fitting._units import input_units, parameter_units

KMS = u.km / u.s
m = models


@custom_model
def ramp(x, height=1.0):
    """A model without a rule of units."""
    return height * x


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (m.Gaussian1D(), (None,)),
        (m.Gaussian1D(mean=1 * KMS, stddev=1 * KMS), (KMS,)),
        (m.Const1D(1 * u.K), (None,)),
        (m.Const1D() + m.Gaussian1D(mean=1 * KMS, stddev=1 * KMS), (KMS,)),
        (m.Gaussian1D(mean=1 * KMS, stddev=1 * KMS) * m.Const1D(), (KMS,)),
        (m.Shift(1 * u.m) | m.Gaussian1D(mean=1 * u.m, stddev=1 * u.m), (u.m,)),
        (m.RedshiftScaleFactor(1) | m.Gaussian1D(mean=1 * u.m, stddev=1 * u.m), (None,)),
        (m.BlackBody(5000 * u.K), (u.Hz,)),
        (m.Planar2D(1 * u.K / u.m, 1 * u.K / u.s, 0 * u.K), (None, None)),
        (m.Gaussian2D(1, 0 * u.m, 0 * u.m, 1 * u.m, 1 * u.m), (u.m, u.m)),
    ],
)
def test_units_that_a_model_expects(model, expected):
    assert input_units(model) == expected


@pytest.mark.parametrize(
    ("model", "inputs", "output", "expected"),
    [
        (m.Gaussian1D(), (KMS,), u.K, (u.K, KMS, KMS)),
        (m.Gaussian1D(), (None,), u.K, (u.K, None, None)),
        (m.Gaussian1D(), (KMS,), None, (None, KMS, KMS)),
        (m.Gaussian1D(), (None,), None, (None, None, None)),
        (m.Linear1D(), (u.s,), u.m, (u.m / u.s, u.m)),
        (m.Linear1D(), (None,), u.m, (u.m, u.m)),
        (m.Linear1D(), (u.s,), None, (1 / u.s, None)),
        (m.PowerLaw1D(), (u.um,), u.Jy, (u.Jy, u.um, None)),
        (m.Polynomial1D(2), (u.s,), u.m, (u.m, u.m / u.s, u.m / u.s**2)),
        (m.Sine1D(), (u.s,), u.m, (u.m, 1 / u.s, None)),
        (m.Gaussian2D(), (u.deg, u.deg), u.Jy, (u.Jy, *[u.deg] * 4, u.rad)),
        (m.Planar2D(), (u.mm, u.kg), u.Jy, (u.Jy / u.mm, u.Jy / u.kg, u.Jy)),
        (m.Chebyshev1D(2), (u.s,), u.m, (None, None, None)),
        (ramp(), (u.s,), u.m, (None,)),
        (m.Gaussian1D() + m.Linear1D() - m.Const1D(), (u.s,), u.K, (u.K, u.s, u.s, u.K / u.s, u.K, u.K)),
        (m.Gaussian1D() + m.Chebyshev1D(1), (u.s,), u.K, (u.K, u.s, u.s, None, None)),
        # a product: the unit of the data goes to the part that has none of its own
        (m.Gaussian1D() * m.Const1D(), (u.s,), u.K, (u.K, u.s, u.s, None)),
        (
            m.Gaussian1D(mean=1 * u.s, stddev=1 * u.s) * m.Const1D(2 * u.K),
            (u.s,),
            u.K,
            (u.one, u.s, u.s, u.K),
        ),
        (m.Const1D(2 * u.mK) * m.Gaussian1D(), (u.s,), u.K, (u.mK, 1000 * u.one, u.s, u.s)),
        (m.Gaussian1D() / m.Const1D(2 * u.s), (u.s,), u.m, (u.m * u.s, u.s, u.s, u.s)),
        (m.Const1D(2 * u.s) / m.Linear1D(), (u.s,), u.m, (u.s, 1 / u.m, u.s / u.m)),
        # a chain: what the first hands to the second
        (m.Shift() | m.Gaussian1D(), (u.s,), u.K, (u.s, u.K, u.s, u.s)),
        (m.Scale(2) | m.Gaussian1D(), (u.s,), u.K, (None, u.K, u.s, u.s)),
        (m.RedshiftScaleFactor() | m.Gaussian1D(), (u.s,), u.K, (None, u.K, u.s, u.s)),
        (m.Linear1D(2 * u.m / u.s, 0 * u.m) | m.Gaussian1D(), (u.s,), u.K, (u.m / u.s, u.m, u.K, u.m, u.m)),
        ((m.Shift() & m.Shift()) | m.Planar2D(), (u.s, u.m), u.K, (u.s, u.m, u.K / u.s, u.K / u.m, u.K)),
        (m.fix_inputs(m.Planar2D(), {"y": 1 * u.kg}), (u.s,), u.K, (u.K / u.s, u.K / u.kg, u.K)),
        (m.fix_inputs(m.Planar2D(), {0: 1}), (u.s,), u.K, (u.K, u.K / u.s, u.K)),
    ],
)
def test_units_of_parameters(model, inputs, output, expected):
    found = parameter_units(model, inputs, (output,))
    assert len(found) == len(model.param_names)
    for unit, wanted in zip(found, expected, strict=True):
        if wanted is None:
            assert unit is None
        else:
            assert float(unit.to(wanted)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (ramp(1 * u.K), "ramp has parameters with units but no rule"),
        (m.Const1D() ** m.Const1D(), r"operator '\*\*' cannot be known"),
    ],
)
def test_units_that_cannot_be_known(model, text):
    with pytest.raises(InputError, match=text):
        parameter_units(model, (u.s,), (u.K,))


NAMES = re.findall(
    r"\w+",
    """Gaussian1D Lorentz1D Voigt1D Moffat1D Box1D Trapezoid1D RickerWavelet1D Linear1D PowerLaw1D Sine1D
BrokenPowerLaw1D ExponentialCutoffPowerLaw1D LogParabola1D Exponential1D Logarithmic1D Drude1D Sersic1D
KingProjectedAnalytic1D Schechter1D""",
)


@pytest.mark.parametrize("name", NAMES)
def test_same_as_astropy(name):
    model = getattr(models, name)()
    dressed = model.with_units_from_data(x=0 * u.s, y=0 * u.K)
    expected = tuple(getattr(dressed, p).unit for p in model.param_names)
    assert parameter_units(model, (u.s,), (u.K,)) == expected

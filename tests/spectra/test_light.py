"""Air, vacuum and Doppler shift, against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.constants import c
from hypothesis import given
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.spectra import Spectra, air_to_vacuum, doppler_factor, to_rest, to_vacuum, vacuum_to_air
from manyfit.spectra._rows import make_rows

RANGE = np.geomspace(2500, 25000, 300) * u.AA


def test_air_against_specutils():
    pytest.importorskip("specutils")
    from specutils.utils.wcs_utils import air_to_vac, vac_to_air

    # they have the same formula, one step of its inverse, and coefficients in m
    np.testing.assert_allclose(vacuum_to_air(RANGE).value, vac_to_air(RANGE, method="Ciddor1996").value, rtol=1e-9)
    theirs = air_to_vac(RANGE, scheme="iteration", method="Ciddor1996").value
    np.testing.assert_allclose(air_to_vacuum(RANGE).value, theirs, rtol=1e-9)


@given(st.floats(0.2001, 30))
def test_air_and_back(micron):
    air = vacuum_to_air(micron * u.um)
    assert air.value < micron
    assert air_to_vacuum(air).value == pytest.approx(micron, rel=4e-16)


def test_ultraviolet_stays():
    assert vacuum_to_air(1500 * u.AA) == 1500 * u.AA


@pytest.mark.parametrize("velocity", [-1000.0, 0.0, 37.5, 2e5])
def test_doppler_against_astropy(velocity):
    with_units = velocity * u.km / u.s
    rest = 15000 * u.AA
    expected = with_units.to(u.AA, u.doppler_relativistic(rest)) / rest
    assert doppler_factor(velocity) == pytest.approx(expected.value, rel=1e-12)
    assert doppler_factor(with_units) * doppler_factor(-with_units) == pytest.approx(1, rel=1e-15)


@pytest.mark.parametrize("velocity", [np.nan, np.inf, c, -4e5, [1, np.nan]])
def test_velocities_that_are_none(velocity):
    with pytest.raises(InputError, match="finite velocities below"):
        doppler_factor(velocity)


def spectra(**more):
    rows = make_rows(["visit"] * 2, velocity=more.pop("velocity", [30.0, 30.0]))
    return Spectra([5000, 5001, 5002] * u.AA, np.ones((2, 3)), np.ones((2, 3)), rows=rows, **more)


def test_to_rest():
    r = to_rest(spectra(frame="observed"))
    np.testing.assert_allclose(r.wavelength.value * doppler_factor(30), [5000, 5001, 5002])
    assert (r.frame, list(r.rows["velocity"])) == ("rest", [0, 0])
    assert to_rest(r) is r


@pytest.mark.parametrize(
    ("velocity", "match"), [([1.0, 2.0], "2 velocities and one grid"), ([np.nan, 1.0], "not in the file")]
)
def test_to_rest_needs_one_velocity(velocity, match):
    with pytest.raises(InputError, match=match):
        to_rest(spectra(velocity=velocity))


def test_to_vacuum():
    s = to_vacuum(spectra(medium="air"))
    assert s.medium == "vacuum"
    np.testing.assert_allclose(s.wavelength.value, air_to_vacuum([5000, 5001, 5002] * u.AA).value)
    assert to_vacuum(s) is s
    with pytest.raises(InputError, match="not known whether"):
        to_vacuum(spectra())

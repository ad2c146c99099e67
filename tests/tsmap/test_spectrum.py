from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from astropy import units as u
from astropy.modeling.models import Const1D, PowerLaw1D
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError, InputTypeError
from manyfit.tsmap import Band, CutoffPowerLaw, PowerLaw, Spectrum
from manyfit.tsmap._spectrum import spectrum_of

EDGES = np.array([100, 158.489, 251.189, 1000, 10000.0])


def exact(function, edges, breaks=()):
    """Integrals by mpmath with 30 digits."""
    with mpmath.workdps(30):
        sums = []
        for low, high in pairwise(edges):
            points = [low, *(b for b in breaks if low < b < high), high]
            sums.append(float(mpmath.quad(function, [mpmath.mpf(p) for p in points])))
    return np.array(sums)


@given(st.floats(-4, 3), st.floats(10, 1000))
@settings(max_examples=30, deadline=None)
def test_power_law(index, pivot):
    expected = exact(lambda e: (e / pivot) ** index, EDGES)
    np.testing.assert_allclose(PowerLaw(index, pivot).flux(EDGES), expected, rtol=1e-12)


@pytest.mark.parametrize("index", [-1.0, -1.0 + 1e-9, -1.0 - 1e-13])
def test_power_law_near_the_logarithm(index):
    np.testing.assert_allclose(
        PowerLaw(index).flux(EDGES), exact(lambda e: (e / 100) ** mpmath.mpf(index), EDGES), rtol=1e-13
    )


@pytest.mark.parametrize(("index", "cutoff"), [(-1.5, 300.0), (0.5, 50.0), (-2.0, 1e5)])
def test_cutoff_power_law(index, cutoff):
    expected = exact(lambda e: 2 * (e / 200) ** index * mpmath.exp(-e / cutoff), EDGES)
    np.testing.assert_allclose(CutoffPowerLaw(index, cutoff, 200, 2).flux(EDGES), expected, rtol=1e-11)


@pytest.mark.parametrize(("alpha", "beta", "peak"), [(-1.0, -2.3, 300.0), (0.0, -3.0, 150.0), (-1.9, -2.0, 50.0)])
def test_band(alpha, beta, peak):
    folding = peak / (2 + alpha)
    joint = (alpha - beta) * folding

    def function(e):
        if e < joint:
            return (e / 100) ** alpha * mpmath.exp(-e / folding)
        return (joint / 100) ** (alpha - beta) * mpmath.exp(beta - alpha) * (e / 100) ** beta

    spectrum = Band(alpha, beta, peak)
    np.testing.assert_allclose(spectrum.flux(EDGES), exact(function, EDGES, (joint,)), rtol=1e-11)
    below, above = spectrum(np.array([joint * (1 - 1e-12), joint * (1 + 1e-12)]))
    assert below == pytest.approx(above, rel=1e-10)


def test_bins_add_up():
    for spectrum in (PowerLaw(-2.2), CutoffPowerLaw(-1, 500), Band(-1, -2.5, 400), Spectrum(lambda e: 1 / e)):
        assert spectrum.flux(EDGES).sum() == pytest.approx(spectrum.flux(EDGES[[0, -1]])[0], rel=1e-11)


def test_units():
    spectrum = PowerLaw(index=-2.2, pivot=0.1 * u.MeV, norm=1e4 / (u.cm**2 * u.s * u.MeV))
    assert (spectrum.index, spectrum.pivot, spectrum.norm) == pytest.approx((-2.2, 100, 10), rel=1e-14)
    np.testing.assert_allclose(spectrum.flux(EDGES / 1000 * u.MeV), spectrum.flux(EDGES), rtol=1e-14)


def test_models_of_astropy():
    expected = PowerLaw(-2.2, 100, 3).flux(EDGES)
    np.testing.assert_allclose(Spectrum(PowerLaw1D(3, 100, 2.2)).flux(EDGES), expected, rtol=1e-12)
    with_units = PowerLaw1D(3e3 / (u.cm**2 * u.s * u.MeV), 0.1 * u.MeV, 2.2)
    np.testing.assert_allclose(Spectrum(with_units).flux(EDGES), expected, rtol=1e-12)
    np.testing.assert_allclose(Spectrum(Const1D(2)).flux(EDGES), 2 * np.diff(EDGES), rtol=1e-12)
    np.testing.assert_allclose(spectrum_of(lambda energy: 3 * (energy / 100) ** -2.2).flux(EDGES), expected, rtol=1e-12)


def test_what_is_no_spectrum():
    with pytest.raises(InputTypeError, match="is a int"):
        spectrum_of(3)
    with pytest.raises(InputTypeError, match="function of energy"):
        Spectrum(3)
    assert spectrum_of(PowerLaw(-2)) == PowerLaw(-2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: PowerLaw(-2, pivot=1 * u.m), "pivot is"),
        (lambda: PowerLaw(-2, pivot=0), "positive"),
        (lambda: PowerLaw(-2, norm=1 * u.keV), "norm is"),
        (lambda: PowerLaw(np.nan), "finite"),
        (lambda: CutoffPowerLaw(-2, cutoff=-1), "cutoff is -1"),
        (lambda: Band(-2.5, -3, 100), "alpha > -2"),
        (lambda: Band(-2, -1, 100), "alpha > beta"),
        (lambda: PowerLaw(-2).flux([100]), "edges are"),
        (lambda: PowerLaw(-2).flux([0, 100]), "edges are"),
        (lambda: PowerLaw(-2).flux([200, 100]), "edges are"),
        (lambda: Spectrum(lambda e: -e).flux([100, 200]), "from 100 to 200 keV"),
        (lambda: Spectrum(lambda e: e * np.nan).flux([100, 200]), "from 100 to 200 keV"),
    ],
)
def test_bad_numbers(make, text):
    with pytest.raises(InputError, match=text):
        make()

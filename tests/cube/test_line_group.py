"""Line groups: ties, ratios, units, and what a fit of one says."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manyfit
from manyfit.cube import line_group, line_values
from manyfit.cube._rest_wavelengths import VACUUM, rest_wavelength, to_air
from manyfit.errors import InputError
from manyfit.models import explain

C = 299792.458
NITROGEN = {("[N II] 6583", "[N II] 6548"): 2.96}
NAMES = ["Halpha", "[N II] 6583", "[N II] 6548"]
X = np.arange(6500.0, 6640.0, 0.7)
FLUX = u.erg / u.s / u.cm**2 / u.AA


def test_lines_move_and_widen_together():
    group = line_group(NAMES, medium="air", ratios=NITROGEN, velocity=250, stddev=90, amplitude=2.0)
    group.mean_0, group.stddev_0, group.amplitude_1 = 6570.0, 2.5, 7.0
    result = manyfit.fit(group, np.ones((len(X), 1)), world=(X,), max_iterations=1)
    means = [result[f"mean_{i}"][0] for i in range(3)]
    widths = [result[f"stddev_{i}"][0] for i in range(3)]
    rest = [rest_wavelength(name, "air").value for name in NAMES]
    np.testing.assert_allclose(np.divide(means, rest), means[0] / rest[0], rtol=1e-14)
    np.testing.assert_allclose(np.divide(widths, rest), widths[0] / rest[0], rtol=1e-14)


@pytest.mark.parametrize("continuum", [None, 0, 1, 3])
@pytest.mark.parametrize("amplitude", [1.0, 1e-16 * FLUX])
def test_compiles(continuum, amplitude):
    group = line_group(NAMES, medium="vacuum", ratios=NITROGEN, continuum=continuum, amplitude=amplitude)
    assert explain(group).compiled
    assert len(group.param_names) == 9 + (0 if continuum is None else 2 + continuum)


def test_ratio_is_of_fluxes():
    group = line_group(NAMES, medium="air", ratios={("[N II] 6583", "[N II] 6548"): 2.0})
    data = line_group(NAMES, medium="air", amplitude=3.0)(X)[:, None]
    values = line_values(manyfit.fit(group, data, world=(X,)))
    assert values.flux["[N II] 6583"] / values.flux["[N II] 6548"] == pytest.approx(2.0, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(
    velocity=st.floats(-400, 400),
    stddev=st.floats(60, 250),
    amplitude=st.floats(0.5, 20),
    slope=st.floats(-0.05, 0.05),
)
def test_finds_what_was_put_in(velocity, stddev, amplitude, slope):
    truth = line_group(NAMES, medium="air", velocity=velocity, stddev=stddev, amplitude=amplitude)
    data = truth(X) + 5 + slope * (X - 6562.0)
    group = line_group(NAMES, medium="air", continuum=1, amplitude=amplitude, velocity=velocity + 30, stddev=120)
    values = line_values(manyfit.fit(group, data[:, None], world=(X,)))
    assert values.velocity[0].to_value(u.km / u.s) == pytest.approx(velocity, abs=1e-3)
    assert values.stddev[0].to_value(u.km / u.s) == pytest.approx(stddev, abs=1e-3)
    expected = np.sqrt(2 * np.pi) * truth.amplitude_0 * truth.stddev_0
    assert values.flux["Halpha"][0] == pytest.approx(expected, rel=1e-5)


def simulated(unit=None):
    rng = np.random.default_rng(4)
    truth = line_group(NAMES, medium="air", ratios=NITROGEN, velocity=120, stddev=110, amplitude=6.0)
    truth.amplitude_2 = truth.amplitude_2.tied(truth)
    data = truth(X)[:, None] + 2.0 + rng.normal(0, 0.4, (len(X), 3000))
    group = line_group(
        NAMES, medium="air", ratios=NITROGEN, continuum=1, amplitude=4.0 if unit is None else 4.0 * unit, stddev=150
    )
    scale = 1 if unit is None else unit
    world = X if unit is None else X * u.AA
    return truth, line_values(manyfit.fit(group, data * scale, world=(world,), uncertainty=0.4 * scale))


def test_errors_are_what_they_say():
    truth, values = simulated()
    expected = np.sqrt(2 * np.pi) * truth.amplitude_0.value * truth.stddev_0.value
    pulls = {
        "velocity": (values.velocity - 120 * u.km / u.s) / values.velocity_error,
        "stddev": (values.stddev - 110 * u.km / u.s) / values.stddev_error,
        "Halpha": (values.flux["Halpha"] - expected) / values.flux_error["Halpha"],
        "[N II]": (values.flux["[N II] 6548"] - np.mean(values.flux["[N II] 6548"])) / values.flux_error["[N II] 6548"],
    }
    for name, pull in pulls.items():
        assert abs(np.mean(pull)) < 0.1, name
        assert float(np.std(pull)) == pytest.approx(1, abs=0.05), name


def test_units_make_no_difference():
    (_, plain), (_, dressed) = simulated(), simulated(FLUX)
    np.testing.assert_allclose(dressed.velocity, plain.velocity, rtol=1e-9, atol=1e-9 * u.km / u.s)
    for name in NAMES:
        np.testing.assert_allclose(dressed.flux[name].to_value(FLUX * u.AA), plain.flux[name], rtol=1e-9)
        np.testing.assert_allclose(dressed.flux_error[name].to_value(FLUX * u.AA), plain.flux_error[name], rtol=1e-9)


def test_limits_and_maps_as_start_values():
    maps = np.array([[1.0, 2.0], [3.0, 4.0]])
    group = line_group(
        NAMES,
        medium="air",
        amplitude=maps,
        velocity=10 * maps,
        velocity_limits=(-50, 50),
        stddev_limits=(80 * u.km / u.s, 0.2e6 * u.m / u.s),
    )
    assert group.mean_0.shape == maps.shape
    low, high = group.mean_0.bounds
    assert C * (low / 6562.797 - 1) == pytest.approx(-50, abs=0.05)
    assert C * (high / 6562.797 - 1) == pytest.approx(50, abs=0.05)
    assert group.stddev_0.bounds == pytest.approx((6562.797 * 80 / C, 6562.797 * 200 / C), rel=1e-6)


def test_one_line_without_continuum():
    group = line_group("Hbeta", medium="vacuum", stddev=200)
    x = np.arange(4840.0, 4890.0)
    truth = line_group("Hbeta", medium="vacuum", stddev=180, velocity=-60)(x)
    values = line_values(manyfit.fit(group, truth[:, None], world=(x,)))
    assert values.velocity[0].value == pytest.approx(-60, abs=1e-4)
    assert set(values.flux) == {"Hbeta"}


def test_own_lines_and_pickles():
    group = line_group({"a": 656.28 * u.nm, "b": 658.3 * u.nm}, continuum=0)
    again = pickle.loads(pickle.dumps(group))
    np.testing.assert_array_equal(again(X), group(X))
    assert again.mean_1.tied == group.mean_1.tied


@pytest.mark.parametrize(
    ("name", "air"),
    # observed in air: NIST Atomic Spectra Database
    [
        *[("Halpha", 6562.80), ("Hbeta", 4861.333), ("Hgamma", 4340.47)],
        *[("[O III] 5007", 5006.843), ("[O III] 4959", 4958.911), ("[N II] 6548", 6548.05), ("[N II] 6583", 6583.45)],
        *[("[S II] 6716", 6716.440), ("[S II] 6731", 6730.816), ("[O I] 6300", 6300.304), ("[O I] 6364", 6363.776)],
    ],
)
def test_air_wavelengths(name, air):
    assert rest_wavelength(name, "air").value == pytest.approx(air, abs=0.02)


def test_air_agrees_with_specutils():
    from specutils.utils.wcs_utils import vac_to_air

    waves = np.array(list(VACUUM.values()))
    np.testing.assert_allclose(to_air(waves), vac_to_air(waves * u.AA, method="Ciddor1996").value, rtol=2e-9)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"lines": ["Halfa"], "medium": "air"}, "Did you mean 'Halpha'"),
        ({"lines": ["Halpha"]}, "'air' or in 'vacuum'"),
        ({"lines": ["Halpha"], "medium": "water"}, "'air' or in 'vacuum'"),
        ({"lines": []}, "no lines"),
        ({"lines": ["Halpha"], "medium": "air", "ratios": NITROGEN}, "is not known"),
    ],
)
def test_says_what_is_wrong(arguments, text):
    with pytest.raises(InputError, match=text):
        line_group(**arguments)


def test_other_fits_are_refused():
    from astropy.modeling.models import Gaussian1D

    with pytest.raises(InputError, match="line_group"):
        line_values(manyfit.fit(Gaussian1D(1, 2, 1), np.ones((5, 1))))

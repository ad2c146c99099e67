"""Decomposition of simulated and real spectra."""

from __future__ import annotations

import os
import time
from dataclasses import fields, replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Gaussian1D
from astropy.table import QTable
from astropy.wcs import WCS

import manyfit
from manyfit.cube import decompose, read
from manyfit.cube._bands import Bands
from manyfit.cube._choice import Found, Needs
from manyfit.cube._component_coherence import coherent
from manyfit.cube._criterion import aicc
from manyfit.cube._spectra import Spectra, gaussians
from manyfit.cube._steps import FAINTEST, find_peaks, solve, starts
from manyfit.cube._sum_fit import fit_sum, inside
from manyfit.errors import InputError, OutputExists
from manyfit.fitting._result import FitResult
from manyfit.kernels import Solution, Status

FOLDER = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes"
SPEED = u.km / u.s
FWHM = 2.354820045


def lines(n, number, rng, channels=120, snr=(8, 30), width=(1.5, 5.0), apart=1.5):
    """Lines (n, 3 number) whose neighbours are `apart` times the larger of their two FWHM away from each other."""
    made = np.empty((n, 3 * number))
    for row in made:
        gap = -1.0
        while gap < 0:
            s = rng.uniform(*width, number)
            m = np.sort(rng.uniform(3 * s.max(), channels - 3 * s.max(), number))
            gap = np.min(np.diff(m) - apart * FWHM * np.maximum(s[1:], s[:-1]), initial=1.0)
        row[:] = np.stack([rng.uniform(*snr, number), m, s], axis=1).reshape(-1)
    return made


def cube_of(spectra, **keywords):
    """A cube of some spectra (spectra, channels), one row of pixels."""
    data = np.ascontiguousarray(spectra.T)[:, None, :] * u.K
    return read(data, spectral_axis=np.arange(spectra.shape[1]) * SPEED, **keywords)


def simulated(n, number, seed, channels=120, **keywords):
    rng = np.random.default_rng(seed)
    truth = lines(n, number, rng, channels, **keywords)
    return truth, gaussians(np.arange(float(channels))[None], truth) + rng.normal(size=(n, channels))


def shares(spectra, number, **keywords):
    """Part of the spectra that has the right number, and too many."""
    found = decompose(cube_of(spectra), noise=1.0, match=False, **keywords).n_components
    return np.mean(found == number), np.mean(found > number)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("criterion", ["aicc", "bic"])
def test_finds_the_right_number(number, criterion):
    spectra = simulated(300, number, number)[1]
    right, more = shares(spectra, number, criterion=criterion, max_components=4, coherence=False)
    assert right >= 0.98
    assert more <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("criterion", ["aicc", "bic"])
def test_finds_the_right_number_in_ten_thousand(criterion):
    results = [shares(simulated(3334, n, 10 + n)[1], n, criterion=criterion, max_components=4) for n in (1, 2, 3)]
    right, more = np.mean(results, axis=0)
    print(f"{criterion}: right {right:.4f}, too many {more:.4f}")
    assert right >= 0.95
    assert more <= 0.01
    assert max(share for _, share in results) <= 0.01


@pytest.mark.parametrize("snr", [(100, 300), (1000, 3000)])
def test_bright_lines_stay_one(snr):
    right, _ = shares(simulated(600, 1, 7, snr=snr)[1], 1, coherence=False)
    assert right >= 0.99


def test_noise_is_no_line():
    noise = np.random.default_rng(8).normal(size=(2500, 100))
    found = decompose(cube_of(noise), noise=1.0, false_alarm=0.01, max_components=1, coherence=False).n_components
    assert 0.002 < np.mean(found > 0) < 0.015


def test_the_criterion_alone_takes_noise_for_lines():
    # what AICc and BIC say by themselves: the reason for a second rule
    spectra = simulated(400, 1, 9)[1]
    assert shares(spectra, 1, criterion="aicc", false_alarm=None, coherence=False)[1] > 0.15
    bic = {"criterion": "bic", "coherence": False}
    assert shares(spectra, 1, false_alarm=None, **bic)[1] > shares(spectra, 1, **bic)[1]


def test_blends_down_to_one_width():
    for apart, least in ((1.2, 0.95), (1.0, 0.85)):
        right, more = shares(simulated(300, 2, 11, snr=(15, 40), apart=apart)[1], 2)
        assert right >= least
        assert more <= 0.01


def test_values_and_errors():
    truth, spectra = simulated(1500, 2, 12, snr=(15, 30))
    found = decompose(cube_of(spectra), noise=1.0, match=False, coherence=False)
    right = found.n_components[0] == 2
    for i, name in enumerate(found.names):
        pull = ((found[name][:2, 0].value.T - truth[:, i::3]) / found.error[name][:2, 0].value.T)[right]
        assert abs(np.mean(pull)) < 0.1, name
        assert np.std(pull) == pytest.approx(1, abs=0.05), name
    assert np.mean(found.statistic[0, right] / found.dof[0, right]) == pytest.approx(1, abs=0.01)


def test_same_as_one_fit_of_that_number():
    _, spectra = simulated(40, 2, 13)
    found = decompose(cube_of(spectra), noise=1.0, max_components=2, match=False)
    start = [[found[name][i, 0].value for name in found.names] for i in range(2)]
    again = manyfit.fit(
        Gaussian1D(*start[0]) + Gaussian1D(*start[1]),
        spectra,
        fitting_axes=1,
        world=(np.arange(120.0),),
        uncertainty=np.ones((40, 120)),
    )
    good = found.n_components[0] == 2
    np.testing.assert_allclose(again.statistic[good], found.statistic[0, good], rtol=1e-10)
    for name in found.names:
        np.testing.assert_allclose(again[f"{name}_0"][good], found[name][0, 0].value[good], rtol=1e-5)
        np.testing.assert_allclose(again.error[f"{name}_1"][good], found.error[name][1, 0].value[good], rtol=1e-4)
    np.testing.assert_allclose(
        again.covariance[good], np.asarray(found.result.covariance[0, good]), rtol=1e-3, atol=1e-7
    )


def test_spectra_that_are_left_out_gain_nothing():
    _, spectra = simulated(800, 1, 14)
    needed = 21.0
    whole = Spectra(spectra, np.ones((1, 1)), np.arange(120.0)[None], 0.5, 30.0)
    one = solve(whole, 1, needed)[1].values
    peaks = find_peaks(whole, spectra - gaussians(whole.x, one))
    quiet = np.flatnonzero(peaks[:, 3] ** 2 < FAINTEST**2 * needed)
    assert len(quiet) > 50
    some = whole.take(quiet)
    tried = [fit_sum(some, start) for start in starts(some, one[quiet], peaks[quiet])]
    gain = fit_sum(some, one[quiet]).statistic - np.min([t.statistic for t in tried], axis=0)
    assert not np.any(gain > needed)


def test_neighbours_share_numbers():
    y, x = np.indices((10, 12))
    axis = np.arange(80.0)
    layer = np.stack([np.full(y.shape, 12.0), 25 + 1.2 * x, np.full(y.shape, 2.0)])
    other = np.stack([np.full(y.shape, 9.0), 45 - 0.5 * y, np.full(y.shape, 3.0)])
    other[0, (x < 5)] = 0
    bells = [a * np.exp(-0.5 * ((axis[:, None, None] - m) / s) ** 2) for a, m, s in (layer, other)]
    data = sum(bells) + np.random.default_rng(1).normal(size=(80, 10, 12))
    found = decompose(read(data * u.K, spectral_axis=axis * SPEED), noise=1.0)
    clear = np.abs(layer[1] - other[1]) > 9
    assert np.mean((found.n_components == np.where(x < 5, 1, 2))[clear]) > 0.98
    first = np.nanargmin(np.abs(found["mean"][:, 5, 2].value - layer[1, 5, 2]))
    there = clear & np.isfinite(found["mean"][first].value)
    np.testing.assert_allclose(found["mean"][first].value[there], layer[1][there], atol=1.5)


# -- what may be given -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """Five by four spectra, some bad values, two lines in half of the pixels."""
    rng = np.random.default_rng(20)
    truth = lines(20, 2, rng, channels=60, width=(1.5, 2.5))
    truth[::2, 3] = 0.0
    data = (gaussians(np.arange(60.0)[None], truth) + rng.normal(size=(20, 60))).T.reshape(60, 5, 4)
    data[:, 0, 0] = np.nan
    data[30, 1, :] = np.inf
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "VRAD"]
    wcs.wcs.cunit, wcs.wcs.cdelt, wcs.wcs.crval = ["deg", "deg", "km/s"], [-0.01, 0.01, 0.5], [10, 20, -3]
    wcs.wcs.crpix = [1, 1, 1]
    return fits.PrimaryHDU(data, _header(wcs))


def _header(wcs):
    header = wcs.to_header()
    header["BUNIT"] = "K"
    return header


def test_bad_values_are_no_reason_to_stop(small):
    found = decompose(read(small), noise=1.0)
    assert found.n_components[0, 0] == -1
    assert found.status[0, 0] == Status.NO_VALID_POINTS
    assert np.isnan(found["mean"][:, 0, 0]).all()
    assert np.all(found.n_components.reshape(-1)[1:] >= 1)


def test_unselected_spectra_are_not_fitted(small):
    select = np.zeros((5, 4), bool)
    select[2:4, 1:] = True
    found = decompose(read(small), select, noise=1.0)
    np.testing.assert_array_equal(found.n_components >= 0, select)
    assert np.all(found.status[~select] == Status.NOT_FITTED)
    whole = decompose(read(small), noise=1.0, match=False, coherence=False)
    part = decompose(read(small), select, noise=1.0, match=False, coherence=False)
    np.testing.assert_array_equal(part["amplitude"][:, select], whole["amplitude"][:, select])


def test_threads_and_bands_change_nothing(small, monkeypatch):
    whole = decompose(read(small), noise=1.0, workers=1)
    monkeypatch.setattr("manyfit.cube._bands.SPECTRA_AT_ONCE", 6)
    parts = decompose(read(small), noise=1.0, workers=2)
    for name in whole.names:
        np.testing.assert_array_equal(parts[name].value, whole[name].value)
        np.testing.assert_array_equal(parts.error[name].value, whole.error[name].value)
    np.testing.assert_array_equal(parts.criteria, whole.criteria)


def test_noise_of_any_shape_and_unit(small):
    cube = read(small)
    first = decompose(cube, noise=1.0)
    noises = (np.ones((5, 4)), 1e3 * u.mK, np.ones((60, 5, 4)), np.ones((1, 5, 4)) * u.K)
    for noise in noises:
        np.testing.assert_allclose(decompose(cube, noise=noise)["mean"].value, first["mean"].value, rtol=1e-6)
    assert np.sum(decompose(cube, noise=4.0).n_components) < np.sum(first.n_components)


def test_axes_of_any_direction_and_per_pixel(small):
    cube = read(small)
    first = decompose(cube, noise=1.0)
    turned = decompose(_turned(cube), noise=1.0)
    np.testing.assert_array_equal(turned.n_components, first.n_components)
    np.testing.assert_allclose(turned["mean"].value, first["mean"].value, rtol=1e-5, atol=1e-5)
    shift = np.arange(20.0).reshape(5, 4) * 0.01 * SPEED
    own = replace(cube, spectral_axis=cube.spectral_axis[:, None, None] + shift)
    each = decompose(own, noise=1.0)
    np.testing.assert_array_equal(each.n_components, first.n_components)
    np.testing.assert_allclose((each["mean"] - shift).value, first["mean"].value, rtol=1e-5, atol=1e-5)


def _turned(cube):
    return replace(cube, data=np.asarray(cube.data)[::-1], spectral_axis=cube.spectral_axis[::-1])


def test_one_spectrum(small):
    cube = read(small)
    one, whole = decompose(cube[:, 2, 1], noise=1.0), decompose(cube, noise=1.0, match=False)
    assert one.shape == ()
    assert one.n_components == whole.n_components[2, 1]
    np.testing.assert_allclose(one["mean"].value, whole["mean"][:, 2, 1].value)


def test_signal_mask_gives_the_noise_of_the_rest(small):
    cube = read(small)
    signal = manyfit.cube.signal_mask(cube, noise=np.ones((5, 4)) * u.K, min_voxels=3, min_bright_voxels=1)
    found = decompose(cube, signal)
    np.testing.assert_array_equal(found.n_components >= 0, signal.spatial & (found.status != Status.NO_VALID_POINTS))


def test_limits_of_width():
    _, spectra = simulated(30, 1, 21, width=(3.0, 4.0))
    found = decompose(cube_of(spectra), noise=1.0, width=(1.0 * SPEED, 2000 * u.m / u.s), max_components=1)
    assert np.nanmax(found["stddev"].value) <= 2.0


def test_input_is_left_alone(small):
    cube = read(small)
    before, noise = np.array(cube.data), np.ones((5, 4))
    decompose(cube, noise=noise)
    np.testing.assert_array_equal(np.asarray(cube.data), before)
    assert np.all(noise == 1)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"max_components": 0}, "from 1 to 5"),
        ({"max_components": 9}, "from 1 to 5"),
        ({"criterion": "aic"}, "Did you mean 'aicc'"),
        ({"order": "mean"}, "'velocity', 'amplitude'"),
        ({"false_alarm": 2}, "between 0 and 1"),
        ({"width": (3 * SPEED, 1 * SPEED)}, "smaller and a larger"),
        ({"width": (3 * u.K, None)}, "width is in K"),
        ({"signal": np.ones((3, 3), bool)}, "shape"),
        ({"noise": np.ones((7, 7))}, "noise"),
        ({"noise": 1 * u.Jy}, "Jy"),
        ({"noise": 0.0}, "noise"),
    ],
)
def test_says_what_is_wrong(small, keywords, text):
    with pytest.raises(InputError, match=text):
        decompose(read(small), **{"noise": 1.0, **keywords})


# -- what comes out --------------------------------------------------------------------------------------------------


def test_fits_file(small, tmp_path):
    found = decompose(read(small), noise=1.0)
    found.to_fits(tmp_path / "a.fits")
    with pytest.raises(OutputExists):
        found.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        np.testing.assert_array_equal(hdus["NCOMP"].data, found.n_components)
        np.testing.assert_array_equal(hdus["MEAN_1"].data, found["mean"][1].value)
        np.testing.assert_array_equal(hdus["MEAN_1_ERR"].data, found.error["mean"][1].value)
        np.testing.assert_array_equal(hdus["DOF"].data, found.dof)
        np.testing.assert_array_equal(found.result.dof, found.result.n_points - 3 * np.maximum(found.n_components, 0))
        np.testing.assert_array_equal(hdus["AICC_2"].data, found.criteria[2])
        assert hdus["AMPLITUDE_0"].header["BUNIT"] == "K"
        assert WCS(hdus["NCOMP"].header).celestial.wcs.crval.tolist() == [10, 20]
    again = FitResult.read(tmp_path / "a.fits")
    np.testing.assert_array_equal(again["stddev_0"].value, found["stddev"][0].value)


def test_table(small, tmp_path):
    found = decompose(read(small), noise=1.0)
    table = found.to_table()
    assert len(table) == found.n_components[found.n_components > 0].sum()
    row = table[5]
    place = (row["component"], row["index_0"], row["index_1"])
    assert row["mean"] == found["mean"][place]
    assert row["mean_error"] == found.error["mean"][place]
    table.write(tmp_path / "a.ecsv")
    assert QTable.read(tmp_path / "a.ecsv")["amplitude"].unit == u.K


def test_model_and_residual_cubes(small):
    cube = read(small)
    found = decompose(cube, noise=1.0)
    model, residual = found.model_cube(), found.residual_cube()
    assert not isinstance(model.data, np.ndarray)
    total, left = np.asarray(model.data), np.asarray(residual.data)
    assert np.isnan(total[:, 0, 0]).all()
    values = cube.values()
    chi2 = np.nansum(np.where(np.isfinite(values), left, np.nan) ** 2, axis=0)
    good = found.n_components >= 0
    np.testing.assert_allclose(chi2[good], found.statistic[good], rtol=1e-10)
    np.testing.assert_allclose((total + left)[np.isfinite(left)], values[np.isfinite(left)], atol=1e-12)


def test_pictures(small):
    found = decompose(read(small), noise=1.0)
    assert found.plot().get_title() == "components"
    assert found.plot("mean_0").get_title() == "mean_0"
    assert {"amplitude 0", "mean 1", "stddev 2", "number of components"} <= {
        ax.get_title() for ax in found.plot_all().axes
    }
    assert len(found.plot_spectrum((2, 1)).axes[0].lines) == 2 + found.n_components[2, 1]
    assert "components" in found.summary()


# -- a baseline ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_baseline_below_the_lines(degree):
    truth, spectra = simulated(300, 2, 30 + degree, snr=(10, 30))
    x = np.arange(120.0) - 59.5
    coefficients = [3.0, -0.05, 0.002][: degree + 1]
    tilted = spectra + sum(c * x**power for power, c in enumerate(coefficients))
    plain, found = (
        decompose(cube_of(each), noise=1.0, match=False, baseline=b) for each, b in ((spectra, None), (tilted, degree))
    )
    assert np.mean(found.n_components == 2) > 0.97
    right = (found.n_components == 2)[0]
    for power, c in enumerate(coefficients):
        name = next(n for n in found.result.names if n.startswith(f"c{power}"))
        pull = (found.result[name][0].value - c) / found.result.error[name][0].value
        assert abs(np.mean(pull[right])) < 0.25, name
        assert np.std(pull[right]) == pytest.approx(1, abs=0.15), name
    for i, name in enumerate(found.names):
        pull = ((found[name][:2, 0].value.T - truth[:, i::3]) / found.error[name][:2, 0].value.T)[right]
        assert np.std(pull) == pytest.approx(1, abs=0.1), name
    assert np.all(found.dof[0] == 120 - 3 * found.n_components[0] - degree - 1)
    assert np.mean(found.statistic[0, right] / found.dof[0, right]) == pytest.approx(1, abs=0.02)
    left = np.asarray(found.residual_cube().data)
    np.testing.assert_allclose(np.sum(left**2, axis=0), found.statistic, rtol=1e-9)
    assert np.mean(plain.n_components == found.n_components) > 0.95


def test_baseline_is_kept_in_files(small, tmp_path):
    found = decompose(read(small), noise=1.0, baseline=1, max_components=1)
    assert found["mean"].shape == (1, 5, 4)
    found.to_fits(tmp_path / "a.fits")
    again = FitResult.read(tmp_path / "a.fits")
    np.testing.assert_array_equal(again["c1_2"].value, found.result["c1_2"].value)
    assert again["c1_2"].unit.is_equivalent(u.K / SPEED)


# -- neighbours ------------------------------------------------------------------------------------------------------


def gains_of_neighbours(found, sigma):
    """By how much chi2 of each spectrum falls if it is fitted from the components of a neighbour with as many."""
    number, shape = found.n_components, found.shape
    x, gain = found.cube.spectral_axis.value[None], np.zeros(shape)
    spectra = np.moveaxis(found.cube.values(), 0, -1)
    parts = np.stack([found[name].value for name in found.names], axis=-1)  # component, y, x, parameter
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    for m in range(1, found.max_components + 1):
        places = [tuple(place) for place in np.argwhere(number == m)]
        there = set(places)
        for dy, dx in steps:
            here = [(j, i) for j, i in places if (j + dy, i + dx) in there]
            if not here:
                continue
            start = [parts[:, j + dy, i + dx][np.isfinite(parts[:, j + dy, i + dx, 0])].reshape(-1) for j, i in here]
            rows = tuple(np.array(here).T)
            some = Spectra(spectra[rows].astype(float), np.full((1, 1), sigma), x, 0.5, x.size / 4)
            again = fit_sum(some, inside(some, np.array(start)))
            fall = np.where(again.status <= 1, found.statistic[rows] - again.statistic, 0.0)
            gain[rows] = np.maximum(gain[rows], fall)
    return gain


@pytest.fixture(scope="module")
def blends():
    """Two lines closer than their width, so that the start decides which minimum is found."""
    y, x = np.indices((16, 18))
    axis = np.arange(70.0)[:, None, None]
    layers = [(15.0, 26 + 0.3 * x, 2.5), (20.0, 32 + 0.1 * x, 1.5), (12.0, 37 + 0.2 * y, 2.0), (9.0, 42 - 0.1 * x, 1.5)]
    layers.append((9.0, np.full(x.shape, 20.0), 2.0))
    data = sum(a * np.exp(-0.5 * ((axis - m) / s) ** 2) for a, m, s in layers)
    data = data + np.random.default_rng(5).normal(size=data.shape)
    return read(data * u.K, spectral_axis=np.arange(70.0) * SPEED)


def test_no_spectrum_does_better_from_a_neighbour(blends):
    before = decompose(blends, noise=1.0, coherence=False)
    after = decompose(blends, noise=1.0)
    assert np.max(gains_of_neighbours(before, 1.0)) > 0.1
    assert np.max(gains_of_neighbours(after, 1.0)) <= 2e-6 * np.max(after.statistic)
    refits = after.refits
    assert refits.settled
    assert refits.n_changed > 0
    same = before.n_components == after.n_components
    assert np.all(after.statistic[same] <= before.statistic[same] * (1 + 1e-12))
    np.testing.assert_array_equal(refits.changed, (before.statistic != after.statistic) | ~same)
    assert refits.n_lower == np.count_nonzero(refits.changed & same)
    assert refits.n_more == np.count_nonzero(after.n_components > before.n_components)
    assert refits.n_fewer == np.count_nonzero(after.n_components < before.n_components)
    worse = after.criteria > before.criteria * (1 + 1e-12) + 1e-9
    assert not np.any(worse)
    assert np.all(np.isfinite(after.criteria) | ~np.isfinite(before.criteria))
    assert f"changed: {refits.n_changed} spectra" in after.summary()
    assert before.refits is None


def test_neighbours_do_not_depend_on_bands_and_threads(blends, monkeypatch):
    whole = decompose(blends, noise=1.0, workers=2)
    monkeypatch.setattr("manyfit.cube._bands.SPECTRA_AT_ONCE", 40)
    parts = decompose(blends, noise=1.0, workers=1)
    for name in whole.names:
        np.testing.assert_array_equal(parts[name].value, whole[name].value)
    np.testing.assert_array_equal(parts.criteria, whole.criteria)
    assert str(parts.refits) == str(whole.refits)


def test_a_lost_component_comes_back_from_neighbours(blends):
    """Spectra whose number was wrongly taken down get theirs back, with the same chi2."""
    whole = decompose(blends, noise=1.0, match=False)
    broken = whole.result.parameters.solution
    lost = np.zeros(whole.shape, bool)
    lost[4:7, 5:9] = True
    flat = Solution(
        *(
            np.array(getattr(broken, f.name)).reshape(lost.size, *getattr(broken, f.name).shape[2:])
            for f in fields(Solution)
        )
    )
    chi2 = np.full((4, lost.size), np.inf)
    for number in range(4):
        here = whole.n_components.reshape(-1) == number
        chi2[number, here] = whole.statistic.reshape(-1)[here]
    nothing = np.sum(blends.values().astype(float) ** 2, axis=0).reshape(-1)
    chi2[0], number = nothing, whole.n_components.reshape(-1).copy()
    gone = np.flatnonzero(lost.reshape(-1))
    chi2[1:, gone], number[gone] = np.inf, 0
    flat.values[gone], flat.statistic[gone] = np.nan, nothing[gone]
    bands = Bands(blends, np.ones((1, *whole.shape)), 0.5, 17.5, 0)
    found, refits = coherent(Found(number, chi2, flat), bands, Needs(aicc, whole.gain_needed), manyfit.fit)
    assert refits.n_more == lost.sum()
    assert refits.n_passes > 2  # from the edge inwards
    np.testing.assert_allclose(found.solution.statistic[gone], whole.statistic[lost], rtol=1e-5)


# -- real spectra ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (FOLDER / "grs-test_field_5x5.fits").is_file(), reason="grs-test_field_5x5.fits is not there")
def test_galactic_ring_survey():
    cube = read(FOLDER / "grs-test_field_5x5.fits", spectral_unit="km/s")
    found = decompose(cube, noise=manyfit.cube.noise(cube), max_components=5)
    assert np.all((found.n_components >= 2) & (found.n_components <= 4))
    assert np.all(found.result.good)
    assert 0.6 < np.median(found.statistic / found.dof) < 1.1
    means = np.nanmedian(found["mean"].value, axis=(1, 2))
    for cloud in (7.5, 33.3, 42.0):  # km/s, seen in the mean spectrum
        assert np.nanmin(np.abs(means - cloud)) < 1.0, cloud
    bright = np.nanargmin(np.abs(means - 42.0))
    assert np.nanstd(found["mean"][bright].value) < 1.0


@pytest.mark.skipif(not (FOLDER / "l1448_13co.fits").is_file(), reason="l1448_13co.fits is not there")
def test_l1448_is_fast_and_smooth():
    cube = read(FOLDER / "l1448_13co.fits", unit="K")
    decompose(cube[:, :4, :4], noise=0.19)
    started = time.perf_counter()
    found = decompose(cube, noise=0.19)
    assert time.perf_counter() - started < 10
    assert found.result.good.all()
    assert np.count_nonzero(gains_of_neighbours(found, 0.19) > 2e-6 * found.statistic) == 0
    main = np.argmax(np.isfinite(found["mean"].value).sum(axis=(1, 2)))
    mean = found["mean"][main].value
    steps = np.abs(np.diff(mean, axis=1))
    assert np.nanmedian(steps) < 1.2 * cube.channel_width[0].value
    unmatched = decompose(cube, noise=0.19, match=False, coherence=False)["mean"][0].value
    assert np.nanmean(steps) < np.nanmean(np.abs(np.diff(unmatched, axis=1)))

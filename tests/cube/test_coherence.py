"""Spatial coherence: local minima are left for those of the neighbours, and no chi2 becomes worse."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Gaussian1D

from manyfit import Status, cube
from manyfit.cube._coherence import coherent
from manyfit.cube._judgement import Maps, judge, median

N = 60
V = np.linspace(-15, 15, N)
SHAPE = (14, 16)
RNG = np.random.default_rng(3)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
TRUTH = {"amplitude": 2 + 0.05 * X, "mean": -5 + 0.5 * X + 0.2 * Y, "stddev": 1.2 + 0.02 * Y}
SIGMA = 0.15
DATA = TRUTH["amplitude"] * np.exp(-0.5 * ((V[:, None, None] - TRUTH["mean"]) / TRUTH["stddev"]) ** 2) + RNG.normal(
    0, SIGMA, (N, *SHAPE)
)
UNITS = {"amplitude": u.K, "mean": u.km / u.s, "stddev": u.km / u.s}


def make(data=DATA):
    return cube.read(data * u.K, spectral_axis=V * u.km / u.s)


def starts(bad):
    """True values as start, and far beside the line in the bad spectra."""
    wrong = {"amplitude": 0.1, "mean": np.where(TRUTH["mean"] > 0, -13.0, 13.0), "stddev": 0.3}
    return {name: np.where(bad, wrong[name], TRUTH[name]) * UNITS[name] for name in TRUTH}


SCATTERED = RNG.random(SHAPE) < 0.08
PATCH = (np.abs(Y - 6) < 3) & (np.abs(X - 8) < 3)


@pytest.fixture(scope="module")
def oracle():
    return cube.fit_lines(make(), start=starts(np.zeros(SHAPE, bool)), noise=SIGMA * u.K, coherence=False)


@pytest.mark.parametrize("bad", [SCATTERED, PATCH], ids=["scattered", "patch"])
def test_local_minima_become_the_fits_from_the_truth(bad, oracle):
    given = {"start": starts(bad), "noise": SIGMA * u.K}
    before = cube.fit_lines(make(), coherence=False, **given)
    after = cube.fit_lines(make(), **given)
    trapped = before.statistic > oracle.statistic + 1
    assert trapped.sum() > 0.7 * bad.sum()
    np.testing.assert_allclose(after.statistic, oracle.statistic, rtol=1e-9)
    for name in after.names:
        distance = np.abs(after[name] - oracle[name]) / oracle.error[name]
        assert distance.max() < 1e-4
        np.testing.assert_allclose(after.error[name].value, oracle.error[name].value, rtol=1e-4)
    refits = after.refits
    assert refits.settled
    assert refits.changed[trapped].all()
    assert not refits.changed[~trapped].any()
    assert refits.n_lower == trapped.sum()
    assert refits.n_outliers == sum(refits.reasons.values())
    assert refits.gain > 100
    assert f"changed: {trapped.sum()} " in str(refits)
    assert str(refits) in after.summary()


def test_a_patch_is_won_from_its_edge(oracle):
    assert cube.fit_lines(make(), start=starts(PATCH), noise=SIGMA * u.K).refits.n_passes > 2


def test_failed_spectra_are_fitted_from_their_neighbours(oracle):
    start = starts(np.zeros(SHAPE, bool))
    start["mean"] = np.where(SCATTERED, np.nan, start["mean"].value) * u.km / u.s
    assert (cube.fit_lines(make(), start=start, coherence=False).status[SCATTERED] == Status.BAD_START).all()
    after = cube.fit_lines(make(), start=start, noise=SIGMA * u.K)
    assert after.good.all()
    assert after.refits.n_failed == SCATTERED.sum()
    np.testing.assert_allclose(after.statistic, oracle.statistic, rtol=1e-9)


def test_no_statistic_becomes_worse_in_noise():
    noise = np.random.default_rng(0).normal(0, 1, (40, 12, 12))
    co = cube.read(noise * u.K, spectral_axis=np.arange(40) * u.km / u.s)
    given = {"model": Gaussian1D(), "start": "guess"}
    before = cube.fit_lines(co, coherence=False, **given)
    after = cube.fit_lines(co, **given)
    assert after.refits.n_refitted > 10
    known = np.isfinite(before.statistic)
    assert (after.statistic[known] <= before.statistic[known] * (1 + 1e-6)).all()
    same = ~after.refits.changed
    for name in before.names:
        np.testing.assert_array_equal(after[name][same], before[name][same])


TURNS = {
    "rows": (lambda m: m[..., ::-1, :]),
    "columns": (lambda m: m[..., ::-1]),
    "both axes": (lambda m: np.swapaxes(m, -1, -2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_order_of_spectra_does_not_matter(turn):
    turned = TURNS[turn]
    start = starts(SCATTERED | PATCH)
    one = cube.fit_lines(make(), start=start, noise=SIGMA * u.K)
    other = cube.fit_lines(make(turned(DATA)), start={name: turned(m) for name, m in start.items()}, noise=SIGMA * u.K)
    for name in one.names:
        np.testing.assert_array_equal(turned(one[name]), other[name])
    np.testing.assert_array_equal(turned(one.refits.changed), other.refits.changed)
    assert str(one.refits) == str(other.refits)


@pytest.mark.parametrize("where", [{"workers": 1}, {"scheduler": "serial"}, {"memory": 20_000}])
def test_blocks_and_threads_do_not_matter(where):
    start = starts(SCATTERED | PATCH)
    one = cube.fit_lines(make(), start=start)
    other = cube.fit_lines(make(), start=start, **where)
    for name in one.names:
        np.testing.assert_array_equal(one[name], other[name])


def test_lines_that_change_places():
    data = DATA + np.exp(-0.5 * ((V[:, None, None] - TRUTH["mean"] - 6) / 1.0) ** 2)
    swapped = np.zeros(SHAPE, bool)
    swapped[3, 4] = swapped[8, 11] = True
    first, second = TRUTH["mean"], TRUTH["mean"] + 6
    start = {
        "mean_0": np.where(swapped, second, first) * u.km / u.s,
        "mean_1": np.where(swapped, first, second) * u.km / u.s,
        "amplitude_0": np.where(swapped, 1.0, 2.0) * u.K,
        "amplitude_1": np.where(swapped, 2.0, 1.0) * u.K,
    }
    given = {"model": Gaussian1D(1, 0, 1) + Gaussian1D(1, 1, 1), "start": start, "noise": SIGMA * u.K}
    before, after = cube.fit_lines(make(data), coherence=False, **given), cube.fit_lines(make(data), **given)
    assert (before["mean_0"] > before["mean_1"])[swapped].all()
    assert (after["mean_0"] < after["mean_1"]).all()
    assert after.refits.n_nearer == 2
    assert after.refits.n_lower == 0
    np.testing.assert_allclose(after.statistic, before.statistic, rtol=1e-6)


def test_a_real_difference_is_kept():
    """A spectrum that is truly another one is an outlier, and stays as it is."""
    data = DATA.copy()
    data[:, 5, 5] = 3 * np.exp(-0.5 * ((V - 11) / 0.8) ** 2)
    after = cube.fit_lines(make(data), noise=SIGMA * u.K)
    assert after["mean"][5, 5].value == pytest.approx(11, abs=0.01)
    assert after.refits.n_refitted >= 1
    assert not after.refits.changed[5, 5]


def test_unselected_and_blank_spectra_take_no_part():
    data = DATA.copy()
    data[:, 2] = np.nan
    select = np.ones(SHAPE, bool)
    select[:, 3] = False
    start = starts(SCATTERED)
    after = cube.fit_lines(make(data), select, start=start, noise=SIGMA * u.K)
    assert (after.status[2, [0, 5]] == Status.NO_VALID_POINTS).all()
    assert (after.status[:, 3] == Status.NOT_FITTED).all()
    assert not after.refits.changed[2].any()
    assert not after.refits.changed[:, 3].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2)])
def test_small_maps(shape):
    fit = cube.fit_lines(make(DATA[:, : shape[0], : shape[1]]))
    assert fit.good.all()
    assert fit.refits.settled


def test_a_coherent_fit_stays():
    fit = cube.fit_lines(make(), start=starts(np.zeros(SHAPE, bool)), noise=SIGMA * u.K)
    again = coherent(fit)
    assert again.refits.n_changed == 0
    assert again.result is fit.result


def test_judgement_of_one_outlier():
    fit = cube.fit_lines(make(), coherence=False)
    solution = fit.result.parameters.solution
    solution.values[4, 4, 1] += 10
    judgement = judge(Maps.of(fit.result.parameters), np.arange(fit.status.size))
    assert judgement.places[judgement.wanted].tolist() == [4 * SHAPE[1] + 4]
    assert judgement.worst[4 * SHAPE[1] + 4] == 1
    around = fit["mean"].value[3:6, 3:6].ravel()[[0, 1, 2, 3, 5, 6, 7, 8]]
    assert judgement.medians[1, 4 * SHAPE[1] + 4] == np.median(around)


def test_medians():
    values = np.where(RNG.random((200, 8)) < 0.5, RNG.normal(size=(200, 8)), np.nan)
    values[0] = np.nan
    with np.errstate(all="ignore"):
        expected = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in values]
    np.testing.assert_array_equal(median(values), expected)

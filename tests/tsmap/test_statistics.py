"""What TS, norms, errors, limits and regions mean, on simulated skies with rings of a Compton telescope."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from manyfit.tsmap import SkyStatus, solve
from manyfit.tsmap._confidence import containment_level

PHI = np.arange(7.5, 120.0, 15.0)
N = 1000


def sphere(n=96):
    """Directions that are spread evenly, on a spiral."""
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(n)
    return np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=1)


def rings(positions, total):
    """Expected counts (position, bin) of sources: rings of Compton angle around each position."""
    angle = np.degrees(np.arccos(np.clip(positions @ sphere().T, -1, 1)))
    e = np.exp(-0.5 * ((angle[:, None, :] - PHI[:, None]) / 12.0) ** 2) * np.sin(np.radians(PHI))[:, None]
    e = e.reshape(len(positions), -1)
    return total * e / e.sum(axis=1, keepdims=True)


def around(lon, lat):
    """Unit vectors at small angles (degrees) around a direction."""
    lon, lat = np.radians(lon), np.radians(lat + 10.0)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


TRUE = around(np.zeros(1), np.zeros(1))
BACKGROUND = np.full(len(PHI) * 96, 2.0)


def skies(n, norm, seed):
    """`n` simulated skies with a source of 150 counts times a norm."""
    rate = BACKGROUND + norm * rings(TRUE, 150.0)[0]
    return np.random.default_rng(seed).poisson(rate, (n, rate.size)).astype(float)


def solutions(n, norm, seed, **keywords):
    e = rings(TRUE, 150.0)
    found = [solve(d, BACKGROUND, e, scheduler="serial", **keywords) for d in skies(n, norm, seed)]
    return {
        name: np.array([getattr(each, name)[0] for each in found]) for name in ("ts", "norm", "norm_err", "norm_ul")
    }


def test_empty_skies_have_half_a_chi2():
    ts = solutions(N, 0.0, 1, errors=False)["ts"]
    positive = ts[ts > 0]
    assert abs(len(positive) / N - 0.5) < 3 * 0.5 / np.sqrt(N)
    assert stats.kstest(positive, stats.chi2(1).cdf).pvalue > 0.01


def test_empty_skies_have_a_chi2_with_signed_norms():
    assert stats.kstest(solutions(N, 0.0, 2, errors=False, signed=True)["ts"], stats.chi2(1).cdf).pvalue > 0.01


@pytest.mark.parametrize("free", [False, True])
def test_norms_are_off_by_their_errors(free):
    found = solutions(N, 1.0, 3, errors=False, free_background=free)
    pulls = (found["norm"] - 1.0) / found["norm_err"]
    assert abs(pulls.mean()) < 0.1
    assert abs(pulls.std() - 1.0) < 0.1


@pytest.mark.parametrize("free", [False, True])
def test_upper_limits_hold_the_truth(free):
    covered = np.mean(solutions(N, 1.0, 4, free_background=free)["norm_ul"] > 1.0)
    assert abs(covered - 0.95) < 0.02


@pytest.mark.parametrize(("n", "allowed"), [(200, 0.07), pytest.param(N, 0.03, marks=pytest.mark.slow)])
def test_containment_regions_hold_the_truth(n, allowed):
    # two steps: the peak on a coarse grid, then on a fine one around it
    coarse = np.linspace(-16, 16, 9)
    fine = np.linspace(-4, 4, 17)
    wide = np.array(np.meshgrid(coarse, coarse)).reshape(2, -1)
    close = np.array(np.meshgrid(fine, fine)).reshape(2, -1)
    inside = 0
    for d in skies(n, 1.0, 5):
        used = d > 0
        ts_true = fitted(d, used, TRUE)[0]
        peak = wide[:, np.argmax(fitted(d, used, around(*wide)))]
        ts_peak = fitted(d, used, around(*(peak[:, None] + close))).max()
        inside += max(ts_peak, ts_true) - ts_true <= containment_level(0.9)
    assert abs(inside / n - 0.9) < allowed


def fitted(d, used, positions):
    e = rings(positions, 150.0)
    return solve(d[used], BACKGROUND[used], e[:, used], e.sum(axis=1), errors=False, scheduler="serial").ts


def test_under_fluctuations_are_half_of_empty_skies():
    e = rings(TRUE, 150.0)
    status = np.array([solve(d, BACKGROUND, e, errors=False, scheduler="serial").status[0] for d in skies(300, 0.0, 6)])
    assert set(np.unique(status)) == {SkyStatus.GOOD, SkyStatus.UNDER_FLUCTUATION}

"""Each part of the Faddeeva function against mpmath, down to the real axis and to both ends of the range."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from manyfit.kernels.targets.vector import wofz_im, wofz_re
from tests.kernels.vector_loop import apply

N = 40
RNG = np.random.default_rng(7)


def sizes(low: float, high: float) -> np.ndarray:
    return np.exp(RNG.uniform(np.log(low), np.log(high), N))


HALF_STEPS = RNG.integers(0, 26, N) * 33 / 128 + RNG.uniform(-1e-6, 1e-6, N)
REGIONS = {
    "the middle": (RNG.uniform(0, 10, N), RNG.uniform(0, 10, N)),
    "near the real axis": (RNG.uniform(0, 8, N), sizes(1e-30, 1)),
    "next to the real axis far out": (RNG.uniform(5, 26, N), sizes(1e-300, 1e-3)),
    "on the real axis": (RNG.uniform(0, 26, N), np.zeros(N)),
    "on and between nodes": (HALF_STEPS, sizes(1e-20, 3)),
    "across the edge of the residue": (RNG.uniform(0, 9, N), RNG.uniform(6.05, 6.15, N)),
    "past the last node": (RNG.uniform(5.8, 7.2, N), sizes(1e-16, 1)),
    "near 0": (sizes(1e-20, 1), sizes(1e-20, 1)),
    "everywhere": (sizes(1e-20, 1e8), sizes(1e-20, 1e8)),
}


def true_w(x: float, y: float) -> mp.mpc:
    """The definition with digits enough for what cancels; the continued fraction (Laplace) far out."""
    z = mp.mpc(x, y)
    if abs(z) > 40:
        t = mp.mpc(0)
        for k in range(80, 0, -1):
            t = mp.mpf(k) / 2 / (z - t)
        return mp.mpc(0, 1) / mp.sqrt(mp.pi) / (z - t)
    with mp.workdps(60 + int(0.9 * float(abs(z)) ** 2)):
        return mp.exp(-z * z) * mp.erfc(mp.mpc(0, -1) * z)


@pytest.mark.parametrize("region", REGIONS)
def test_both_parts_are_good_to_1e_13_of_themselves(region):
    x, y = REGIONS[region]
    truth = [true_w(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    for function, part in ((wofz_re, "real"), (wofz_im, "imag")):
        true = np.array([float(getattr(w, part)) for w in truth])
        normal = abs(true) > 1e-300
        np.testing.assert_allclose(apply(function, x, y)[normal], true[normal], rtol=1e-13, atol=0)


def test_the_real_part_on_the_axis_is_a_gaussian():
    x = np.linspace(-26, 26, 1001)
    np.testing.assert_allclose(apply(wofz_re, x, np.zeros_like(x)), np.exp(-(x**2)), rtol=1e-13)


def test_symmetry_is_exact():
    x, y = RNG.uniform(0, 10, N), RNG.uniform(0, 10, N)
    assert np.array_equal(apply(wofz_re, -x, y), apply(wofz_re, x, y))
    assert np.array_equal(apply(wofz_im, -x, y), -apply(wofz_im, x, y))


def test_below_the_real_axis_agrees_with_scipy():
    x, y = RNG.uniform(-5, 5, N), -RNG.uniform(0, 5, N)
    w = special.wofz(x + 1j * y)
    scale = 2 * np.exp(y**2 - x**2) + abs(special.wofz(x - 1j * y))
    assert (abs(apply(wofz_re, x, y) - w.real) <= 1e-13 * scale).all()
    assert (abs(apply(wofz_im, x, y) - w.imag) <= 1e-13 * scale).all()


def test_nan_stays_nan_and_infinity_gives_next_to_nothing():
    x, y = np.array([np.nan, 1.0, np.inf, 1.0, -np.inf]), np.array([1.0, np.nan, 1.0, np.inf, 0.0])
    for function in (wofz_re, wofz_im):
        got = apply(function, x, y)
        assert np.isnan(got[:2]).all()
        assert (abs(got[2:]) < 1e-29).all()


def test_float32_is_the_rounded_float64():
    x, y = (v.astype(np.float32) for v in REGIONS["the middle"])
    exact = special.wofz(x.astype(float) + 1j * y.astype(float))
    assert apply(wofz_re, x, y).dtype == np.float32
    np.testing.assert_allclose(apply(wofz_re, x, y), exact.real, rtol=7e-8)
    np.testing.assert_allclose(apply(wofz_im, x, y), exact.imag, rtol=7e-8)

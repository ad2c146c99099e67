"""Hyperfine lines against angular momentum algebra, an independent formula, and simulation."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from scipy.constants import h, k
from sympy import Rational
from sympy.physics.wigner import wigner_6j

import manyfit
from manyfit.cube import Ammonia1D, N2HPlus1D
from manyfit.models import explain

KINDS = {N2HPlus1D: np.linspace(-9.0, 17.0, 300), Ammonia1D: np.linspace(-22.0, 28.0, 400)}
TRUTH = {N2HPlus1D: (8.0, 4.0, 4.0, 0.25), Ammonia1D: (6.0, 3.0, 4.0, 0.25)}
SPEED = u.km / u.s


@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_up_to_one(kind):
    assert sum(part for _, part in kind.LINES) == pytest.approx(1, abs=1e-14)


def strength(f1, f, g1, g, spin):
    """Part of the line F1 F -> F1' F' of J = 1 -> 1: recoupling of the nitrogen, then of the other spin."""
    inner = (2 * f1 + 1) * (2 * g1 + 1) * wigner_6j(1, f1, 1, g1, 1, 1) ** 2
    outer = (2 * f + 1) * (2 * g + 1) * wigner_6j(f1, f, spin, g, g1, 1) ** 2
    return float(inner * outer)


def test_parts_of_ammonia_follow_from_angular_momenta():
    half = Rational(1, 2)
    levels = [(f1, f) for f1 in (0, 1, 2) for f in (f1 - half, f1 + half) if f > 0]
    lines = {(f1, g1): [] for f1 in (0, 1, 2) for g1 in (0, 1, 2)}
    for f1, f in levels:
        for g1, g in levels:
            if abs(f - g) <= 1 and abs(f1 - g1) <= 1 and (f1, g1) != (0, 0):
                lines[f1, g1].append(strength(f1, f, g1, g, half))
    total = sum(map(sum, lines.values()))
    groups = [[(0, 1)], [(2, 1)], [(1, 1)], [(2, 2)], [(1, 2)], [(1, 0)]]
    expected = [sorted(s / total for name in group for s in lines[name] if s > 0) for group in groups]
    ours, rest = [], [part for _, part in Ammonia1D.LINES]
    for group in expected:
        ours.append(sorted(rest[: len(group)]))
        rest = rest[len(group) :]
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_parts_of_n2hp_are_the_weights_of_the_upper_levels():
    weights = {(f1, f): 2 * f + 1 for f1 in (0, 1, 2) for f in range(abs(f1 - 1), f1 + 2)}
    order = [(0, 1), (2, 1), (2, 3), (2, 2), (1, 1), (1, 2), (1, 0)]
    np.testing.assert_allclose([p for _, p in N2HPlus1D.LINES], [weights[level] / 27 for level in order], rtol=1e-12)


def test_offsets_of_n2hp_are_those_seen_in_the_sky():
    # Caselli, Myers & Thaddeus (1995, ApJ 455, L77), MHz, in L1512: an independent measurement, to about 10 kHz
    seen = [93176.2650, 93173.9666, 93173.7767, 93173.4796, 93172.0533, 93171.9168, 93171.6210]
    ours = [N2HPlus1D.FREQUENCY * 1e3 * (1 - offset / 299792.458) for offset, _ in N2HPlus1D.LINES]
    np.testing.assert_allclose(np.subtract(ours, ours[2]), np.subtract(seen, seen[2]), atol=0.012)


def test_ammonia_is_centred_and_splits_as_the_quadrupole_does():
    offsets, parts = np.transpose(Ammonia1D.LINES)
    assert abs(offsets @ parts) < 1e-3
    groups = [slice(0, 2), slice(2, 5), slice(13, 16), slice(16, 18)]
    means = [np.average(offsets[g], weights=parts[g]) for g in groups]
    # a quadrupole moment in J = K = 1 shifts F1 = 0, 1, 2 as -1 : 1/2 : -1/10; the spin of nitrogen adds some 10 kHz
    level = (-1.0, 0.5, -0.1)
    pattern = np.array([level[1] - level[0], level[1] - level[2], level[2] - level[1], level[0] - level[1]])
    np.testing.assert_allclose(means, means[0] / pattern[0] * pattern, atol=0.25)


def oracle(kind, x, tex, tau, velocity, stddev):
    """The formula once more, in SI units, from the text of the docstring."""
    t0 = h * kind.FREQUENCY * 1e9 / k
    j = lambda t: t0 / (np.exp(t0 / t) - 1)  # noqa: E731
    shape = sum(w * np.exp(-((x - velocity - dv) ** 2) / (2 * stddev**2)) for dv, w in kind.LINES)
    return (j(tex) - j(2.73)) * (1 - np.exp(-tau * shape))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau", [1e-6, 0.3, 30.0])
def test_agrees_with_the_formula(kind, tau):
    x = KINDS[kind]
    np.testing.assert_allclose(kind(7.5, tau, 3.2, 0.3)(x), oracle(kind, x, 7.5, tau, 3.2, 0.3), rtol=2e-9, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_background_shines_through_where_there_is_nothing(kind):
    x = KINDS[kind]
    assert np.all(kind(2.73, 5.0, 4.0, 0.3)(x) == pytest.approx(0, abs=1e-12))
    assert np.max(kind(10.0, 1e3, 4.0, 0.3)(x)) == pytest.approx(oracle(kind, 4.0, 10.0, 1e9, 4.0, 0.3), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_compiles_and_takes_units(kind):
    assert explain(kind()).compiled
    tex, tau, velocity, stddev = TRUTH[kind]
    dressed = kind(tex * u.K, tau, velocity * 1e3 * u.m / u.s, stddev * SPEED)
    x = KINDS[kind]
    np.testing.assert_allclose(dressed(x * 1e3 * u.m / u.s).to_value(u.K), kind(*TRUTH[kind])(x), rtol=1e-12)
    result = manyfit.fit(dressed, kind(*TRUTH[kind])(x)[:, None] * u.K, world=(x * 1e3 * u.m / u.s,))
    assert result["velocity"][0].to_value(SPEED) == pytest.approx(velocity, abs=1e-6)
    assert result["tex"][0].to_value(u.K) == pytest.approx(tex, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_pulls_are_standard_normal(kind):
    x, truth, n = KINDS[kind], TRUTH[kind], 3000
    data = kind(*truth)(x) + np.random.default_rng(1).normal(0, 0.05, (n, len(x)))
    result = manyfit.fit(kind(7, 2, 3.9, 0.3), data, fitting_axes=1, world=(x,), uncertainty=0.05)
    assert np.all(result.good)
    for name, true in zip(result.names, truth, strict=True):
        pull = (result[name] - true) / result.error[name]
        assert abs(np.mean(pull)) < 0.1, name
        assert np.std(pull) == pytest.approx(1, abs=0.05), name


def test_a_thin_line_says_that_it_is_degenerate():
    x = KINDS[N2HPlus1D]
    data = N2HPlus1D(8, 0.01, 4, 0.25)(x) + np.random.default_rng(2).normal(0, 0.002, (50, len(x)))
    result = manyfit.fit(N2HPlus1D(8, 0.02, 4, 0.25), data, fitting_axes=1, world=(x,), uncertainty=0.002)
    error = result.error["tau"] / result["tau"]
    assert np.all(~(error < 0.3) | ~result.good), "an error that hides the degeneracy"
    fixed = N2HPlus1D(8, 0.02, 4, 0.25, fixed={"tex": True})
    result = manyfit.fit(fixed, data, fitting_axes=1, world=(x,), uncertainty=0.002)
    assert np.all(result.good)
    assert np.median(result["tau"]) == pytest.approx(0.01, rel=0.1)

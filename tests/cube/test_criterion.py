"""AICc, BIC, and the chance of a false line against simulated noise."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.cube._criterion import aicc, best, bic, false_alarms, gain_needed
from manyfit.cube._peaks_kernel import best_peaks
from manyfit.errors import InputError


def test_criteria_by_hand():
    assert float(aicc(30.0, 6, 50)) == pytest.approx(30 + 12 + 2 * 6 * 7 / 43)
    assert float(bic(30.0, 6, 50)) == pytest.approx(30 + 6 * np.log(50))
    assert np.isinf(aicc(1.0, 6, 7))
    assert np.isinf(bic(1.0, 6, 6))


@pytest.mark.parametrize("n", [30, 100, 1000])
@pytest.mark.parametrize("narrow", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("chance", [0.1, 1e-3, 1e-9])
def test_needed_gain_is_the_inverse_of_the_chance(n, narrow, chance):
    assert float(false_alarms(gain_needed(chance, n, narrow, n / 4), n, narrow, n / 4)) == pytest.approx(chance)


def test_narrower_than_half_a_channel_is_no_more_free():
    assert gain_needed(1e-3, 100, 0.01, 20) == gain_needed(1e-3, 100, 0.5, 20)


@pytest.mark.parametrize("chance", [0, 1, -1, np.nan])
def test_chances_that_are_none(chance):
    with pytest.raises(InputError, match="between 0 and 1"):
        gain_needed(chance, 100, 0.5, 20)


@pytest.mark.parametrize(("n", "narrow", "wide"), [(100, 1.0, 10.0), (60, 0.7, 15.0)])
def test_chance_of_a_false_line_is_that_of_simulated_noise(n, narrow, wide):
    noise = np.random.default_rng(n).normal(size=(5000, n))
    found = np.empty((len(noise), 4))
    best_peaks(noise, np.ones((1, 1)), np.geomspace(narrow, wide, 18), found)
    for chance in (0.1, 0.02):
        share = np.mean(found[:, 3] ** 2 > gain_needed(chance, n, narrow, wide))
        # a search on a grid finds a bit less than the maximum
        assert 0.55 * chance < share < 1.2 * chance


def test_steps_of_two_where_one_does_not_pay():
    chi2 = np.array([[100.0, 100.0], [95.0, 60.0], [40.0, 58.0]])
    criteria = chi2 + 6 * np.arange(3)[:, None]
    np.testing.assert_array_equal(best(criteria, chi2, 20.0), [2, 1])


def test_missing_numbers_are_passed_over():
    chi2 = np.array([[100.0, 100.0], [np.inf, np.inf], [20.0, np.inf]])
    np.testing.assert_array_equal(best(chi2 + 6 * np.arange(3)[:, None], chi2, 20.0), [2, 0])

"""Rows of guess, fit and difference: which numbers, which colours."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.plot import plot_comparison

WCS = simulate_cube((4, 10, 20)).wcs
FIRST = np.arange(200.0).reshape(10, 20)
SECOND = FIRST + np.linspace(-3, 9, 20)


def images(figure):
    return {ax.get_title(): ax.images[0] for ax in figure.axes if ax.get_title()}


def test_difference_is_first_minus_second_about_zero(pixels):
    figure = plot_comparison({"peak": (FIRST, SECOND, "K")}, wcs=WCS, title="guess and fit")
    drawn = images(figure)
    assert list(drawn) == ["peak: guess", "peak: fit", "guess − fit"]
    np.testing.assert_allclose(drawn["guess − fit"].get_array(), FIRST - SECOND)
    low, high = drawn["guess − fit"].get_clim()
    assert low == -high
    assert drawn["guess − fit"].get_cmap().name == "RdBu_r"
    pixels(figure)


def test_pairs_share_their_colours():
    drawn = images(plot_comparison({"peak": (FIRST, 5 * SECOND, "K")}, percentile=(2, 98)))
    expected = tuple(np.percentile([FIRST, 5 * SECOND], [2, 98]))
    assert drawn["peak: guess"].get_clim() == drawn["peak: fit"].get_clim() == expected


def test_velocity_is_centred_on_the_median_of_both():
    drawn = images(plot_comparison({"v": (FIRST, SECOND, "km/s")}, centred=["v"], titles=("moment", "fit")))
    assert np.mean(drawn["v: moment"].get_clim()) == pytest.approx(np.median([FIRST, SECOND]))
    assert drawn["v: fit"].get_cmap().name == "RdBu_r"


def test_blanks_stay_blank(pixels):
    second = SECOND.copy()
    second[:5] = np.nan
    second[9, 0] = np.inf
    figure = plot_comparison({"v": (FIRST, second, None), "w": (np.full((10, 20), np.nan), second, None)}, wcs=WCS)
    difference = next(ax for ax in figure.axes if ax.get_title() == "guess − fit").images[0].get_array()
    assert np.ma.filled(difference, np.nan)[:5].tolist() == [[pytest.approx(np.nan, nan_ok=True)] * 20] * 5
    assert np.isfinite(np.ma.filled(difference, np.nan)).sum() == 99
    pixels(figure)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ({}, {}, "no rows to draw"),
        ({"v": (FIRST, SECOND[1:], None)}, {}, r"'v' have shapes \(10, 20\) and \(9, 20\)"),
        ({"v": (FIRST[0], SECOND[0], None)}, {}, r"two maps \(y, x\)"),
        ({"mean": (FIRST, SECOND, None)}, {"centred": ["men"]}, "row 'men' is not known.*Did you mean 'mean'"),
    ],
)
def test_wrong_input(rows, options, message):
    with pytest.raises(InputError, match=message):
        plot_comparison(rows, **options)

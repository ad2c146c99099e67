"""Maps: what is drawn, in which colours, with which words."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from astropy import units as u
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.plot import plot_map
from manyfit.plot._colours import MISSING

VALUES = np.arange(200.0).reshape(10, 20)


def colour_bar(ax):
    """The label of the colour bar, or None without one."""
    bar = ax.images[0].colorbar
    return None if bar is None else bar.ax.get_ylabel()


@pytest.fixture(scope="module")
def wcs():
    return simulate_cube((4, 10, 20)).wcs


def test_limits_title_and_colour_bar(pixels):
    ax = plot_map(VALUES, unit=u.km / u.s, title="velocity", percentile=(5, 95))
    assert ax.images[0].get_clim() == (np.percentile(VALUES, 5), np.percentile(VALUES, 95))
    assert ax.images[0].get_cmap().name == "viridis"
    assert ax.get_title() == "velocity"
    assert colour_bar(ax) == r"$\mathrm{km\,s^{-1}}$"
    assert pixels(ax.figure).std() > 0


@pytest.mark.parametrize(
    ("unit", "label"),
    [(None, ""), ("K km/s", "K km/s"), (u.dimensionless_unscaled, ""), (u.K, r"$\mathrm{K}$")],
)
def test_unit_of_the_colour_bar(unit, label):
    assert colour_bar(plot_map(VALUES, unit=unit)) == label


def test_small_words_are_above_the_colour_bar(pixels):
    ax = plot_map(VALUES, unit="K", size=7)
    bar = ax.images[0].colorbar.ax
    assert (bar.get_title("left"), bar.get_ylabel()) == ("K", "")
    assert {label.get_fontsize() for label in bar.get_yticklabels()} == {7}
    pixels(ax.figure)


def test_given_limits_win():
    assert plot_map(VALUES, limits=(-1, 7), percentile=(5, 95)).images[0].get_clim() == (-1, 7)


def test_no_colour_bar():
    assert colour_bar(plot_map(VALUES, colorbar=False)) is None


@pytest.mark.parametrize(("centred", "middle"), [(True, 9.5), (4.0, 4.0), (0, 0.0)])
def test_centred(centred, middle):
    values = np.r_[np.nan, np.arange(20.0), 1e9, -1e9].reshape(1, -1)
    image = plot_map(values, centred=centred, percentile=(6, 94)).images[0]
    assert np.mean(image.get_clim()) == pytest.approx(middle, abs=1e-6)
    assert image.get_cmap().name == "RdBu_r"


def test_named_colour_map_wins():
    assert plot_map(VALUES, cmap="magma", centred=True).images[0].get_cmap().name == "magma"
    with pytest.raises(ValueError, match="'viridi' is not a valid value"):
        plot_map(VALUES, cmap="viridi")


def test_origin_is_at_the_lower_left(pixels):
    values = np.zeros((2, 2))
    values[0, 0] = 1
    ax = plot_map(values, percentile=(0, 100), colorbar=False)
    drawn = pixels(ax.figure)
    x, y = ax.transData.transform((0, 0))
    assert tuple(drawn[drawn.shape[0] - round(y), round(x)]) == pytest.approx((253, 231, 36), abs=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "masked"])
def test_missing_values_are_grey(pixels, bad):
    values = np.ma.masked_array(VALUES.copy(), mask=False)
    values[5, 10] = np.ma.masked if bad == "masked" else bad
    ax = plot_map(values, colorbar=False)
    drawn = pixels(ax.figure)
    x, y = ax.transData.transform((10, 5))
    grey = np.round(255 * np.array(to_rgb(MISSING)))
    np.testing.assert_allclose(drawn[drawn.shape[0] - round(y), round(x)], grey, atol=1)


@pytest.mark.parametrize("dtype", [">f4", "int16", "bool"])
def test_any_dtype(pixels, dtype):
    pixels(plot_map((VALUES > 3).astype(dtype)).figure)


def test_all_missing_is_drawn(pixels):
    pixels(plot_map(np.full((3, 4), np.nan), centred=True).figure)


def test_sky_coordinates(pixels, wcs):
    sliced = SlicedLowLevelWCS(wcs, 0)
    for given in (wcs, wcs.celestial, sliced, HighLevelWCSWrapper(sliced)):
        ax = plot_map(VALUES, wcs=given)
        assert isinstance(ax, WCSAxes)
        assert [c.get_axislabel() for c in ax.coords] == ["Right ascension", "Declination"]
        pixels(ax.figure)


def test_galactic_coordinates(pixels):
    galactic = WCS(naxis=2)
    galactic.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    ax = plot_map(VALUES, wcs=galactic)
    assert [c.get_axislabel() for c in ax.coords] == ["Galactic longitude", "Galactic latitude"]
    pixels(ax.figure)


def test_coordinates_that_are_no_sky(pixels):
    slit = WCS(naxis=2)
    slit.wcs.ctype = ["OFFSET", "TIME"]
    pixels(plot_map(VALUES, wcs=slit).figure)


def test_wcs_without_a_plane():
    spectral = WCS(naxis=3)
    with pytest.raises(InputError, match="has 3 pixel axes and no celestial part"):
        plot_map(VALUES, wcs=spectral)


def test_one_axis_is_a_line(pixels, wcs):
    ax = plot_map([1, np.nan, 3], wcs=wcs, unit="K", title="amplitude")
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 1], [1, np.nan], [2, 3]])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("index", "K", "amplitude")
    pixels(ax.figure)


@pytest.mark.parametrize("values", [3.0, np.zeros((2, 3, 4))])
def test_other_shapes_are_refused(values):
    with pytest.raises(InputError, match=r"shape \(.*\)\. A map has two axes"):
        plot_map(values)


def test_given_axes_are_used_and_values_kept():
    ax = Figure().subplots()
    values = np.ma.masked_greater(VALUES, 5)
    before = values.copy()
    assert plot_map(values, ax=ax) is ax
    assert np.array_equal(values.data, before.data)
    assert np.array_equal(values.mask, before.mask)


def test_no_global_state():
    mpl.get_backend()  # settles a setting that is left open until someone looks at it
    before = mpl.rcParams.copy()
    plot_map(VALUES, centred=True)
    assert mpl.rcParams == before
    assert not mpl._pylab_helpers.Gcf.figs

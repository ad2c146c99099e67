"""Regions: their pixels, areas and probabilities, against plain sums, healpy and mocpy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from manyfit.errors import InputError
from manyfit.tsmap._containment import posterior
from manyfit.tsmap._grid import healpix_grid, positions_grid
from tests.tsmap.maps import CENTRE, a_map, bump, mixed

SQUARE = u.deg**2


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99])
def test_chi2_takes_the_pixels_near_the_peak(level):
    tsmap = a_map(mixed())
    region = tsmap.containment(level)
    expected = tsmap.ts >= tsmap.ts.max() - chi2.ppf(level, 2)
    np.testing.assert_array_equal(region.mask, expected)
    assert region.area.to_value(u.sr) == pytest.approx(tsmap.grid.area[expected].sum())
    assert region.lowest_ts == tsmap.ts[expected].min()


@pytest.mark.parametrize("grid", [healpix_grid(16), mixed(), healpix_grid(8, order="ring", frame="icrs")])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_posterior_is_the_smallest_set_with_the_probability(grid, level):
    tsmap = a_map(grid)
    region = tsmap.containment(level, method="posterior")
    weight = tsmap.grid.area * np.exp(0.5 * (tsmap.ts - tsmap.ts.max()))
    share = weight / weight.sum()
    assert share[region.pixels].sum() >= level
    assert share[region.pixels[:-1]].sum() < level
    assert tsmap.ts[region.pixels].min() >= np.delete(tsmap.ts, region.pixels).max()
    assert region.probability == pytest.approx(share[region.pixels].sum())


def test_area_of_a_gaussian_likelihood():
    """TS falls as a paraboloid of width w: the 90 % region is a disk with radius w * sqrt(4.605)."""
    grid = healpix_grid(128)
    tsmap = a_map(grid, bump(grid, width=4.0))
    expected = 2 * np.pi * (1 - np.cos(np.radians(4.0 * np.sqrt(-2 * np.log(0.1)))))
    for method in ("chi2", "posterior"):
        assert tsmap.containment(0.9, method=method).area.to_value(u.sr) == pytest.approx(expected, rel=0.02)


def test_a_region_grows_from_one_pixel_as_the_source_fades():
    grid = healpix_grid(16)
    bright, faint = (a_map(grid, scale * bump(grid)) for scale in (1000.0, 1.0))
    assert len(bright.containment(0.9)) == 1
    assert len(faint.containment(0.9)) > 20
    assert bright.containment(0.9).area.to_value(SQUARE) == pytest.approx(41252.961 / 3072, rel=1e-6)


@pytest.mark.parametrize("frame", ["galactic", "icrs"])
@pytest.mark.parametrize("of", ["one size", "several"])
def test_moc_has_the_area_and_the_places(frame, of):
    pytest.importorskip("mocpy")
    grid = healpix_grid(16, frame=frame) if of == "one size" else mixed(frame)
    region = a_map(grid).containment(0.9)
    area = region.moc.sky_fraction * 4 * np.pi
    assert area == pytest.approx(region.area.to_value(u.sr), rel=1e-12 if frame == "icrs" else 0.02)
    points = SkyCoord(*np.random.default_rng(1).uniform([60, -85], [130, -20], (4000, 2)).T, unit="deg", frame=frame)
    inside = region.moc.contains_skycoords(points.icrs)
    differ = np.mean(inside != region.contains(points.fk5))  # any frame will do
    assert differ == 0 if frame == "icrs" else differ < 0.05
    assert inside.any()


def test_the_moc_of_a_whole_sky():
    pytest.importorskip("mocpy")
    tsmap = a_map(healpix_grid(2), np.zeros(48))
    assert tsmap.containment(0.9).moc.sky_fraction == pytest.approx(1.0)


def test_areas_of_pixels_are_those_of_healpy():
    healpy = pytest.importorskip("healpy")
    assert healpix_grid(8).area[0] == pytest.approx(healpy.nside2pixarea(8), rel=1e-14)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.floats(0, 5000), st.just(np.nan)), min_size=1, max_size=30), st.floats(0, 1000))
def test_posterior_is_a_distribution_that_a_constant_does_not_change(ts, constant):
    ts = np.array([*ts, 3.0])
    area = np.linspace(1, 2, ts.size)
    share = posterior(ts, area)
    assert share.sum() == pytest.approx(1.0)
    assert np.all(share[np.isnan(ts)] == 0)
    np.testing.assert_allclose(posterior(ts + constant, area), share, atol=1e-9)


def test_infinite_and_missing_ts():
    share = posterior(np.array([np.inf, 5.0, np.inf, np.nan]), np.array([1.0, 1.0, 3.0, 1.0]))
    np.testing.assert_allclose(share, [0.25, 0, 0.75, 0])
    grid = healpix_grid(1)
    ts = np.full(12, np.nan)
    ts[[3, 5]] = 20.0, 1.0
    assert a_map(grid, ts).containment(0.9).pixels.tolist() == [3]
    ts[7] = np.inf
    assert a_map(grid, ts).containment(0.9).pixels.tolist() == [7]


def test_a_negative_norm_is_no_source():
    grid = healpix_grid(1)
    tsmap = a_map(grid, np.arange(12.0))
    tsmap.solution.norm[11] = -1.0
    assert tsmap.containment(0.1).pixels[0] == 10
    assert np.argmax(tsmap.probability) == 10


def test_words():
    assert (
        repr(a_map(healpix_grid(16), 1000 * bump(healpix_grid(16))).containment())
        == "<Region: 90 % (chi2), 13.43 deg2, 1 pixel>"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1.0,), "containment is 1.0"), ((90,), "containment is 90"), ((0.9, "chi"), "Did you mean 'chi2'")],
)
def test_bad_values(arguments, message):
    with pytest.raises(InputError, match=message):
        a_map().containment(arguments[0], method=arguments[1] if len(arguments) > 1 else "chi2")


def test_nothing_fitted_and_no_pixels():
    with pytest.raises(InputError, match="No position of the map could be fitted"):
        a_map(healpix_grid(1), np.full(12, np.nan)).containment()
    listed = positions_grid(SkyCoord([1, 2], [3, 4], unit="deg", frame="galactic"))
    with pytest.raises(InputError, match="A list of positions has no pixels"):
        a_map(listed, np.array([1.0, 2.0])).containment()


def test_the_true_position_is_inside():
    region = a_map(healpix_grid(16)).containment(0.5)
    assert region.contains(SkyCoord(*CENTRE, unit="deg", frame="galactic"))

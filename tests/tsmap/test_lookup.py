"""Pixels around directions, against healpy; covers of the sky by pixels of several sizes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.tsmap._grid import healpix_grid, level_and_pixel, uniq_grid
from manyfit.tsmap._lookup import Lookup, turned
from manyfit.tsmap._mesh import icrs_mesh, mesh
from tests.tsmap.maps import mixed

RNG = np.random.default_rng(0)
LON, LAT = RNG.uniform(0, 360, 2000), np.degrees(np.arcsin(RNG.uniform(-1, 1, 2000)))


@pytest.mark.parametrize("order", ["nested", "ring"])
def test_the_same_as_healpy(order):
    healpy = pytest.importorskip("healpy")
    expected = healpy.ang2pix(16, LON, LAT, lonlat=True, nest=order == "nested")
    np.testing.assert_array_equal(Lookup(healpix_grid(16, order=order)).at(LON, LAT), expected)


def test_pixels_of_several_sizes_by_brute_force():
    healpy = pytest.importorskip("healpy")
    grid = mixed()
    found = Lookup(grid).at(LON, LAT)
    for level in np.unique(grid.level):
        inside = healpy.ang2pix(2**level, LON, LAT, lonlat=True, nest=True)
        here = grid.level[found] == level
        np.testing.assert_array_equal(grid.nested[found][here], inside[here])


def test_nowhere_on_a_part():
    grid = healpix_grid(
        8, region=(SkyCoord(10, 20, unit="deg", frame="galactic"), 20 * __import__("astropy.units").units.deg)
    )
    found = Lookup(grid).at(LON, LAT)
    whole = healpix_grid(8)
    at = Lookup(whole).at(LON, LAT)
    np.testing.assert_array_equal(found >= 0, np.isin(whole.unique()[at], grid.unique()))
    np.testing.assert_array_equal(grid.unique()[found[found >= 0]], whole.unique()[at[found >= 0]])


def test_frames_turn_as_in_astropy():
    there = SkyCoord(LON, LAT, unit="deg", frame="galactic").icrs
    lon, lat = turned(LON, LAT, "galactic", "icrs")
    again = SkyCoord(lon, lat, unit="deg", frame="icrs")
    assert again.separation(there).arcsec.max() < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 0.999999)), min_size=1, max_size=12))
def test_a_mesh_covers_the_sky_once_and_has_what_was_wanted(wanted):
    level = np.array([one for one, _ in wanted])
    pixel = np.array([int(share * 12 * 4**one) for one, share in wanted])
    cells = uniq_grid(mesh(level, pixel))
    assert cells.area.sum() == pytest.approx(4 * np.pi, rel=1e-13)
    top = cells.level.max()
    start = np.sort(cells.nested << (2 * (top - cells.level)))
    assert len(np.unique(start)) == len(start)
    have_level, have_pixel = level_and_pixel(cells.unique())
    for one, number in zip(level, pixel, strict=True):
        shift = 2 * (np.maximum(have_level, one) - one)
        within = (have_pixel >> shift == number) & (have_level >= one)
        assert (4.0 ** (one - have_level[within])).sum() == pytest.approx(1.0)


def test_a_map_in_icrs_keeps_its_pixels():
    grid = mixed("icrs")
    sky, place = icrs_mesh(grid, np.zeros(len(grid), np.int64))
    np.testing.assert_array_equal(np.sort(sky.unique()), np.sort(grid.unique()))
    np.testing.assert_array_equal(grid.unique()[place], sky.unique())

"""Positions: against healpy, mocpy and astropy."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from manyfit.errors import InputError, InputTypeError
from manyfit.tsmap._grid import healpix_grid, level_and_pixel, positions_grid, uniq_grid

CENTRE = SkyCoord(253.3, -34.1, unit="deg", frame="galactic")


@pytest.mark.parametrize("nside", [1, 2, 16])
@pytest.mark.parametrize("order", ["ring", "nested"])
def test_centres_are_those_of_healpy(nside, order):
    grid = healpix_grid(nside, order=order)
    lon, lat = healpy.pix2ang(nside, np.arange(12 * nside**2), nest=order == "nested", lonlat=True)
    np.testing.assert_allclose(grid.lon, lon, atol=1e-10)
    np.testing.assert_allclose(grid.lat, lat, atol=1e-10)
    np.testing.assert_array_equal(grid.pixels, np.arange(12 * nside**2))
    assert grid.is_whole_sky
    np.testing.assert_allclose(grid.vectors, np.array(healpy.ang2vec(lon, lat, lonlat=True)), atol=1e-12)


def test_unique_numbers_of_all_levels():
    for level in (0, 1, 5, 24, 29):
        first = np.int64(4) << (2 * level)
        found = level_and_pixel(np.array([first, first + 12 * 4**level - 1]))
        np.testing.assert_array_equal(found[0], level)
        np.testing.assert_array_equal(found[1], [0, 12 * 4**level - 1])


def test_pixels_of_several_sizes():
    grid = uniq_grid([4 + 3, 16 + 5])
    assert grid.level.tolist() == [0, 1]
    assert grid.nside is None
    assert not grid.is_whole_sky
    np.testing.assert_allclose(grid.area, [np.pi / 3, np.pi / 12])
    assert grid.lat[1] == pytest.approx(healpy.pix2ang(2, 5, nest=True, lonlat=True)[1])


def test_a_grid_in_icrs():
    grid = healpix_grid(4, frame="icrs")
    vectors = SkyCoord(grid.lon, grid.lat, unit="deg", frame="icrs").galactic.cartesian.xyz.value.T
    np.testing.assert_allclose(grid.vectors, vectors, atol=1e-14)


def test_a_cone():
    grid = healpix_grid(16, order="ring", region=(CENTRE, 10 * u.deg))
    inside = healpy.query_disc(16, healpy.ang2vec(253.3, -34.1, lonlat=True), np.radians(10))
    np.testing.assert_array_equal(np.sort(grid.pixels), np.sort(inside))
    assert np.all(grid.skycoord.separation(CENTRE) <= 10 * u.deg)


def test_a_moc():
    from mocpy import MOC

    moc = MOC.from_cone(CENTRE.icrs.ra, CENTRE.icrs.dec, radius=10 * u.deg, max_depth=8)
    found, cone = (healpix_grid(32, region=region) for region in (moc, (CENTRE, 10 * u.deg)))
    assert len(np.setxor1d(found.uniq, cone.uniq)) < 0.03 * len(cone)


@pytest.mark.parametrize("frame", ["galactic", "icrs", "fk5"])
def test_a_list_of_positions(frame):
    grid = positions_grid(CENTRE.reshape(1).transform_to(frame))
    assert grid.frame == ("galactic" if frame == "galactic" else "icrs")
    assert grid.skycoord.separation(CENTRE)[0] < 1e-6 * u.arcsec
    with pytest.raises(InputError, match="A list of positions has no pixels"):
        grid.area  # noqa: B018


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"nside": 12}, InputError, "nside is 12. Give a power of two"),
        ({"nside": 0}, InputError, "nside is 0"),
        ({"nside": 4, "order": "rnig"}, InputError, "Did you mean 'ring'"),
        ({"nside": 4, "frame": "fk5"}, InputError, "'galactic', 'icrs'"),
        ({"nside": 4, "region": 3}, InputTypeError, "Give .SkyCoord, radius."),
        ({"nside": 1, "region": (CENTRE, 0.1 * u.deg)}, InputError, "No pixel of the grid"),
    ],
)
def test_bad_grids(keywords, error, text):
    with pytest.raises(error, match=text):
        healpix_grid(**keywords)


def test_positions_are_a_skycoord():
    with pytest.raises(InputTypeError, match="positions is a list"):
        positions_grid([[1.0, 2.0]])

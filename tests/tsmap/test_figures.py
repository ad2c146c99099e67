"""Figures: projections against formulas and healpy, pixels of images against lookups, what is drawn where."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.tsmap import _figures, _mollweide
from manyfit.tsmap._grid import chosen, healpix_grid, inside, positions_grid
from tests.tsmap.maps import CENTRE, a_map, mixed

TRUTH = SkyCoord(*CENTRE, unit="deg", frame="galactic")


@given(st.floats(0, 359.99), st.floats(-89.9, 89.9), st.sampled_from([0.0, 180.0]))
def test_the_projection_and_back(lon, lat, centre):
    x, y = _mollweide.forward(np.array([lon]), np.array([lat]), centre)
    again = _mollweide.inverse(x * (1 - 1e-12), y, centre)  # not on the edge, where rounding decides
    assert again[1][0] == pytest.approx(lat, abs=1e-6)
    assert abs((again[0][0] - lon + 180) % 360 - 180) * np.cos(np.radians(lat)) < 1e-5 or abs(x[0]) > 1.999 * np.cos(
        np.arcsin(y[0])
    )


def test_the_same_as_healpy():
    healpy = pytest.importorskip("healpy")
    lon, lat = np.random.default_rng(0).uniform([0, -90], [360, 90], (200, 2)).T
    x, y = healpy.projector.MollweideProj().ang2xy(lon, lat, lonlat=True)
    found = _mollweide.forward(lon, lat, 0.0)
    far = np.abs(lat) < 80  # healpy's iteration ends early near the poles
    np.testing.assert_allclose(np.array(found)[:, far], (x[far], y[far]), atol=2e-4)


def test_equal_areas():
    lon, lat = _mollweide.inverse(*_mollweide.raster(400), 0.0)
    on_sky = np.isfinite(lon)
    assert np.isfinite(lat).sum() / lon.size == pytest.approx(np.pi / 4, rel=2e-3)
    assert np.mean(lat[on_sky] > 30) == pytest.approx(0.25, abs=4e-3)  # a quarter of the sphere
    assert np.mean((lon[on_sky] > 10) & (lon[on_sky] < 50)) == pytest.approx(40 / 360, abs=2e-3)


def image_of(figure):
    (ax,) = [ax for ax in figure.axes if ax.images]
    return ax, np.ma.filled(ax.images[0].get_array(), np.nan)


@pytest.mark.parametrize("frame", ["galactic", "icrs"])
@pytest.mark.parametrize("grid", [healpix_grid(8, order="ring"), mixed(), healpix_grid(8, frame="icrs")])
def test_each_pixel_of_the_image_is_that_of_the_map(grid, frame):
    healpy = pytest.importorskip("healpy")
    tsmap = a_map(grid)
    _, drawn = image_of(tsmap.plot("ts", frame=frame))
    lon, lat = _mollweide.inverse(*_mollweide.raster(_figures.WIDTH), _mollweide.CENTRES[frame])
    some = np.flatnonzero(np.isfinite(lon))[::997]
    sky = SkyCoord(lon.flat[some], lat.flat[some], unit="deg", frame=frame).transform_to(grid.frame).spherical
    expected = np.full(some.size, np.nan)
    for level in np.unique(grid.level):
        values = np.full(12 * 4**level, np.nan)
        values[grid.nested[grid.level == level]] = tsmap.ts[grid.level == level]
        here = values[healpy.ang2pix(2**level, sky.lon.deg, sky.lat.deg, lonlat=True, nest=True)]
        expected = np.where(np.isnan(expected), here, expected)
    np.testing.assert_array_equal(drawn.flat[some], expected)
    assert np.isnan(drawn[0, 0])


def test_blanks_are_grey():
    grid = healpix_grid(8)
    tsmap = a_map(chosen(grid, inside(grid, (TRUTH, 40 * u.deg))))
    tsmap.ts[3] = np.nan
    ax, drawn = image_of(tsmap.plot("ts"))
    assert 0.02 < np.isfinite(drawn).mean() < 0.2
    assert ax.images[0].cmap.get_bad()[:3] == pytest.approx((0.75, 0.75, 0.75))


def test_the_zoom_has_a_wcs_and_the_peak_in_its_middle():
    tsmap = a_map(mixed())
    figure = tsmap.plot("ts", zoom=30 * u.deg, containment=(0.5, 0.9), true_position=TRUTH, frame="icrs")
    ax, drawn = image_of(figure)
    n = _figures.ZOOM
    middle = ax.wcs.pixel_to_world((n - 1) / 2, (n - 1) / 2)
    assert middle.separation(tsmap.peak.position).arcsec < 1
    edge = ax.wcs.pixel_to_world([-0.5, n - 0.5], [(n - 1) / 2] * 2)
    assert edge[0].separation(edge[1]).deg == pytest.approx(30, rel=1e-9)
    assert edge[0].spherical_offsets_to(edge[1])[0] < 0  # right ascension to the left
    assert drawn[n // 2, n // 2] == tsmap.peak.ts
    labels = ax.get_legend_handles_labels()[1]
    assert [label.partition(",")[0] for label in labels] == ["50 % region", "90 % region", "peak", "true position"]
    mark = next(line for line in ax.lines if line.get_label() == "true position")
    assert ax.wcs.pixel_to_world(*mark.get_xydata()[0]).separation(TRUTH).arcsec < 1


def test_another_centre_and_title():
    figure = a_map().plot(zoom=10, centre=SkyCoord(10, 20, unit="deg"), title="Elsewhere", limits=(0, 9))
    ax, _ = image_of(figure)
    assert ax.get_title() == "Elsewhere"
    assert ax.images[0].get_clim() == (0, 9)
    assert not [line for line in ax.lines if line.get_label() == "peak"]


def test_the_outline_runs_around_the_region():
    tsmap = a_map(healpix_grid(16))
    ax, _ = image_of(tsmap.plot("ts", containment=0.9))
    outlines = [one for one in ax.collections if type(one).__name__ == "QuadContourSet"]
    assert outlines
    corners = np.concatenate([path.vertices for path in outlines[0].get_paths()])
    lon, lat = _mollweide.inverse(*corners.T, 0.0)
    apart = SkyCoord(lon, lat, unit="deg", frame="galactic").separation(tsmap.peak.position).deg
    radius = np.sqrt(tsmap.containment(0.9).area.value / np.pi)
    assert 0.5 * radius < apart.min() < radius < apart.max() < 1.7 * radius


def test_a_list_of_positions_is_dots():
    grid = positions_grid(SkyCoord([10, 93, 200], [0, -53, 80], unit="deg", frame="galactic"))
    tsmap = a_map(grid, np.array([1.0, 40.0, np.nan]))
    figure = tsmap.plot("ts")
    (dots,) = [one for one in figure.axes[0].collections if len(one.get_offsets()) == 3]
    np.testing.assert_allclose(dots.get_offsets().T, _mollweide.forward(grid.lon, grid.lat, 0.0))
    with pytest.raises(InputError, match="A list of positions has no pixels"):
        tsmap.plot(zoom=10)


@pytest.mark.parametrize("name", ["sqrt_ts", "norm_ul", "flux", "probability", "status"])
def test_any_map_is_drawn(name):
    figure = a_map(healpix_grid(2)).plot(name)
    assert figure.axes[-1].get_xlabel()
    figure.draw_without_rendering()


def test_constant_and_empty_maps():
    a_map(healpix_grid(1), np.ones(12)).plot("ts").draw_without_rendering()
    a_map(healpix_grid(1), np.full(12, np.nan)).plot("ts").draw_without_rendering()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"name": "snr"}, "Map 'snr' is not known"),
        ({"frame": "fk5"}, "frame 'fk5' is not known"),
        ({"zoom": 0}, "zoom is 0"),
        ({"zoom": 180}, "zoom is 180"),
        ({"containment": 90}, "containment is 90"),
    ],
)
def test_bad_input(keywords, message):
    with pytest.raises(InputError, match=message):
        a_map(healpix_grid(1)).plot(**keywords)

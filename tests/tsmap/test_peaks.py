"""Peaks: which positions are found, and what the table says of them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.tsmap._grid import healpix_grid, positions_grid
from manyfit.tsmap._lookup import unit_vectors
from manyfit.tsmap._peaks import highest
from tests.tsmap.maps import a_map, bump, mixed


def three():
    grid = healpix_grid(16)
    ts = np.max(
        [bump(grid, centre=c, height=h, width=3) for c, h in [((93, -53), 80), ((200, 40), 50), ((10, 0), 20)]], axis=0
    )
    return a_map(grid, ts)


def test_peaks_by_height():
    table = three().peaks()
    places = SkyCoord(table["l"], table["b"], frame="galactic")
    truth = SkyCoord([93, 200], [-53, 40], unit="deg", frame="galactic")
    assert len(table) == 2
    assert np.all(places.separation(truth) < 3 * u.deg)
    assert np.all(np.diff(table["ts"]) < 0)
    assert len(three().peaks(min_ts=15)) == 3
    assert len(three().peaks(min_ts=1000)) == 0
    np.testing.assert_allclose(SkyCoord(table["ra"], table["dec"]).separation(places.icrs).arcsec, 0, atol=1e-6)


def test_the_table_says_what_the_map_says():
    tsmap = three()
    row = tsmap.peaks()[0]
    peak = tsmap.peak
    assert (row["position"], row["ts"], row["norm"], row["norm_ul"]) == (peak.index, peak.ts, peak.norm, peak.norm_ul)
    assert row["flux"] == peak.flux == peak.norm * tsmap.photon_flux
    assert row["flux_err"] == peak.flux_err
    assert row["flux_ul"] == peak.flux_ul
    expected = 0.01 * 100 / 1.2 * (1 - 100**-1.2) * u.ph / u.cm**2 / u.s
    assert (tsmap.photon_flux / expected).to_value("") == pytest.approx(1.0, rel=1e-12)
    assert "flux" in str(peak)


@pytest.mark.parametrize("grid", [mixed(), healpix_grid(8, order="ring"), healpix_grid(8, frame="icrs")])
def test_other_grids(grid):
    tsmap = a_map(grid)
    assert tsmap.peaks()["position"].tolist() == [tsmap.peak.index]


def test_a_list_of_positions_has_peaks():
    grid = positions_grid(SkyCoord([0, 5, 90], [0, 0, 0], unit="deg", frame="icrs"))
    table = a_map(grid, np.array([50.0, 60.0, 30.0])).peaks(separation=6 * u.deg)
    assert table["position"].tolist() == [1, 2]
    assert "uniq" not in table.colnames


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(1, 90))
def test_against_the_definition(seed, separation):
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(0, 360, 40), rng.uniform(-90, 90, 40)
    ts = rng.integers(0, 12, 40) * 10.0  # with equal ones
    ts[0] = np.nan
    sky = SkyCoord(lon, lat, unit="deg")
    found = highest(ts, unit_vectors(lon, lat), 25.0, np.full(40, separation))
    expected = []
    for i in range(40):
        near = sky[i].separation(sky).deg < separation
        higher = (ts > ts[i]) | ((ts == ts[i]) & (np.arange(40) < i))
        if ts[i] >= 25 and not np.any(near & higher):
            expected.append(i)
    assert sorted(found) == expected


@pytest.mark.parametrize("separation", [0, -1, 181, np.nan])
def test_bad_separation(separation):
    with pytest.raises(InputError, match="separation is"):
        a_map().peaks(separation=separation)


def test_flux_is_not_known_without_a_spectrum():
    tsmap = a_map(spectrum=None)
    assert tsmap.flux is tsmap.flux_err is tsmap.flux_ul is tsmap.photon_flux is None
    assert tsmap.peak.flux is None
    assert "flux" not in tsmap.peaks().colnames


def test_flux_follows_the_index_of_each_position():
    grid = healpix_grid(1)
    index = np.array([-2.0, -3.0] * 6)
    index[4] = np.nan
    tsmap = a_map(grid, np.arange(12.0), spectral_index=index)
    one = [tsmap.spectrum.with_index(i).flux([100.0, 10000.0])[0] for i in (-2.0, -3.0)]
    expected = np.where(np.isnan(index), np.nan, np.where(index == -2, *one))
    np.testing.assert_allclose(tsmap.photon_flux.value, expected)
    assert tsmap.peak.photon_flux.value == pytest.approx(one[1])

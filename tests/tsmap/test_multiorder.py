"""Multi-order sky maps: read by ligo.skymap, mocpy and healpy's conventions, with the numbers of the map."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from manyfit.errors import InputError
from manyfit.tsmap import TSMap
from manyfit.tsmap._grid import chosen, healpix_grid, inside, positions_grid, uniq_grid
from tests.tsmap.maps import CENTRE, NAMES, a_map, bump, mixed, same

GRIDS = {
    "galactic": lambda: healpix_grid(8),
    "icrs": lambda: healpix_grid(8, frame="icrs"),
    "ring": lambda: healpix_grid(8, order="ring", frame="icrs"),
    "mixed galactic": mixed,
    "mixed icrs": lambda: mixed("icrs"),
    "part": lambda: chosen(
        healpix_grid(8), inside(healpix_grid(8), (SkyCoord(*CENTRE, unit="deg", frame="galactic"), 40 * u.deg))
    ),
}


@pytest.fixture(params=GRIDS)
def tsmap(request):
    return a_map(GRIDS[request.param]())


def written(tsmap, tmp_path):
    tsmap.to_fits(tmp_path / "map.multiorder.fits")
    return tmp_path / "map.multiorder.fits"


def test_probabilities_and_header(tsmap, tmp_path):
    path = written(tsmap, tmp_path)
    header, table = fits.getheader(path, 1), Table.read(path, hdu=1)
    cells = uniq_grid(np.asarray(table["UNIQ"], np.int64))
    for keyword, value in {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "COORDSYS": "C", "INDXSCHM": "EXPLICIT"}.items():
        assert header[keyword] == value
    assert header["MOCORDER"] == cells.level.max()
    assert header["TUNIT2"] == "sr-1"
    assert header["TFORM1"] == "K"
    assert cells.area.sum() == pytest.approx(4 * np.pi, rel=1e-12)
    assert np.sum(table["PROBDENSITY"] * cells.area) == pytest.approx(1.0, rel=1e-12)


def test_the_values_are_those_of_the_map_at_the_same_place(tsmap, tmp_path):
    table = Table.read(written(tsmap, tmp_path), hdu=1)
    cells = uniq_grid(np.asarray(table["UNIQ"], np.int64), frame="icrs")
    from manyfit.tsmap._lookup import Lookup

    place = Lookup(tsmap.grid).at_skycoord(cells.skycoord)
    found = place >= 0
    assert found.all() == tsmap.grid.is_whole_sky
    for name in NAMES:
        np.testing.assert_array_equal(np.asarray(table[name.upper()])[found], getattr(tsmap, name)[place[found]])
    assert np.isnan(np.asarray(table["TS"])[~found]).all()
    assert (np.asarray(table["PROBDENSITY"])[~found] == 0).all()
    assert set(place[found]) == set(range(len(tsmap)))  # no pixel is lost
    density = tsmap.probability / tsmap.grid.area
    ratio = np.asarray(table["PROBDENSITY"])[found] / density[place[found]]
    np.testing.assert_allclose(
        ratio[density[place[found]] > 1e-200], ratio[np.argmax(density[place[found]])], rtol=1e-9
    )
    assert ratio[0] == pytest.approx(1.0, rel=1e-12 if tsmap.grid.frame == "icrs" else 0.02)


@pytest.mark.filterwarnings("ignore:_add_newdoc_ufunc is deprecated:DeprecationWarning")
def test_ligo_skymap_reads_it(tsmap, tmp_path):
    io = pytest.importorskip("ligo.skymap.io")
    path = written(tsmap, tmp_path)
    table = io.read_sky_map(path, moc=True)
    assert table.colnames[:2] == ["UNIQ", "PROBDENSITY"]
    assert table.meta["creator"].startswith("manyfit")
    flat, _ = io.read_sky_map(path, nest=True)
    assert flat.sum() == pytest.approx(1.0, rel=1e-6)
    nside = int(np.sqrt(flat.size / 12))
    import healpy

    peak = SkyCoord(*healpy.pix2ang(nside, np.argmax(flat), nest=True, lonlat=True), unit="deg", frame="icrs")
    assert peak.separation(tsmap.peak.position).deg < 2 * np.degrees(np.sqrt(tsmap.grid.area[tsmap.peak.index]))


def test_mocpy_reads_the_same_region(tsmap, tmp_path):
    mocpy = pytest.importorskip("mocpy")
    path = written(tsmap, tmp_path)
    region = tsmap.containment(0.9, method="posterior")
    moc = mocpy.MOC.from_multiordermap_fits_file(str(path), cumul_from=0.0, cumul_to=0.9)
    # mocpy leaves out the pixel in which the sum passes 0.9, or takes a part of it
    largest = tsmap.grid.area[region.pixels].max()
    assert moc.sky_fraction * 4 * np.pi == pytest.approx(region.area.to_value(u.sr), abs=1.2 * largest)
    assert (region.moc.intersection(moc)).sky_fraction == pytest.approx(moc.sky_fraction, rel=0.05)


@pytest.mark.parametrize("name", ["icrs", "mixed icrs"])
def test_a_map_in_icrs_comes_back_bit_by_bit(tmp_path, name):
    tsmap = a_map(GRIDS[name]())
    again = TSMap.read(written(tsmap, tmp_path))
    order, other = np.argsort(tsmap.grid.unique()), np.argsort(again.grid.unique())
    np.testing.assert_array_equal(again.grid.unique()[other], tsmap.grid.unique()[order])
    np.testing.assert_array_equal(again.ts[other], tsmap.ts[order])
    assert again.spectrum == tsmap.spectrum
    assert again.energies == tsmap.energies
    np.testing.assert_allclose(again.probability[other], tsmap.probability[order], rtol=1e-12)


def test_a_part_comes_back_as_a_part(tmp_path):
    grid = healpix_grid(8, frame="icrs", region=(SkyCoord(30, 40, unit="deg"), 30 * u.deg))
    tsmap = a_map(grid, bump(grid, centre=(30, 40)), spectral_index=np.linspace(-3, -2, len(grid)))
    again = TSMap.read(written(tsmap, tmp_path))
    order = np.argsort(again.grid.unique())
    same(tsmap, TSMap(grid, again.solution.at(order), spectral_index=again.spectral_index[order]))


def test_regions_of_a_galactic_map_stay_where_they_are(tmp_path):
    tsmap = a_map(healpix_grid(16))
    again = TSMap.read(written(tsmap, tmp_path))
    for method in ("chi2", "posterior"):
        before, after = tsmap.containment(0.9, method=method), again.containment(0.9, method=method)
        assert after.area.value == pytest.approx(before.area.value, rel=0.05)
        assert after.contains(tsmap.peak.position)


def test_no_map_without_pixels_or_fit(tmp_path):
    with pytest.raises(InputError, match="A list of positions has no pixels"):
        a_map(positions_grid(SkyCoord([1], [2], unit="deg")), np.ones(1)).to_fits(tmp_path / "a.multiorder.fits")
    with pytest.raises(InputError, match="No position of the map could be fitted"):
        a_map(healpix_grid(1), np.full(12, np.nan)).to_fits(tmp_path / "a.fits", kind="multiorder")
    assert not list(tmp_path.iterdir())

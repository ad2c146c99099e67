"""HEALPix tables: read by healpy, astropy-healpix and astropy with the numbers of the map."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import TSMap
from manyfit.tsmap._grid import chosen, healpix_grid, inside, positions_grid
from tests.tsmap.maps import CENTRE, NAMES, a_map, mixed, same

CONE = (SkyCoord(*CENTRE, unit="deg", frame="galactic"), 30 * u.deg)


def written(tsmap, tmp_path, name="map.fits"):
    tsmap.to_fits(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("order", ["nested", "ring"])
@pytest.mark.parametrize("frame", ["galactic", "icrs"])
def test_healpy_reads_it(tmp_path, order, frame):
    healpy = pytest.importorskip("healpy")
    tsmap = a_map(healpix_grid(8, order=order, frame=frame))
    path = written(tsmap, tmp_path)
    nest = order == "nested"
    for field, name in enumerate(["ts", "sqrt_ts", "norm", "norm_err"]):
        read, header = healpy.read_map(path, field=field, nest=nest, dtype=None, h=True)
        np.testing.assert_array_equal(read, getattr(tsmap, name))
    header = dict(header)
    assert (header["ORDERING"], header["COORDSYS"]) == (order.upper(), "G" if frame == "galactic" else "C")
    peak = SkyCoord(
        *healpy.pix2ang(8, np.argmax(healpy.read_map(path, nest=nest)), nest=nest, lonlat=True), unit="deg", frame=frame
    )
    assert peak.separation(tsmap.peak.position).arcsec < 1e-6


def test_healpy_turns_the_order(tmp_path):
    healpy = pytest.importorskip("healpy")
    nested, ring = (a_map(healpix_grid(8, order=order)) for order in ("nested", "ring"))
    path = written(nested, tmp_path)
    np.testing.assert_array_equal(healpy.read_map(path, nest=False), ring.ts)


@pytest.mark.parametrize("order", ["nested", "ring"])
def test_a_part_of_the_sky_has_its_pixels(tmp_path, order):
    healpy = pytest.importorskip("healpy")
    whole = healpix_grid(16, order=order)
    part = chosen(whole, inside(whole, CONE))
    tsmap = a_map(part)
    path = written(tsmap, tmp_path)
    header = fits.getheader(path, 1)
    assert (header["INDXSCHM"], header["OBJECT"]) == ("EXPLICIT", "PARTIAL")
    full = healpy.read_map(path, partial=True, nest=order == "nested")
    np.testing.assert_array_equal(full[part.pixels], tsmap.ts)
    assert np.all(full[np.setdiff1d(np.arange(3072), part.pixels)] == healpy.UNSEEN)
    again = TSMap.read(path)
    same(tsmap, again)
    np.testing.assert_array_equal(again.grid.unique(), part.unique())


def test_astropy_healpix_finds_pixels_by_the_header(tmp_path):
    from astropy_healpix import HEALPix

    tsmap = a_map(healpix_grid(8, order="ring"))
    with fits.open(written(tsmap, tmp_path)) as hdus:
        header, data = hdus[1].header, hdus[1].data
        sky = HEALPix.from_header(hdus[1])
        np.testing.assert_array_equal(data["TS"], tsmap.ts)
    assert (sky.nside, sky.order, sky.frame.name) == (8, "ring", "galactic")
    assert header["LASTPIX"] == 767
    assert sky.skycoord_to_healpix(tsmap.peak.position) == tsmap.peak.index


def test_columns_have_units_and_the_header_says_all(tmp_path):
    tsmap = a_map()
    table = Table.read(written(tsmap, tmp_path), hdu=1)
    assert [name.lower() for name in table.colnames if name.lower() in NAMES] == list(NAMES)
    assert table["FLUX"].unit == u.Unit("ph / (cm2 s)")
    np.testing.assert_array_equal(table["FLUX"], tsmap.flux.value)
    assert table.meta["STATUS1"] == "under_fluctuation"
    assert table.meta["CREATOR"].startswith("manyfit ")
    assert table.meta["FLUX1"] == tsmap.photon_flux.value
    assert table.meta["NOTE1"] == "3 counts were odd."


def test_equal_after_reading(tmp_path):
    for name, tsmap in (
        ("a", a_map(healpix_grid(4, order="ring", frame="icrs"), confidence=0.99)),
        ("b", a_map(healpix_grid(2), spectral_index=np.linspace(-3, -2, 48))),
        ("c", a_map(healpix_grid(1), np.where(np.arange(12) < 3, np.nan, 5.0), spectrum=None, energies=None, notes=())),
    ):
        again = TSMap.read(written(tsmap, tmp_path, f"{name}.fits"))
        same(tsmap, again)
        assert (again.spectrum, again.energies, again.notes) == (tsmap.spectrum, tsmap.energies, tsmap.notes)
        assert again.confidence == tsmap.confidence
        assert (again.grid.nside, again.grid.order, again.grid.frame) == (
            *(tsmap.grid.nside, tsmap.grid.order, tsmap.grid.frame),
        )
        np.testing.assert_array_equal(again.grid.unique(), tsmap.grid.unique())


@pytest.mark.parametrize(
    ("grid", "advice"),
    [
        (mixed(), "has pixels of several sizes. Use a name that ends in .multiorder.fits"),
        (positions_grid(SkyCoord([1], [2], unit="deg")), "is a list of positions. Use to_table"),
    ],
)
def test_what_the_format_cannot_hold(tmp_path, grid, advice):
    with pytest.raises(InputError, match=advice):
        a_map(grid, np.ones(len(grid))).to_fits(tmp_path / "map.fits")
    assert not list(tmp_path.iterdir())


def test_files_are_refused_and_whole(tmp_path, monkeypatch):
    tsmap = a_map(healpix_grid(1))
    path = written(tsmap, tmp_path)
    before = path.read_bytes()
    with pytest.raises(OutputExists):
        tsmap.to_fits(path)
    with monkeypatch.context() as patch:
        patch.setattr(fits.HDUList, "writeto", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            tsmap.to_fits(path, overwrite=True)
    assert path.read_bytes() == before
    tsmap.to_fits(path, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["map.fits"]


@pytest.mark.parametrize(("name", "kind", "message"), [("a.fits", "moc", "kind 'moc'"), ("a.fits.gz", None, "packed")])
def test_unknown_kinds(tmp_path, name, kind, message):
    with pytest.raises(InputError, match=message):
        a_map(healpix_grid(1)).to_fits(tmp_path / name, kind=kind)

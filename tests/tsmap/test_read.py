"""Reading: what is told apart, ECSV, spectra as text, and files that are something else."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.modeling.models import PowerLaw1D
from astropy.table import QTable

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import Band, CutoffPowerLaw, PowerLaw, Spectrum, TSMap, parse_spectrum
from manyfit.tsmap._grid import healpix_grid, positions_grid
from manyfit.tsmap._spectrum_text import KnownSpectrum, spectrum_text
from tests.tsmap.maps import a_map, mixed, same

GRIDS = {
    "ring": lambda: healpix_grid(4, order="ring"),
    "icrs": lambda: healpix_grid(2, frame="icrs"),
    "mixed": mixed,
    "list": lambda: positions_grid(SkyCoord([10, 93, 200], [0, -53, 80], unit="deg", frame="galactic")),
}


@pytest.mark.parametrize("name", GRIDS)
def test_ecsv_keeps_everything(tmp_path, name):
    tsmap = a_map(GRIDS[name](), confidence=0.9)
    tsmap.to_ecsv(tmp_path / "map.ecsv")
    again = TSMap.read(tmp_path / "map.ecsv")
    same(tsmap, again)
    for what in ("lon", "lat", "uniq", "frame", "nside", "order"):
        np.testing.assert_array_equal(getattr(again.grid, what), getattr(tsmap.grid, what))
    for what in ("spectrum", "energies", "notes", "confidence"):
        assert getattr(again, what) == getattr(tsmap, what)
    with pytest.raises(OutputExists):
        tsmap.to_ecsv(tmp_path / "map.ecsv")


def test_the_table_has_units():
    table = a_map().to_table()
    assert isinstance(table, QTable)
    assert (table["l"].unit, table["flux"].unit) == ("deg", "ph / (cm2 s)")
    assert table["ts"].info.description == "test statistic, 2 ln(L / L0)"


def test_a_map_from_a_file_cannot_be_refined(tmp_path):
    a_map().to_fits(tmp_path / "a.fits")
    with pytest.raises(InputError, match="was read from a file"):
        TSMap.read(tmp_path / "a.fits").refine(128)


def content(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data) if isinstance(data, bytes) else data.writeto(path)
    return path


def table(**keywords):
    hdu = fits.BinTableHDU.from_columns([fits.Column("TS", "D", array=np.zeros(12))])
    hdu.header.update(keywords)
    return hdu


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither FITS nor ECSV: it starts with b''"),
        (b"\x89HDF\r\n\x1a\n", "neither FITS nor ECSV"),
        (fits.PrimaryHDU(np.zeros((3, 3))), "has no table with ORDERING"),
        (table(ORDERING="RING", NSIDE=1), "norm, norm_err, .* are missing. It is not a TS map that manyfit wrote"),
        (table(ORDERING="PEANO", NSIDE=1), "ORDERING is 'PEANO'. It must be RING, NESTED or NUNIQ"),
        (table(ORDERING="RING", NSIDE=1, COORDSYS="E"), "COORDSYS is 'E'. It must be one of G, C"),
        (b"# %ECSV 1.0\n# ---\nts\n1 2\n", "is damaged"),
    ],
)
def test_other_files(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        TSMap.read(content(tmp_path, "a.dat", data))


def test_no_file_and_a_cut_one(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        TSMap.read(tmp_path / "none.fits")
    a_map().to_fits(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_bytes((tmp_path / "a.fits").read_bytes()[:20000])
    with pytest.raises(InputError, match="is damaged"):
        TSMap.read(tmp_path / "b.fits")


@pytest.mark.parametrize(
    "spectrum",
    [PowerLaw(-2.2, 511.0, 0.1 + 0.2), CutoffPowerLaw(-1.0, 300.0), Band(-1.0, -2.5, 300.0, norm=3e-7)],
)
def test_spectra_come_back_from_text(spectrum):
    assert parse_spectrum(spectrum_text(spectrum)) == spectrum


def test_any_spectrum_keeps_its_photons(tmp_path):
    model = Spectrum(PowerLaw1D(amplitude=0.01, x_0=100, alpha=2))
    tsmap = a_map(spectrum=model)
    tsmap.to_fits(tmp_path / "a.fits")
    again = TSMap.read(tmp_path / "a.fits")
    assert again.spectrum == KnownSpectrum("PowerLaw1D", tsmap.photon_flux.value)
    np.testing.assert_array_equal(again.flux, tsmap.flux)
    with pytest.raises(InputError, match="keeps of the spectrum 'PowerLaw1D' only its photons"):
        again.spectrum.flux(np.array([100.0, 200.0, 300.0]))


def test_spectra_in_words():
    assert parse_spectrum("PowerLaw(-2, 0.1 MeV)") == PowerLaw(-2, 100.0)
    assert parse_spectrum(" Band( alpha = -1, beta=-2.5, peak=300 keV )") == Band(-1, -2.5, 300)
    model = parse_spectrum("PowerLaw1D(amplitude=1 / (cm2 s keV), x_0=100 keV, alpha=2)")
    np.testing.assert_allclose(model.flux([100.0, 200.0]), 50.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PowrLaw(-2)", "Did you mean 'PowerLaw'"),
        ("PowerLaw(index=-2", "',' or '\\)' is expected here"),
        ("PowerLaw(slope=-2)", "PowerLaw takes index, pivot, norm, each once; not 'slope'"),
        ("PowerLaw(-2, index=-3)", "each once; not 'index'"),
        ("PowerLaw()", "missing 1 required positional argument: 'index'"),
        ("PowerLaw(-2, 1, 2, 3)", "each once"),
        ("PowerLaw(-2) + 1", "The end is expected here"),
        ("PowerLaw(-2, pivot=1 s)", "A number in 'keV' is needed"),
        ("__import__('os')", "'__import__' is not known"),
        ("", "is expected here"),
    ],
)
def test_texts_that_are_no_spectra(text, message):
    with pytest.raises(InputError, match=message):
        parse_spectrum(text)

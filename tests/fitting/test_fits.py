"""Tests of manyfit.fitting._fits and manyfit.fitting._fits_image."""

from __future__ import annotations

import gzip
import io
import pickle
import re
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from manyfit.errors import InputError
from manyfit.fitting._fits import read_fits, read_hdu
from manyfit.fitting._mapped import MappedFile

VALUES = np.random.default_rng(1).normal(size=(6, 5, 4)).astype(np.float32)
CUT = (slice(1, 5), slice(0, 2), slice(1, 4))


def header(**keys):
    cards = {"BUNIT": "Jy/beam", "CTYPE3": "VRAD", "CRVAL3": 10.0, "CDELT3": 2.0, "CUNIT3": "km/s", **keys}
    return fits.Header(cards)


@pytest.fixture
def cube(tmp_path):
    file = tmp_path / "cube.fits"
    fits.PrimaryHDU(VALUES, header()).writeto(file)
    return file


def scaled(file, values, **keys):
    """Write integers as they are, with keywords that scale them."""
    fits.PrimaryHDU(values, header()).writeto(file, output_verify="ignore")
    for key, value in keys.items():
        fits.setval(file, key, value=value)
    return file


def expected(file, extension=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getdata(file, extension)


def same_as_astropy(file, extension=None):
    labelled = read_fits(file, extension)
    for source in (labelled.source, pickle.loads(pickle.dumps(labelled.source))):
        np.testing.assert_allclose(source.read(CUT), expected(file, int(extension or 0))[CUT], rtol=1e-6)
    return labelled


def test_values_unit_and_wcs(cube):
    labelled = same_as_astropy(cube)
    assert isinstance(labelled.source, MappedFile)
    assert len(pickle.dumps(labelled.source)) < 1000
    assert labelled.unit.to_string() == "Jy / beam"
    assert u.Unit(labelled.wcs.world_axis_units[2]) == u.m / u.s


@pytest.mark.parametrize("dtype", [">i2", ">i4", ">i8", "u1", ">f8"])
def test_every_type_of_pixel(tmp_path, dtype):
    fits.PrimaryHDU((100 * np.abs(VALUES) % 250).astype(dtype), header()).writeto(tmp_path / "a.fits")
    same_as_astropy(tmp_path / "a.fits")


def test_scaled_integers_with_blanks(tmp_path):
    values = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    file = scaled(tmp_path / "a.fits", values, BSCALE=0.25, BZERO=-3.0, BLANK=27)
    labelled = same_as_astropy(file)
    whole = labelled.source.read((slice(0, 6), slice(0, 5), slice(0, 4)))
    assert np.isnan(whole).sum() == 1
    assert np.isnan(whole[1, 1, 3])


def test_blank_without_scale(tmp_path):
    file = scaled(tmp_path / "a.fits", np.arange(120, dtype=np.int32).reshape(6, 5, 4), BLANK=27)
    assert np.isnan(read_fits(file, None).source.read(CUT)[0, 1, 2])


def test_unsigned_integers(tmp_path):
    values = (60000 + np.arange(120)).astype(np.uint16).reshape(6, 5, 4)
    fits.PrimaryHDU(values, header()).writeto(tmp_path / "a.fits")
    same_as_astropy(tmp_path / "a.fits")


def test_compressed_as_a_whole(tmp_path, cube):
    file = tmp_path / "cube.fits.gz"
    file.write_bytes(gzip.compress(cube.read_bytes()))
    same_as_astropy(file)


def test_compressed_by_tiles(tmp_path):
    file = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(VALUES, header(), tile_shape=(3, 5, 4))]).writeto(file)
    assert same_as_astropy(file, "1").unit is not None


@pytest.fixture
def several(tmp_path):
    file = tmp_path / "several.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.zeros(3))], name="TABLE")
    images = [fits.ImageHDU(VALUES, header(), "SCI"), fits.ImageHDU(VALUES**2, header(), "ERR")]
    fits.HDUList([fits.PrimaryHDU(), table, *images]).writeto(file)
    return file


@pytest.mark.parametrize(("extension", "power"), [(None, 1), ("SCI", 1), ("ERR", 2), ("err", 2), ("3", 2)])
def test_which_extension(several, extension, power):
    np.testing.assert_array_equal(read_fits(several, extension).source.read(CUT), VALUES[CUT] ** power)


@pytest.mark.parametrize(
    ("extension", "text"),
    [
        ("DQ", "has no extension 'DQ'. Its HDUs: 0 PRIMARY, 1 TABLE, 2 SCI, 3 ERR."),
        ("9", "has no extension '9'"),
        ("TABLE", "is no image with data"),
        ("0", "is no image with data"),
    ],
)
def test_wrong_extension(several, extension, text):
    with pytest.raises(InputError, match=re.escape(text)):
        read_fits(several, extension)


def test_no_image(tmp_path):
    fits.PrimaryHDU().writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"data '.*a.fits' has no image with data. Its HDUs: 0 PRIMARY"):
        read_fits(tmp_path / "a.fits", None)


@pytest.mark.parametrize("kept", [0, 100, 2000, 2880, 3000])
@pytest.mark.parametrize("name", ["cube.fits", "cube.fits.gz"])
def test_truncated_files_are_named(tmp_path, cube, kept, name):
    file = tmp_path / "cut" / name
    file.parent.mkdir()
    whole = cube.read_bytes() if name == "cube.fits" else gzip.compress(cube.read_bytes())
    file.write_bytes(whole[: min(kept, len(whole) - 200)])
    with pytest.raises(InputError, match=name):
        read_fits(file, None, "uncertainty")


def test_a_file_that_is_no_fits(tmp_path):
    (tmp_path / "a.fits").write_text("not a cube")
    with pytest.raises(InputError, match=r"uncertainty: '.*a.fits' cannot be read as FITS .* Give a complete FITS"):
        read_fits(tmp_path / "a.fits", None, "uncertainty")


def test_header_without_coordinates_or_unit(tmp_path):
    fits.PrimaryHDU(VALUES).writeto(tmp_path / "a.fits")
    labelled = read_fits(tmp_path / "a.fits", None)
    assert labelled.wcs is None
    assert labelled.unit is None


def test_unit_that_cannot_be_read(tmp_path):
    fits.PrimaryHDU(VALUES, header(BUNIT="K (Tmb)")).writeto(tmp_path / "a.fits")
    assert read_fits(tmp_path / "a.fits", None).unit is None


def test_wcs_of_more_axes_than_the_data(tmp_path):
    fits.PrimaryHDU(VALUES, header(CTYPE4="STOKES", CRVAL4=1.0, WCSAXES=4)).writeto(tmp_path / "a.fits")
    assert read_fits(tmp_path / "a.fits", None).wcs.pixel_n_dim == 3


class TestHDU:
    def test_in_memory(self):
        labelled = read_hdu(fits.ImageHDU(VALUES, header()))
        np.testing.assert_array_equal(labelled.source.read(CUT), VALUES[CUT])
        assert labelled.unit.to_string() == "Jy / beam"
        assert labelled.wcs.pixel_n_dim == 3

    def test_untouched_ones_are_read_from_the_file(self, cube):
        with fits.open(cube) as hdus:
            hdu = hdus[0]
            hdu.header["BUNIT"] = "K"
            labelled = read_hdu(hdu)
        assert isinstance(labelled.source, MappedFile)
        assert labelled.unit.to_string() == "K"
        np.testing.assert_array_equal(labelled.source.read(CUT), VALUES[CUT])

    def test_changed_ones_are_not(self, cube):
        with fits.open(cube) as hdus:
            hdus[0].data *= 2
            np.testing.assert_array_equal(read_hdu(hdus[0]).source.read(CUT), 2 * VALUES[CUT])

    def test_replaced_ones_are_not(self, cube):
        with fits.open(cube) as hdus:
            hdus[0].data = -VALUES
            np.testing.assert_array_equal(read_hdu(hdus[0]).source.read(CUT), -VALUES[CUT])

    def test_opened_for_update(self, cube):
        with fits.open(cube, mode="update") as hdus:
            assert not isinstance(read_hdu(hdus[0]).source, MappedFile)

    def test_opened_from_bytes(self, cube):
        with fits.open(io.BytesIO(cube.read_bytes())) as hdus:
            np.testing.assert_array_equal(read_hdu(hdus).source.read(CUT), VALUES[CUT])

    def test_list_gives_its_first_image(self, several):
        with fits.open(several) as hdus:
            np.testing.assert_array_equal(read_hdu(hdus).source.read(CUT), VALUES[CUT])

    def test_a_table_is_refused(self, several):
        with fits.open(several) as hdus, pytest.raises(InputError, match="BinTableHDU without image data"):
            read_hdu(hdus["TABLE"])

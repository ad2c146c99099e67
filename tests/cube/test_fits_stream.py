"""FITS files written piece by piece: astropy reads the same numbers and agrees with every checksum."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from manyfit.cube import _fits_stream
from manyfit.cube._fits_stream import write_stream

RNG = np.random.default_rng(1)
KINDS = ["u1", "u2", "u4", "u8", "i2", "i4", "i8", "f4", "f8"]


def written(hdus):
    out = io.BytesIO()
    write_stream(out, hdus)
    return out.getvalue()


@pytest.mark.parametrize("piece", [7, 2**20])
@pytest.mark.parametrize("kind", KINDS)
def test_astropy_reads_what_was_written(kind, piece, monkeypatch):
    monkeypatch.setattr(_fits_stream, "PIECE", piece * 4)  # pieces are whole words
    values = RNG.integers(0, 200, (3, 5, 7)).astype(kind)
    if values.dtype.kind == "u":
        values[0, 0, 0] = np.iinfo(kind).max
    content = written([fits.PrimaryHDU(), fits.ImageHDU(values, name="A")])
    assert len(content) % 2880 == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(io.BytesIO(content), checksum=True) as hdus:
            np.testing.assert_array_equal(hdus["A"].data, values)
            assert hdus["A"].verify_checksum() == 1
            assert hdus["A"].verify_datasum() == 1
            assert hdus[0].verify_checksum() == 1


def test_a_damaged_byte_is_found():
    content = bytearray(written([fits.PrimaryHDU(), fits.ImageHDU(np.ones((9, 9)))]))
    content[-2800] ^= 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fits.open(io.BytesIO(bytes(content)), checksum=True):
            pass
    assert {str(each.message).split()[0] for each in caught} == {"Checksum", "Datasum"}


def test_checksums_of_many_headers():
    """Every value of a byte, and so every character that has to be avoided, comes up."""
    for i in range(300):
        hdu = fits.ImageHDU(np.full(3, i, np.int32))
        hdu.header["SEED"] = int(RNG.integers(2**40))
        with fits.open(io.BytesIO(written([fits.PrimaryHDU(), hdu])), checksum=True) as hdus:
            assert hdus[1].verify_checksum() == 1
            assert hdus[1].header["CHECKSUM"].isalnum()


def test_tables_and_images_in_turn():
    rows = fits.table_to_hdu(Table({"n": [1, 2], "text": ["a", "bc"]}))
    rows.name = "ROWS"
    content = written(iter([fits.PrimaryHDU(), rows, fits.ImageHDU(np.arange(4.0), name="B")]))
    with fits.open(io.BytesIO(content), checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "ROWS", "B"]
        assert hdus["ROWS"].data["text"].tolist() == ["a", "bc"]
        np.testing.assert_array_equal(hdus["B"].data, np.arange(4.0))

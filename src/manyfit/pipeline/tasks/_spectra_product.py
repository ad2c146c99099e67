"""Spectra as a product: FITS with images FLUX, IVAR, WAVELENGTH and BITMASK, and a table ROWS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from manyfit._fits_headers import check_headers
from manyfit.pipeline._task import Task
from manyfit.spectra import Spectra


class SpectraProduct(Task):
    """A step whose value is spectra."""

    version = "1"
    suffix = ".fits"

    def write(self, value: Spectra, path: Path) -> None:
        """Write the spectra as FITS."""
        write_spectra(value, path)

    def read(self, path: Path) -> Spectra:
        """Read them."""
        return read_spectra(path)


def write_spectra(spectra: Spectra, path: Path) -> None:
    """Write spectra, to the last bit; what a survey's header says beyond the table of rows is left out."""
    header = fits.Header({"MEDIUM": spectra.medium, "FRAME": spectra.frame})
    flux = fits.ImageHDU(spectra.flux, name="FLUX")
    flux.header["BUNIT"] = spectra.unit.to_string("fits")
    grid = fits.ImageHDU(spectra.wavelength.value, name="WAVELENGTH")
    grid.header["BUNIT"] = spectra.wavelength.unit.to_string("fits")
    bits = [] if spectra.bitmask is None else [_bitmask(spectra)]
    rows = fits.BinTableHDU(spectra.rows, name="ROWS")
    hdus = [fits.PrimaryHDU(header=header), flux, fits.ImageHDU(spectra.ivar, name="IVAR"), grid, *bits, rows]
    fits.HDUList(hdus).writeto(path, overwrite=True)


def read_spectra(path: Path) -> Spectra:
    """Read what `write_spectra` wrote."""
    check_headers(path, path)
    with fits.open(path, memmap=False) as hdus:
        header = hdus["BITMASK"].header if "BITMASK" in hdus else {}
        rows = Table.read(hdus["ROWS"])
        rows.convert_bytestring_to_unicode()
        return Spectra(
            wavelength=u.Quantity(hdus["WAVELENGTH"].data, hdus["WAVELENGTH"].header["BUNIT"]),
            flux=hdus["FLUX"].data,
            ivar=hdus["IVAR"].data,
            bitmask=hdus["BITMASK"].data if "BITMASK" in hdus else None,
            rows=rows,
            bits={name: header[f"BIT{i}"] for i, name in enumerate(_names(header))},
            medium=hdus[0].header["MEDIUM"],
            frame=hdus[0].header["FRAME"],
            unit=u.Unit(hdus["FLUX"].header.get("BUNIT", "")),
        )


def _bitmask(spectra: Spectra) -> fits.ImageHDU:
    hdu = fits.ImageHDU(np.asarray(spectra.bitmask), name="BITMASK")
    for i, (name, bit) in enumerate(spectra.bits.items()):
        hdu.header[f"NAME{i}"], hdu.header[f"BIT{i}"] = name, bit
    return hdu


def _names(header: fits.Header) -> list[str]:
    return [header[key] for key in header if key.startswith("NAME")]

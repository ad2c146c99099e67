"""Maps of a cube as FITS images with name, unit and celestial WCS, and files of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._fits_stream import write_stream
from manyfit.fitting._atomic import replacing
from manyfit.fitting._fits_layout import to_ascii, unit_text
from manyfit.fitting._fits_wcs import wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Header, ImageHDU, PrimaryHDU

#: Keywords of a cube that hold for its maps as well.
KEPT = (
    *("OBJECT", "TELESCOP", "INSTRUME", "OBSERVER", "DATE-OBS", "MJD-OBS", "ORIGIN"),
    *("BMAJ", "BMIN", "BPA", "RESTFRQ", "RESTFREQ", "RESTWAV", "SPECSYS", "VELREF"),
)


def primary(content: str, header: Mapping[str, Any] | None = None, history: Iterable[str] = ()) -> PrimaryHDU:
    """The first HDU of a file of maps, without data.

    Parameters
    ----------
    content
        What the file holds.
    header
        Header of the cube; what holds for its maps as well is kept.
    history
        Remarks, one or more lines each.

    Examples
    --------
    >>> hdu = primary("moments of a cube", {"OBJECT": "NGC 1333"}, ["read 53 channels"])
    >>> hdu.header["OBJECT"], str(hdu.header["HISTORY"])
    ('NGC 1333', 'read 53 channels')
    """
    from astropy.io.fits import PrimaryHDU

    from manyfit import __version__

    hdu = PrimaryHDU()
    hdu.header["CREATOR"] = (f"manyfit {__version__}", "software that wrote this file")
    hdu.header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC")
    hdu.header["CONTENT"] = content
    annotate(hdu.header, header, history)
    return hdu


def annotate(header: Header, of_cube: Mapping[str, Any] | None, history: Iterable[str]) -> None:
    """Add what is known of the cube, and remarks, to the header of a file."""
    for key in KEPT:
        if of_cube is not None and key in of_cube and key not in header:
            header[key] = of_cube[key]
    for remark in history:
        for line in remark.splitlines():
            header.add_history(to_ascii(line))


def image(name: str, values: Any, unit: Any = None, wcs: Any = None, *, content: str = "extra") -> ImageHDU:
    """A map as an image.

    Parameters
    ----------
    name
        Name of the extension, in capitals there.
    values
        The map; booleans become 0 and 1.
    unit
        Its unit; by default that of a Quantity.
    wcs
        WCS of the map.
    content
        What the numbers are.

    Examples
    --------
    >>> import astropy.units as u
    >>> hdu = image("noise", [[0.1, 0.2]] * u.K)
    >>> hdu.name, hdu.header["BUNIT"]
    ('NOISE', 'K')
    """
    from astropy.io.fits import ImageHDU

    unit = getattr(values, "unit", None) if unit is None else unit
    plain = np.asarray(getattr(values, "value", values))
    plain = plain.astype(np.uint8) if plain.dtype == bool else plain
    hdu = ImageHDU(np.atleast_1d(plain), header=wcs_header(wcs), name=to_ascii(name))
    hdu.header["CONTENT"] = (content, "what the numbers are")
    hdu.header["PARNAME"] = to_ascii(name)
    if unit is not None and unit.to_string():
        hdu.header["BUNIT"] = unit_text(unit)
    return hdu


def table(name: str, rows: Any) -> BinTableHDU:
    """A table as an extension."""
    from astropy.io.fits import table_to_hdu

    hdu = table_to_hdu(rows)
    hdu.name = name
    return hdu


def write_hdus(path: Path, hdus: Iterable[Any], *, overwrite: bool = False) -> None:
    """Write a file with checksums, which appears when it is whole; ``.gz`` is compressed. Memory is that of one HDU.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    with replacing(path, overwrite=overwrite) as file:
        if path.suffix == ".gz":
            with gzip.GzipFile(path.stem, "wb", fileobj=file) as packed:
                write_stream(packed, hdus)
        else:
            write_stream(file, hdus)

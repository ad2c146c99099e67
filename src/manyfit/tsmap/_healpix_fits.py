"""A TS map as a HEALPix table in FITS: one row for each pixel of one size, on all of the sky or on a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output, replacing

from ._cards import COORDINATES, Card, fact_cards
from ._columns import FLUX, columns

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, Column

    from ._ts_map import TSMap

FORMATS = {np.dtype(np.float64): "D", np.dtype(np.int64): "K", np.dtype(np.int16): "I"}
LONG = 24  # characters of a value that leaves room for a comment
UNITS = {FLUX: "ph cm-2 s-1"}


def write_healpix(tsmap: TSMap, path: Path, *, overwrite: bool) -> None:
    """Write the file; see `TSMap.to_fits`."""
    check_output(path, overwrite=overwrite)
    grid = tsmap.grid
    if grid.nside is None:
        what = "is a list of positions" if grid.uniq is None else "has pixels of several sizes"
        better = (
            "to_table() or a name that ends in .ecsv" if grid.uniq is None else "a name that ends in .multiorder.fits"
        )
        raise InputError(f"A HEALPix table holds pixels of one size; this map {what}. Use {better}.")
    pixel = [] if grid.is_whole_sky else [fits_column("PIXEL", grid.pixels)]
    write_columns(
        [*pixel, *map_columns(tsmap)], [*_healpix_cards(tsmap), *fact_cards(tsmap)], path, overwrite=overwrite
    )


def map_columns(tsmap: TSMap) -> list[Column]:
    """A column for each map."""
    return [fits_column(each.name.upper(), each.values, UNITS.get(each.unit, each.unit)) for each in columns(tsmap)]


def fits_column(name: str, values: Any, unit: str = "") -> Column:
    """A column of a table; short integers become those that every reader knows."""
    from astropy.io.fits import Column

    values = values.astype(np.int16) if values.dtype == np.int8 else values
    return Column(name, FORMATS[values.dtype], unit or None, array=values)


def write_columns(found: list[Column], cards: list[Card], path: Path, *, overwrite: bool) -> None:
    """A table with a header, whole or not at all."""
    from astropy.io import fits

    table: BinTableHDU = fits.BinTableHDU.from_columns(found, name="SKYMAP")
    for keyword, value, words in cards:
        table.header[keyword] = (value, words) if len(str(value)) < LONG else value
    with replacing(path, overwrite=overwrite) as file:
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(file)


def _healpix_cards(tsmap: TSMap) -> list[Card]:
    grid = tsmap.grid
    assert grid.nside is not None
    cards: list[Card] = [
        ("PIXTYPE", "HEALPIX", "HEALPix pixels"),
        ("ORDERING", "RING" if grid.order == "ring" else "NESTED", "order of the pixels"),
        ("COORDSYS", COORDINATES[grid.frame], "G: galactic, C: ICRS"),
        ("NSIDE", grid.nside, "resolution"),
    ]
    if not grid.is_whole_sky:
        return [
            *cards,
            ("INDXSCHM", "EXPLICIT", "column PIXEL numbers the pixels"),
            ("OBJECT", "PARTIAL", "of the sky"),
        ]
    return [
        *cards,
        ("INDXSCHM", "IMPLICIT", "rows are pixels in order"),
        ("OBJECT", "FULLSKY", "all of it"),
        ("FIRSTPIX", 0, "first pixel"),
        ("LASTPIX", len(grid) - 1, "last pixel"),
    ]

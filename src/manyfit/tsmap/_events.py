"""Lists of single events, in HDF5 or FITS, or as arrays, read block by block."""

from __future__ import annotations

import gzip
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit._fits_headers import check_headers
from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError

from ._hdf5 import needs_plugin, opened

Events = str | Path | Mapping[str, ArrayLike]
Block = dict[str, NDArray[np.float64]]

GZIP = b"\x1f\x8b"
TIME, ENERGY, PHI = "TimeTags", "Energies", "Phi"
DIRECTIONS = {"spacecraft": ("Chi local", "Psi local"), "galactic": ("Chi galactic", "Psi galactic")}
"""Columns of the scattering direction in each frame: longitude, and colatitude (local) or latitude (galactic)."""

UNITS = {"TimeTags": "s", "Energies": "keV", "Phi": "rad"} | {
    name: unit for frame, unit in (("spacecraft", "rad"), ("galactic", "deg")) for name in DIRECTIONS[frame]
}
"""Units of the columns where a file does not say."""


@contextmanager
def event_columns(events: Events, frame: str) -> Generator[dict[str, Any]]:
    """The columns that binning needs, each sliceable.

    Raises
    ------
    InputError
        A column is missing, or the columns have not one length.
    """
    names = (TIME, ENERGY, PHI, *DIRECTIONS[frame])
    if isinstance(events, Mapping):
        yield _checked("The events", {n: np.asarray(events[n]) for n in names if n in events}, names, events)
    elif _is_fits(Path(events)):
        with _fits_columns(Path(events), names) as (columns, found):
            yield _checked(repr(str(events)), columns, names, found)
    else:
        with foreign(events), opened(events) as file:
            columns = {name: file[name] for name in names if name in file}
            for column in columns.values():
                needs_plugin(column)
            yield _checked(repr(str(events)), columns, names, file)


def _is_fits(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(6)
    return start == b"SIMPLE" or (start[:2] == GZIP and ".fits" in path.name)


@contextmanager
def _fits_columns(path: Path, names: tuple[str, ...]) -> Generator[tuple[dict[str, Any], list[str]]]:
    from astropy.io import fits

    with quiet, foreign(path):
        with _unpacked(path) as stream:
            check_headers(stream, path)
        hdus = fits.open(path, memmap=True)
    with hdus:
        table = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)), None)
        found = [] if table is None else table.columns.names
        yield {name: _FitsColumn(table, name) for name in names if name in found}, found


def _unpacked(path: Path) -> BinaryIO:
    """The bytes of a file that may be compressed as a whole."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


class _FitsColumn:
    """A column of a FITS table that is converted to the usual unit, slice by slice."""

    def __init__(self, table: Any, name: str) -> None:
        from astropy import units as u

        self.values = table.data[name]
        self.shape = self.values.shape
        unit = table.columns[name].unit
        self.factor = u.Unit(unit).to(UNITS[name]) if unit else 1.0

    def __getitem__(self, part: slice) -> NDArray[np.float64]:
        return np.asarray(self.values[part], dtype=np.float64) * self.factor


def _checked(what: str, columns: dict[str, Any], names: tuple[str, ...], found: Any) -> dict[str, Any]:
    missing = [name for name in names if name not in columns]
    if missing:
        raise InputError(f"{what} have no column {missing}. There are: {', '.join(map(repr, found)) or 'none'}.")
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) != 1 or len(shapes[TIME]) != 1:
        raise InputError(f"{what}: columns have shapes {shapes}. One number for each event is needed.")
    return columns


def blocks(columns: dict[str, Any], frame: str, size: int) -> Generator[Block]:
    """Blocks of events: time in s, energy in keV, angle in deg, lon and lat in rad."""
    lon, lat = DIRECTIONS[frame]
    for start in range(0, columns[TIME].shape[0], size):
        part = slice(start, start + size)
        read = {name: np.ascontiguousarray(column[part], dtype=np.float64) for name, column in columns.items()}
        yield {
            "time": read[TIME],
            "energy": read[ENERGY],
            "angle": np.degrees(read[PHI]),
            "lon": read[lon] if frame == "spacecraft" else np.radians(read[lon]),
            "lat": 0.5 * np.pi - read[lat] if frame == "spacecraft" else np.radians(read[lat]),
        }

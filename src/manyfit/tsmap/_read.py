"""TS maps from files: HEALPix tables, multi-order sky maps and ECSV, told by what they hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit._fits_headers import check_headers
from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError

from ._cards import FRAMES, kept
from ._grid import FRAMES as FRAME_NAMES
from ._grid import Grid, chosen, healpix_grid, uniq_grid
from ._solution import Solution
from ._status import SkyStatus
from ._table import NAMES
from ._ts_map import TSMap

Columns = Mapping[str, Any]


def read(path: Path) -> TSMap:
    """Read a file; see `TSMap.read`."""
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}.")
    with path.open("rb") as file:
        start = file.read(12)
    with quiet, foreign(path):
        if start.startswith(b"SIMPLE  ="):
            check_headers(path, path)
            return _read_fits(path)
        if start.startswith(b"# %ECSV"):
            return _read_ecsv(path)
    raise InputError(f"{str(path)!r} is neither FITS nor ECSV: it starts with {start!r}.")


def _read_fits(path: Path) -> TSMap:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    try:
        with warnings.catch_warnings(), fits.open(path) as hdus:
            warnings.simplefilter("error", AstropyUserWarning)  # says that a file is cut off
            tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU) and "ORDERING" in hdu.header]
            if not tables:
                raise InputError(f"{str(path)!r} has no table with ORDERING: it is no HEALPix map.")
            header, data = tables[0].header, tables[0].data
            values = {name.lower(): np.array(data[name], data[name].dtype.newbyteorder("=")) for name in data.names}
            return _made(path, values, dict(header), _grid_of(path, dict(header)))
    except (OSError, TypeError, KeyError, IndexError, AstropyUserWarning) as error:
        raise InputError(f"{str(path)!r} is damaged: {error}.") from error


def _grid_of(path: Path, header: Mapping[str, Any]) -> Callable[[Columns], Grid]:
    """How to find the grid in the columns of a table."""
    order = str(header["ORDERING"]).strip().upper()
    frame = FRAMES.get(str(header.get("COORDSYS", "C")).strip()[:1].upper())
    if frame is None:
        raise InputError(f"{str(path)!r}: COORDSYS is {header['COORDSYS']!r}. It must be one of {', '.join(FRAMES)}.")
    if order == "NUNIQ":
        return lambda columns: uniq_grid(columns["uniq"], frame=frame)
    if order not in ("RING", "NESTED"):
        raise InputError(f"{str(path)!r}: ORDERING is {order!r}. It must be RING, NESTED or NUNIQ.")
    return lambda columns: _part(int(header["NSIDE"]), order.lower(), frame, columns.get("pixel"))


def _part(nside: int, order: str, frame: str, pixel: NDArray[Any] | None) -> Grid:
    """The whole sky, or some of its pixels, in their order."""
    whole = healpix_grid(nside, order=order, frame=frame)
    if pixel is None:
        return whole
    uniq = whole.unique()[pixel]
    return Grid(whole.lon[pixel], whole.lat[pixel], frame, uniq, nside, order)


def _read_ecsv(path: Path) -> TSMap:
    from astropy.table import QTable

    try:
        table = QTable.read(path, format="ascii.ecsv")
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{str(path)!r} is damaged: {error}.") from error
    values = {name: np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames}
    return _made(path, values, table.meta, lambda columns: _listed(columns, table.meta))


def _listed(columns: Columns, meta: Mapping[str, Any]) -> Grid:
    """Positions of a table: pixels if they are numbered."""
    frame = next(name for name in FRAME_NAMES if NAMES[name][0] in columns)
    lon, lat = (np.asarray(columns[name], np.float64) for name in NAMES[frame])
    uniq = columns.get("uniq")
    if uniq is None:
        return Grid(lon, lat, frame)
    uniq = np.asarray(uniq, np.int64)
    order = meta.get("ORDER")
    return Grid(lon, lat, frame, uniq, uniq_grid(uniq[:1]).nside if order else None, order)


def _made(path: Path, values: Columns, cards: Mapping[str, Any], grid_of: Callable[[Columns], Grid]) -> TSMap:
    names = [field.name for field in fields(Solution)]
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(
            f"{str(path)!r} has the columns {', '.join(values)}; {', '.join(missing)} are missing. "
            "It is not a TS map that manyfit wrote."
        )
    grid = grid_of(values)
    kinds = {"niter": np.int16, "status": np.int8}
    solution = Solution(**{name: np.asarray(values[name], kinds.get(name, np.float64)) for name in names})
    index = values.get("spectral_index")
    index = None if index is None else np.asarray(index, np.float64)
    fitted = solution.status != SkyStatus.NOT_FITTED
    if "probdensity" in values and not fitted.all():  # the rest of the sky, which the format wants
        grid, solution, index = chosen(grid, fitted), solution.at(fitted), None if index is None else index[fitted]
    return TSMap(grid, solution, spectral_index=index, **kept(cards))

"""A TS map as a table of positions, in memory and as ECSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.fitting._atomic import check_output, replacing

from ._cards import facts
from ._columns import columns
from ._grid import Grid

if TYPE_CHECKING:
    from astropy.table import QTable

    from ._ts_map import TSMap

NAMES = {"galactic": ("l", "b"), "icrs": ("ra", "dec")}


def to_table(tsmap: TSMap, where: NDArray[Any] | None = None, *, icrs: bool = False) -> QTable:
    """Positions with all that was found there; some of them if `where` says which, with ICRS as well on request."""
    from astropy import units as u
    from astropy.table import Column as TableColumn
    from astropy.table import QTable

    where = np.arange(len(tsmap)) if where is None else where
    table = QTable()
    table["position"] = where
    for name, values in _coordinates(tsmap.grid, where, icrs=icrs).items():
        table[name] = values * u.deg
    if tsmap.grid.uniq is not None:
        table["uniq"] = tsmap.grid.uniq[where]
    for column in columns(tsmap):
        values = column.values[where]
        table[column.name] = values * u.Unit(column.unit) if column.unit else TableColumn(values)
        table[column.name].info.description = column.words
    table.meta.update(facts(tsmap))
    if tsmap.grid.order is not None:
        table.meta["ORDER"] = tsmap.grid.order
    return table


def _coordinates(grid: Grid, where: NDArray[Any], *, icrs: bool) -> dict[str, NDArray[np.float64]]:
    found = dict(zip(NAMES[grid.frame], (grid.lon[where], grid.lat[where]), strict=True))
    if icrs and grid.frame != "icrs":
        other = grid.skycoord[where].icrs
        found |= {"ra": other.ra.deg, "dec": other.dec.deg}
    return found


def write_ecsv(tsmap: TSMap, path: Path, *, overwrite: bool) -> None:
    """Write the table as ECSV."""
    check_output(path, overwrite=overwrite)
    write_table(to_table(tsmap), path, overwrite=overwrite)


def write_table(table: QTable, path: Path, *, overwrite: bool = False) -> None:
    """Write any table as ECSV, whole or not at all."""
    from io import StringIO

    text = StringIO()
    table.write(text, format="ascii.ecsv")
    with replacing(path, overwrite=overwrite) as file:
        file.write(text.getvalue().encode())

"""A TS map as a multi-order sky map in FITS (UNIQ, PROBDENSITY), which the tools of alerts read.

The format knows ICRS alone. A map in ICRS is written as it is. The pixels of a galactic map are not pixels in ICRS:
each ICRS pixel takes the values of the galactic pixel around its centre, and is a quarter as wide as that where the
source may be, half as wide elsewhere; the probability density is then scaled to an integral of one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output

from ._cards import Card, fact_cards
from ._containment import posterior, source_ts
from ._healpix_fits import fits_column, map_columns, write_columns
from ._mesh import icrs_mesh
from ._solution import Room

if TYPE_CHECKING:
    from ._grid import Pixels
    from ._ts_map import TSMap

#: Fall of TS from the peak, up to which edges of pixels are followed closely: all but 1e-9 of the probability.
CLOSE = 40.0


def write_multiorder(tsmap: TSMap, path: Path, *, overwrite: bool) -> None:
    """Write the file; see `TSMap.to_fits`."""
    check_output(path, overwrite=overwrite)
    tsmap.grid.unique()  # an error for a list of positions
    if np.all(np.isnan(tsmap.ts)):
        raise InputError("No position of the map could be fitted, so it has no probabilities. See summary().")
    sky = in_icrs(tsmap)
    density = posterior(source_ts(sky), sky.grid.area) / sky.grid.area
    found = [
        fits_column("UNIQ", sky.grid.unique()),
        fits_column("PROBDENSITY", density, "sr-1"),
        *map_columns(sky),
    ]
    write_columns(found, [*_cards(sky.grid.level), *fact_cards(tsmap)], path, overwrite=overwrite)


def in_icrs(tsmap: TSMap) -> TSMap:
    """The map on ICRS pixels that cover the whole sky; NaN, with status "not_fitted", where it has none."""
    fall = np.nanmax(tsmap.ts) - np.nan_to_num(tsmap.ts, nan=-np.inf)
    finer = np.where(np.nan_to_num(fall) <= CLOSE, 2, 1)
    grid, place = icrs_mesh(tsmap.grid, finer)
    solution = tsmap.solution.followed_by(Room.of(1).solution()).at(place)  # -1 is the last
    index = tsmap.spectral_index
    index = None if index is None else np.append(index, np.nan)[place]
    return replace(tsmap, grid=grid, solution=solution, spectral_index=index)


def _cards(level: Pixels | NDArray[Any]) -> list[Card]:
    return [
        ("PIXTYPE", "HEALPIX", "HEALPix pixels"),
        ("ORDERING", "NUNIQ", "pixels by unique number"),
        ("COORDSYS", "C", "ICRS"),
        ("MOCORDER", int(level.max()), "highest level"),
        ("INDXSCHM", "EXPLICIT", "column UNIQ numbers the pixels"),
    ]

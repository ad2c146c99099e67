"""Rows of a guess, a fit and what is between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.plot._limits import colour_limits
from manyfit.plot._map import plot_map
from manyfit.plot._sheet import SMALL, new_sheet

if TYPE_CHECKING:
    from astropy.units import UnitBase
    from matplotlib.figure import Figure

    Row = tuple[ArrayLike, ArrayLike, str | UnitBase | None]


def plot_comparison(
    rows: Mapping[str, Row],
    *,
    wcs: Any = None,
    titles: tuple[str, str] = ("guess", "fit"),
    title: str | None = None,
    percentile: tuple[float, float] = (1.0, 99.0),
    centred: Collection[str] = (),
    where: NDArray[np.bool] | None = None,
) -> Figure:
    """Draw pairs of maps: each row has the first, the second, and the first minus the second.

    The two maps of a row share their colours. Differences are red and blue about zero.

    Parameters
    ----------
    rows
        Name → (first, second, unit): two maps (y, x) of one shape.
    wcs
        WCS of all maps.
    titles
        What the first and the second maps are.
    title
        Title of the page.
    percentile
        Percentiles of the values at the ends of each colour scale.
    centred
        Names of the rows whose maps have colours centred on their median, such as velocities.
    where
        Map of what is to be seen: where that is a small part of the field, only it is shown, with a margin.

    Returns
    -------
    figure
        A new figure; save it by its ``savefig``.

    Raises
    ------
    InputError
        If there are no rows, two maps of a row differ in shape or have not two axes, or a name in `centred` is
        not that of a row.

    Examples
    --------
    >>> values = np.arange(12.0).reshape(3, 4)
    >>> figure = plot_comparison({"width": (values, values + 0.1, "km/s")})
    >>> [ax.get_title() for ax in figure.axes if ax.get_title()]
    ['width: guess', 'width: fit', 'guess − fit']
    """
    pairs = {name: _pair(name, first, second) for name, (first, second, _) in rows.items()}
    if not pairs:
        raise InputError("There are no rows to draw. Give one or more.")
    for name in centred:
        if name not in rows:
            raise unknown_name("row", name, rows)
    sheet = new_sheet(len(rows), 3, next(iter(pairs.values()))[0].shape, wcs=wcs, title=title, where=where)
    for row, (name, pair) in enumerate(pairs.items()):
        unit, middle = rows[name][2], name in centred
        both = np.stack(pair)
        limits = colour_limits(both, percentile, centre=_median(both) if middle else None)
        for column, values in enumerate(pair):
            ax = sheet.panel(row, column, f"{name}: {titles[column]}")
            plot_map(values, unit=unit, ax=ax, limits=limits, centred=middle, size=SMALL)
        ax = sheet.panel(row, 2, f"{titles[0]} − {titles[1]}")
        plot_map(pair[0] - pair[1], unit=unit, ax=ax, percentile=percentile, centred=0.0, size=SMALL)
    return sheet.finished()


def _pair(name: str, first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = (_plain(values) for values in (first, second))
    if one.ndim != 2 or one.shape != other.shape:
        raise InputError(
            f"The maps of {name!r} have shapes {one.shape} and {other.shape}. Give two maps (y, x) of one shape."
        )
    return one, other


def _plain(values: ArrayLike) -> NDArray[np.float64]:
    """In float64 with NaN for all that cannot be shown."""
    array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    return np.where(np.isfinite(array), array, np.nan)


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0

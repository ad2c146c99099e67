"""A page of maps: parameters, and their errors below them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.plot._map import plot_map
from manyfit.plot._sheet import SMALL, new_sheet

if TYPE_CHECKING:
    from astropy.units import UnitBase
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Maps = Mapping[str, tuple[ArrayLike, str | UnitBase | None]]

COLUMNS = 4


def plot_maps(
    maps: Maps,
    *,
    errors: Maps | None = None,
    wcs: Any = None,
    title: str | None = None,
    percentile: tuple[float, float] = (1.0, 99.0),
    centred: Collection[str] = (),
    where: NDArray[np.bool] | None = None,
) -> Figure:
    """Draw several maps on one page, four in a row.

    Parameters
    ----------
    maps
        Name → (values, unit), in the order of the page; see `plot_map`.
    errors
        Likewise, drawn below the map of the same name. Names without an error leave an empty place.
    wcs
        WCS of all maps.
    title
        Title of the page.
    percentile
        Percentiles of the values at the ends of each colour scale.
    centred
        Names of the maps with a colour scale centred on their median, such as velocities.
    where
        Map of what is to be seen: where that is a small part of the field, only it is shown, with a margin.

    Returns
    -------
    figure
        A new figure; save it by its ``savefig``.

    Raises
    ------
    InputError
        If there are no maps, or a name in `errors` or `centred` is not one of them.

    Examples
    --------
    >>> values = np.arange(12.0).reshape(3, 4)
    >>> figure = plot_maps({"mean": (values, "km/s")}, errors={"mean": (values / 10, "km/s")})
    >>> [ax.get_title() for ax in figure.axes if ax.get_title()]
    ['mean', 'mean error']
    """
    errors = errors or {}
    if not maps:
        raise InputError("There are no maps to draw. Give one or more.")
    for name in (*errors, *centred):
        if name not in maps:
            raise unknown_name("map", name, maps)
    columns = min(len(maps), COLUMNS)
    rows = list(_rows(maps, errors, columns))
    shape = next((np.shape(values) for values, _ in maps.values() if np.ndim(values) == 2), (1,))
    sheet = new_sheet(len(rows), columns, shape, wcs=wcs, title=title, where=where)
    for row, (source, names, suffix) in enumerate(rows):
        for column, name in enumerate(names):
            if name in source:
                values, unit = source[name]
                last = all(column >= len(below) or below[column] not in of for of, below, _ in rows[row + 1 :])
                ax = sheet.panel(row, column, name + suffix, last=last, sky=np.ndim(values) == 2)
                middle = name in centred and not suffix
                plot_map(values, unit=unit, ax=ax, percentile=percentile, centred=middle, size=SMALL)
    return sheet.finished()


def label_outside(ax: Axes, *, left: bool, bottom: bool) -> None:
    """Name the sky coordinates along the sides of the page only."""
    if not left:
        ax.set_ylabel("")
    if not bottom:
        ax.set_xlabel("")


def _rows(maps: Maps, errors: Maps, columns: int) -> Iterator[tuple[Maps, list[str], str]]:
    """What is drawn in each row: from where, which names, and what is added to them in the title."""
    names = list(maps)
    for first in range(0, len(names), columns):
        chunk = names[first : first + columns]
        yield maps, chunk, ""
        if any(name in errors for name in chunk):
            yield errors, chunk, " error"

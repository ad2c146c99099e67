"""A page of maps: parameters, and their errors below them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from manyfit.errors import InputError, unknown_name
from manyfit.plot._figure import add_axes, new_figure
from manyfit.plot._map import plot_map

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
    figure = new_figure(0.6 + 3.9 * columns, 0.6 + 3.1 * len(rows))
    for row, (source, names, suffix) in enumerate(rows):
        for column, name in enumerate(names):
            if name in source:
                values, unit = source[name]
                place = (len(rows), columns, row * columns + column + 1)
                ax = add_axes(figure, wcs if np.ndim(values) == 2 else None, place)
                middle = name in centred and not suffix
                plot_map(values, unit=unit, title=name + suffix, ax=ax, percentile=percentile, centred=middle)
                if np.ndim(values) == 2:
                    label_outside(ax, left=column == 0, bottom=row == len(rows) - 1)
    if title is not None:
        figure.suptitle(title)
    return figure


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
        if errors:
            yield errors, chunk, " error"

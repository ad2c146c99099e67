"""A sheet of panels for maps of one field: placed in inches, with coordinates along its outer sides only.

A fixed layout draws in half the time of one that asks every label for its size first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.plot._figure import add_axes, new_figure
from manyfit.plot._view import crop, view_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 2.5  # of a panel, inches
LEFT, RIGHT, BOTTOM, TOP = 0.95, 0.8, 0.65, 0.35  # around a panel: tick labels, colour bar, tick labels, title
HEADING = 0.35  # for the title of the sheet
SMALL = 8  # points


@dataclass(frozen=True, eq=False)
class Sheet:
    """A figure with places for panels.

    Attributes
    ----------
    figure
        The figure.
    rows, columns
        Number of panels.
    size
        Width and height of a panel, in inches.
    wcs
        WCS of all panels, or None.
    view
        Rows and columns that are shown, None for all.
    """

    figure: Figure
    rows: int
    columns: int
    size: tuple[float, float]
    wcs: Any = None
    view: tuple[slice, slice] | None = None

    def panel(self, row: int, column: int, title: str, *, last: bool = False, sky: bool = True) -> Axes:
        """Axes at a place, rows counted from the top.

        Parameters
        ----------
        row, column
            Place of the panel.
        title
            Title of the panel.
        last
            Whether no panel is below it, so that coordinates are written there; always so in the last row.
        sky
            Whether it has the coordinates of the sheet, not only numbers.
        """
        sky = sky and self.wcs is not None
        ax = add_axes(self.figure, self.wcs if sky else None)
        ax.set_position(self._place(row, column))
        ax.set_title(title, y=1.0, pad=4, fontsize=SMALL + 2)  # a place of its own choice would cost a drawing
        bottom = last or row == self.rows - 1
        (_sky_sides if sky else _plain_sides)(ax, column == 0, bottom)
        return ax

    def finished(self) -> Figure:
        """The figure, its maps cut to what is to be seen."""
        if self.view is not None:
            for ax in self.figure.axes:
                if ax.images:
                    crop(ax, self.view)
        return self.figure

    def _place(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Left, bottom, width and height as fractions of the figure."""
        width, height = self.figure.get_size_inches()
        x = LEFT + column * (self.size[0] + RIGHT)
        y = BOTTOM + (self.rows - 1 - row) * (self.size[1] + TOP)
        return x / width, y / height, self.size[0] / width, self.size[1] / height


def new_sheet(
    rows: int,
    columns: int,
    shape: tuple[int, ...],
    *,
    wcs: Any = None,
    title: str | None = None,
    room: float = 0.0,
    where: NDArray[np.bool] | None = None,
) -> Sheet:
    """An empty sheet for maps of a shape, with panels of the same proportions within reason.

    Parameters
    ----------
    rows, columns
        Number of panels.
    shape
        Shape of the maps.
    wcs
        WCS of the maps, used if they have two axes.
    title
        Title of the sheet.
    room
        Room at the right end, in inches, for a legend that is wider than a colour bar.
    where
        Map of what is to be seen: where that is a small part of the field, only it is shown, with a margin.

    Examples
    --------
    >>> sheet = new_sheet(2, 3, (105, 105), title="moments")
    >>> sheet.size
    (2.5, 2.5)
    """
    view = None
    if where is not None and len(shape) == 2:
        view = view_of(where)
        shape = tuple(part.stop - part.start for part in view)
    ratio = min(max(shape[0] / shape[1], 0.35), 1.6) if len(shape) == 2 and all(shape) else 0.7
    size = (WIDTH, WIDTH * ratio)
    heading = HEADING if title else 0.0
    wide = LEFT + columns * (size[0] + RIGHT) + room
    high = BOTTOM + rows * (size[1] + TOP) + heading
    figure = new_figure(wide, high, layout=None)
    if title:
        figure.suptitle(title, y=1 - 0.25 * heading / high, va="top", fontsize=SMALL + 4)
    return Sheet(figure, rows, columns, size, wcs if len(shape) == 2 else None, view)


def _plain_sides(ax: Axes, left: bool, bottom: bool) -> None:
    ax.tick_params(labelsize=SMALL, labelleft=left, labelbottom=bottom)


def _sky_sides(ax: Any, left: bool, bottom: bool) -> None:
    """Coordinates are written along the outer sides; what is not written is not worked out."""
    for coordinate, side, shown in zip(ax.coords, "bl", (bottom, left), strict=False):
        coordinate.set_ticks_position(side if shown else "")
        coordinate.set_ticklabel_position(side if shown else "")
        if shown:
            coordinate.set_ticks(number=4)
            coordinate.set_ticklabel(exclude_overlapping=True, size=SMALL)
            coordinate.set_axislabel(coordinate.get_axislabel(), minpad=0.6, fontsize=SMALL)
        else:
            coordinate.set_axislabel("")

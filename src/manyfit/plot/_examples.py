"""A page of example spectra with their fits, many at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.plot._colours import BAND, DATA, MISSING, MODEL
from manyfit.plot._figure import add_axes, new_figure
from manyfit.plot._sheet import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Line = NDArray[np.float64]

WIDTH, HEIGHT = 2.9, 1.9  # of a panel with its surroundings, inches
LEFT, BOTTOM, TOP = 0.75, 0.6, 0.3
CROWDED = 150  # points that need thin lines


@dataclass(frozen=True, eq=False)
class Example:
    """One spectrum and its fit.

    Attributes
    ----------
    title
        What is written above it, such as its place and its status.
    x, y
        Coordinates and data, arrays (point,); NaN leaves a gap.
    model_y
        The fitted model, or None where there is no fit.
    sigma
        Standard deviation of the data, a number or an array (point,), drawn as a band about the model; or None.
    """

    title: str
    x: ArrayLike
    y: ArrayLike
    model_y: ArrayLike | None = None
    sigma: ArrayLike | None = None


def plot_examples(
    rows: Mapping[str, Sequence[Example]],
    *,
    x_label: str = "",
    y_label: str = "",
    title: str | None = None,
) -> Figure:
    """Draw rows of example spectra, such as the best, the median, the worst and the failed ones.

    Parameters
    ----------
    rows
        Name of the row → its examples; rows without any are left out.
    x_label, y_label
        Words along the axes.
    title
        Title of the page.

    Returns
    -------
    figure
        A new figure; save it by its ``savefig``.

    Raises
    ------
    InputError
        If there are no examples, or the arrays of one are not one-dimensional and of one length.

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> line = np.exp(-0.5 * (x - 10) ** 2)
    >>> figure = plot_examples({"best": [Example("(3, 4)", x, line, line, 0.1)], "failed": []})
    >>> [ax.get_title() for ax in figure.axes]
    ['(3, 4)']
    """
    shown = {name: examples for name, examples in rows.items() if examples}
    if not shown:
        raise InputError("There are no spectra to draw. Give one or more.")
    columns = max(map(len, shown.values()))
    wide, high = LEFT + columns * WIDTH, BOTTOM + len(shown) * HEIGHT + (TOP if title else 0.0)
    figure = new_figure(wide, high, layout=None)
    if title:
        figure.suptitle(title, y=1 - 0.06 / high, va="top", fontsize=SMALL + 4)
    for row, (name, examples) in enumerate(shown.items()):
        for column, example in enumerate(examples):
            ax = add_axes(figure)
            x0, y0 = LEFT + column * WIDTH, BOTTOM + (len(shown) - 1 - row) * HEIGHT
            ax.set_position((x0 / wide, y0 / high, (WIDTH - 0.45) / wide, (HEIGHT - TOP - 0.2) / high))
            _draw(ax, example)
            if column == 0:
                ax.set_ylabel(f"$\\bf{{{name}}}$\n{y_label}", fontsize=SMALL)
            if row == len(shown) - 1:
                ax.set_xlabel(x_label, fontsize=SMALL)
    return figure


def _draw(ax: Axes, example: Example) -> None:
    """Data as steps; the model with a band of one standard deviation."""
    x, y, model, sigma = _lines(example)
    ax.axhline(0, color=MISSING, linewidth=0.6)
    ax.plot(x, y, drawstyle="steps-mid", color=DATA, linewidth=0.9 if len(x) < CROWDED else 0.5)
    if model is not None:
        if sigma is not None:
            ax.fill_between(x, model - sigma, model + sigma, color=BAND, zorder=0)
        ax.plot(x, model, color=MODEL, linewidth=1.2)
    ax.set_title(example.title, y=1.0, pad=3, fontsize=SMALL)
    ax.tick_params(labelsize=SMALL)
    ax.locator_params(nbins=5)
    ax.margins(x=0)


def _lines(example: Example) -> tuple[Line, Line, Line | None, Line | None]:
    x, y = _plain(example.x), _plain(example.y)
    model = None if example.model_y is None else _plain(example.model_y)
    sigma = None if example.sigma is None else np.broadcast_to(_plain(example.sigma), y.shape)
    if x.ndim != 1 or x.shape != y.shape or (model is not None and model.shape != x.shape):
        third = None if model is None else model.shape
        raise InputError(
            f"x, y and model_y of {example.title!r} have shapes {x.shape}, {y.shape} and {third}. "
            "Give one-dimensional arrays of one length."
        )
    return x, y, model, sigma


def _plain(values: ArrayLike) -> Line:
    return np.asarray(np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan))

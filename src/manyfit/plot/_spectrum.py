"""One fitted spectrum: data as steps with errors, model, residuals below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.plot._colours import BAND, DATA, MODEL
from manyfit.plot._figure import add_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Line = NDArray[np.float64]


def plot_fit(
    x: ArrayLike,
    y: ArrayLike,
    model_y: ArrayLike,
    *,
    sigma: ArrayLike | None = None,
    ax: Axes | None = None,
    x_label: str | None = None,
    y_label: str | None = None,
    title: str | None = None,
) -> tuple[Axes, Axes]:
    """Draw one spectrum, its fitted model and, in a panel below, what the model leaves over.

    Parameters
    ----------
    x, y, model_y
        Coordinates, data and model, arrays (point,). Data that are masked or NaN leave a gap.
    sigma
        Standard deviation of the data, a number or an array (point,): drawn as error bars, and the residuals
        are given in units of it.
    ax
        Axes to draw into; the residual panel takes the lower end of their place. By default those of a new
        `matplotlib.figure.Figure`, found as ``ax.figure``.
    x_label, y_label, title
        Words on the picture.

    Returns
    -------
    ax, residual_ax
        The axes with the data and those with the residuals.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of one length.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> ax, residual_ax = plot_fit(x, x**2, x**2 - 0.1, sigma=0.2, x_label="channel")
    >>> residual_ax.get_ylabel()
    'residual / σ'
    """
    points, data, model = (_plain(values) for values in (x, y, model_y))
    if points.ndim != 1 or not points.shape == data.shape == model.shape:
        raise InputError(
            f"x, y and model_y have shapes {points.shape}, {data.shape} and {model.shape}. "
            "Give three one-dimensional arrays of one length."
        )
    deviation = None if sigma is None else np.broadcast_to(_plain(sigma), data.shape)
    if ax is None:
        ax = add_axes(new_figure(6.4, 4.8, layout=None))  # a constrained layout cuts the panel's labels
    residual_ax = _panel_below(ax)
    _draw_data(ax, points, data, deviation)
    ax.plot(points, model, color=MODEL, label="model")
    _draw_residual(residual_ax, points, data - model, deviation)
    _label(ax, residual_ax, x_label, y_label, title)
    return ax, residual_ax


def _plain(values: ArrayLike) -> Line:
    return np.asarray(np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan))


def _panel_below(ax: Axes) -> Axes:
    """Axes that share x with the given ones and take the lower quarter of their place."""
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    panel: Axes = make_axes_locatable(ax).append_axes("bottom", size="33%", pad=0.08, sharex=ax)
    ax.tick_params(labelbottom=False)
    return panel


def _draw_data(ax: Axes, x: Line, y: Line, sigma: Line | None) -> None:
    ax.step(x, y, where="mid", color=DATA, linewidth=1, label="data")
    if sigma is not None:
        ax.errorbar(x, y, yerr=sigma, fmt="none", ecolor=DATA, elinewidth=0.7, alpha=0.7)


def _draw_residual(ax: Axes, x: Line, residual: Line, sigma: Line | None) -> None:
    ax.axhline(0, color=MODEL, linewidth=1)
    if sigma is None:
        ax.set_ylabel("residual")
    else:
        ax.axhspan(-1, 1, color=BAND, zorder=0)
        ax.set_ylabel("residual / σ")
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = np.where(sigma > 0, residual / sigma, np.nan)
    ax.step(x, residual, where="mid", color=DATA, linewidth=1)


def _label(ax: Axes, residual_ax: Axes, x_label: str | None, y_label: str | None, title: str | None) -> None:
    ax.legend(frameon=False)
    residual_ax.set_xlabel(x_label or "")
    ax.set_ylabel(y_label or "")
    ax.set_title(title or "")

"""Pictures of a decomposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError
from manyfit.plot import plot_classes, plot_fit, plot_map
from manyfit.plot._colours import CLASSES
from manyfit.plot._figure import add_axes, new_figure
from manyfit.plot._limits import colour_limits
from manyfit.plot._map import unit_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from manyfit.cube._decomposition import Decomposition


def plot(found: Decomposition, name: str, *, ax: Axes | None = None) -> Axes:
    """Draw the number of components, or a map of the result."""
    if name == "n_components":
        return plot_classes(found.n_components, _names(found), wcs=_wcs(found), title="components", ax=ax)
    return found.result.plot(name, ax=ax)


def plot_all(found: Decomposition) -> Figure:
    """A row for each component; a column for each parameter, in one scale."""
    import astropy.units as u

    if len(found.shape) != 2:
        raise InputError(f"The maps have the shape {found.shape}; only maps of two axes fill a page.")
    n, ratio = found.max_components, np.clip(found.shape[0] / found.shape[1], 0.4, 2.0)
    figure = new_figure(0.6 + 3.9 * 4, 0.7 + (0.6 + 2.6 * ratio) * n)
    for column, name in enumerate(found.names):
        values = found[name]
        centred = name == "mean" and values.unit.is_equivalent(u.m / u.s)
        middle = float(np.nanmedian(values.value)) if centred and np.isfinite(values.value).any() else None
        limits = colour_limits(values.value, (1, 99), centre=middle)
        for i in range(n):
            ax = add_axes(figure, _wcs(found), (n, 4, 4 * i + column + 1))
            plot_map(
                values[i].value,
                unit=values.unit,
                ax=ax,
                title=f"{name} {i}",
                limits=limits,
                centred=middle if middle is not None else False,
            )
    numbers = np.where(found.n_components < 0, np.nan, found.n_components)
    plot_map(numbers, title="components", limits=(0, n), ax=add_axes(figure, _wcs(found), (n, 4, 4)))
    return figure


def plot_spectrum(found: Decomposition, index: tuple[int, ...]) -> Figure:
    """Data, components, sum and residual of one spectrum."""
    from astropy.modeling.models import Gaussian1D

    problem = found.result.needs_data("plot_spectrum()")
    place = tuple(range(n)[i] for n, i in zip(found.shape, index, strict=True))
    tile = problem.tiles.read(tuple(slice(i, i + 1) for i in place))
    x = tile.x.reshape(-1)
    values = [found[name].value[(slice(None), *place)] for name in found.names]
    parts = [Gaussian1D(*each)(x) for each in zip(*values, strict=True) if np.isfinite(each[0])]
    data = np.where(np.isfinite(tile.y[0]), tile.y[0], np.nan)
    sigma = np.broadcast_to(1 / np.sqrt(tile.weight), tile.y.shape)[0] if tile.weight is not None else None
    figure = new_figure(6.4, 4.8, layout=None)
    unit, axis = unit_label(found.cube.unit), unit_label(found.cube.spectral_axis.unit)
    ax, _ = plot_fit(
        x,
        data,
        np.sum(parts, axis=0) if parts else np.zeros(len(x)),
        sigma=sigma,
        ax=add_axes(figure),
        x_label=f"spectral axis ({axis})",
        y_label=f"data ({unit})" if unit else "data",
        title=f"{len(parts)} components, spectrum {place}",
    )
    for number, part in enumerate(parts):
        ax.plot(x, part, color=CLASSES[(number + 2) % len(CLASSES)], linestyle="--", linewidth=1)
    return figure


def _names(found: Decomposition) -> dict[int, str]:
    return {-1: "not fitted"} | {n: str(n) for n in range(found.max_components + 1)}


def _wcs(found: Decomposition) -> Any:
    return found.wcs if len(found.shape) == 2 else None

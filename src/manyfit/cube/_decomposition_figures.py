"""Pictures of a decomposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._decomposition_cubes import curve_of
from manyfit.cube._spectra import gaussians
from manyfit.plot import plot_classes, plot_fit
from manyfit.plot._colours import CLASSES
from manyfit.plot._figure import add_axes, new_figure
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


def plot_spectrum(found: Decomposition, index: tuple[int, ...]) -> Figure:
    """Data, components, sum and residual of one spectrum."""
    problem = found.result.needs_data("plot_spectrum()")
    place = tuple(range(n)[i] for n, i in zip(found.shape, index, strict=True))
    tile = problem.tiles.read(tuple(slice(i, i + 1) for i in place))
    x = tile.x.reshape(-1)
    values = [found[name].value[(slice(None), *place)] for name in found.names]
    parts = [gaussians(x[None], np.array([each]))[0] for each in zip(*values, strict=True) if np.isfinite(each[0])]
    data = np.where(np.isfinite(tile.y[0]), tile.y[0], np.nan)
    sigma = np.broadcast_to(1 / np.sqrt(tile.weight), tile.y.shape)[0] if tile.weight is not None else None
    figure = new_figure(6.4, 4.8, layout=None)
    unit, axis = unit_label(found.cube.unit), unit_label(found.cube.spectral_axis.unit)
    ax, _ = plot_fit(
        x,
        data,
        curve_of(found)(place, x),
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

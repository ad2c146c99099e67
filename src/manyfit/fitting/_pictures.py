"""Pictures of a result: single maps, spectra, and a page with everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from ..errors import InputError, unknown_name
from ..kernels._status import TABLE
from ..plot import plot_classes, plot_fit, plot_map
from ..plot._figure import add_axes, new_figure
from ..plot._grid import COLUMNS, label_outside
from ..plot._map import unit_label
from ._evaluate import values_of
from ._template import known, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._result import FitResult

#: Parameters that are a place along the axis, by their names in astropy's models.
PLACES = ("mean", "x_0")
OTHERS = ("statistic", "reduced", "status", "n_iter", "n_points")
ERROR = "error:"


def plot(result: FitResult, name: str, *, ax: Axes | None = None) -> Axes:
    """Draw one map.

    Parameters
    ----------
    result
        The result; it is computed if it is lazy.
    name
        A parameter, ``"error:NAME"``, ``"statistic"``, ``"reduced"`` (statistic / dof), ``"status"``,
        ``"n_iter"`` or ``"n_points"``. A velocity is drawn in colours centred on its median; elements that
        did not converge are grey.
    ax
        Axes to draw into; by default those of a new figure.

    Raises
    ------
    InputError
        The name is not known, the maps have not one or two axes, or there are no elements.
    """
    if 0 in result.shape:
        raise InputError(f"There are no elements to draw: the maps have the shape {result.shape}.")
    result = result.compute()
    wcs = _plane(result)
    if name == "status":
        names = {int(code): text.name for code, text in TABLE.items()}
        return plot_classes(result.status, names, wcs=wcs, title="status", ax=ax)
    values, unit, title = _map(result, name)
    # an element that did not converge may be anywhere, and would spoil the colours of all others
    values = np.where(result.good, values, np.nan)
    return plot_map(
        values,
        wcs=wcs,
        unit=unit,
        title=title,
        ax=ax,
        percentile=(1, 95) if name.startswith(ERROR) else (1, 99),  # errors have a long tail
        centred=_is_velocity(name, unit),
    )


def _map(result: FitResult, name: str) -> tuple[Any, Any, str]:
    """Values, unit and title of a map."""
    parameter = name.removeprefix(ERROR)
    if parameter in result.names:
        unit = result.system.parameters[parameter]
        if name == parameter:
            return result.parameters.value(name), unit, name
        return result.parameters.error(parameter), unit, f"{parameter} error"
    if name not in OTHERS:
        errors = (f"{ERROR}{parameter}" for parameter in result.names)
        raise unknown_name("Map", name, (*result.names, *errors, *OTHERS))
    if name == "reduced":
        with np.errstate(divide="ignore", invalid="ignore"):
            return result.statistic / result.dof, None, f"{result.options.statistic} / dof"
    return getattr(result, name), None, result.options.statistic if name == "statistic" else name


def _is_velocity(name: str, unit: Any) -> bool:
    is_place = any(name == place or name.startswith(f"{place}_") for place in PLACES)
    return is_place and unit is not None and unit.is_equivalent(u.m / u.s)


def _plane(result: FitResult) -> Any:
    """The WCS if it is that of an image."""
    return result.wcs if len(result.shape) == 2 and getattr(result.wcs, "pixel_n_dim", 0) == 2 else None


def plot_all(result: FitResult) -> Figure:
    """Draw all parameters, their errors below them, and goodness of fit and status, on one page.

    Raises
    ------
    InputError
        The maps have not one or two axes.
    """
    if len(result.shape) not in (1, 2):
        raise InputError(
            f"The maps have the shape {result.shape}; a page can be drawn of maps with one or two axes. Draw "
            "planes of them by manyfit.plot.plot_map."
        )
    result = result.compute()
    columns = min(len(result.names) + 1, COLUMNS)
    top = [*result.names, "reduced"]
    bottom = [*(f"{ERROR}{name}" for name in result.names), "status"]
    chunks = [(line[i : i + columns]) for i in range(0, len(top), columns) for line in (top, bottom)]
    ratio = np.clip(result.shape[0] / result.shape[1], 0.4, 2.0) if len(result.shape) == 2 else 1.0
    figure = new_figure(0.6 + 3.9 * columns, 0.7 + (0.6 + 2.4 * ratio) * len(chunks))
    for row, names in enumerate(chunks):
        for column, name in enumerate(names):
            place = (len(chunks), columns, row * columns + column + 1)
            ax = plot(result, name, ax=add_axes(figure, _plane(result), place))
            label_outside(ax, left=column == 0, bottom=row == len(chunks) - 1)
    figure.suptitle(f"{shown(result.template)}, {' × '.join(map(str, result.shape))} elements")
    return figure


def plot_spectrum(result: FitResult, index: int | tuple[int, ...]) -> Figure:
    """Draw data, model and residual of one element.

    Parameters
    ----------
    result
        The result; only this element is computed if it is lazy.
    index
        Place of the element in the maps.

    Raises
    ------
    InputError
        The index is outside of the maps, the model has more than one coordinate, or the result was read from
        a file and has no data.
    """
    problem = result.needs_data("plot_spectrum()")
    place = _place(index, result.shape)
    if len(problem.fitting_shape) != 1:
        raise InputError(
            f"The model has {len(problem.fitting_shape)} coordinates; only one can be drawn as a spectrum."
        )
    block = tuple(slice(i, i + 1) for i in place)
    tile = problem.tiles.read(block)
    x, y = tile.x.reshape(-1), np.where(np.isfinite(tile.y[0]), tile.y[0], np.nan)
    sigma = None
    if problem.absolute_sigma and tile.weight is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.broadcast_to(1 / np.sqrt(tile.weight), tile.y.shape)[0]
    figure = new_figure(6.4, 4.8, layout=None)  # a constrained layout cuts the panel's labels
    plot_fit(
        x,
        y,
        values_of(result, block, tile.x)[0],
        sigma=sigma,
        ax=add_axes(figure),
        x_label=_axis_label(known(result.template).inputs[0], result.system.inputs[0]),
        y_label=_axis_label("data", result.system.data),
        title=f"{shown(result.template)}, element {place[0] if len(place) == 1 else place}",
    )
    return figure


def _place(index: int | tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """An index of an element as one number, not negative, for each axis."""
    given = index if isinstance(index, tuple) else (index,)
    if len(given) != len(shape) or any(not -n <= i < n for i, n in zip(given, shape, strict=True)):
        raise InputError(f"The index {index} is not inside of the maps of shape {shape}. Give {len(shape)} numbers.")
    return tuple(int(i) % n for i, n in zip(given, shape, strict=True))


def _axis_label(name: str, unit: Any) -> str:
    text = "" if unit is None else unit_label(unit)
    return f"{name} ({text})" if text else name

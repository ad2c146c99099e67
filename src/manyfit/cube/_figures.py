"""The figures of a cube and its fit: noise and regions, moments, parameters, example spectra."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.fitting._template import known, shown
from manyfit.kernels._status import TABLE, Status
from manyfit.plot import Example, plot_classes, plot_examples, plot_map
from manyfit.plot._limits import colour_limits
from manyfit.plot._map import unit_label
from manyfit.plot._sheet import SMALL, new_sheet

if TYPE_CHECKING:
    from astropy.units import Quantity
    from matplotlib.figure import Figure

    from manyfit.cube._cube import Cube
    from manyfit.cube._decomposition import Decomposition
    from manyfit.cube._signal import SignalMask
    from manyfit.fitting._result import FitResult

    Places = list[tuple[int, ...]]
    Curve = Callable[[tuple[int, ...], NDArray[np.float64]], NDArray[np.float64] | None]

NAMES = {int(code): text.name for code, text in TABLE.items()}
#: Parameters that are a place along the spectral axis, by their names in astropy's models.
PLACES = ("mean", "x_0")
COLUMNS = 4
#: Regions that can be told apart by colours.
MOST_REGIONS = 10
LEGEND = 0.7  # inches


def is_place(name: str) -> bool:
    """Whether a parameter is a place along the axis, such as a velocity.

    >>> is_place("mean_0"), is_place("stddev")
    (True, False)
    """
    return any(name == place or name.startswith(f"{place}_") for place in PLACES)


def parameter_maps(result: FitResult) -> Figure:
    """Parameters with their errors below them, and chi2 / dof with status; grey where there is no good fit."""
    top, bottom = [*result.names, "reduced"], [f"error:{name}" for name in result.names] + ["status"]
    columns = min(len(top), COLUMNS)
    chunks = [line[i : i + columns] for i in range(0, len(top), columns) for line in (top, bottom)]
    title = f"{shown(result.template)}: parameters and errors"
    where = np.asarray(result.status != Status.NOT_FITTED)
    sheet = new_sheet(len(chunks), columns, result.shape, wcs=result.wcs, title=title, room=LEGEND, where=where)
    for row, names in enumerate(chunks):
        for column, name in enumerate(names):
            last = all(column >= len(below) for below in chunks[row + 1 :])
            _parameter_map(result, name, sheet.panel(row, column, _title(result, name), last=last))
    return sheet.finished()


def _parameter_map(result: FitResult, name: str, ax: Any) -> None:
    if name == "status":
        plot_classes(result.status, NAMES, ax=ax)
        return
    parameter, is_error = name.removeprefix("error:"), name.startswith("error:")
    if name == "reduced":
        values, unit = reduced(result), None
    else:
        values = (result.parameters.error if is_error else result.parameters.value)(parameter)
        unit = result.system.parameters[parameter]
    plot_map(
        np.where(result.good, values, np.nan),
        unit=unit,
        ax=ax,
        percentile=(1, 95) if is_error else (1, 99),  # errors have a long tail
        centred=is_place(name),
        size=SMALL,
    )


def _title(result: FitResult, name: str) -> str:
    if name == "reduced":
        return f"{result.options.statistic} / dof"
    return f"{name.removeprefix('error:')} error" if name.startswith("error:") else name


def reduced(result: FitResult) -> NDArray[np.float64]:
    """The statistic divided by the degrees of freedom; NaN or infinite without any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: NDArray[np.float64] = np.asarray(result.statistic) / np.asarray(result.dof)
    return ratio


def signal_maps(signal: SignalMask, wcs: Any) -> Figure:
    """Noise, number of channels with signal, and regions as they are seen along the spectral axis."""
    shape = signal.labels.shape[1:]
    sheet = new_sheet(1, 3, shape, wcs=wcs, title="noise and signal", room=LEGEND)
    noise = np.broadcast_to(signal.noise.value, shape) if signal.noise.ndim < 3 else np.median(signal.noise.value, 0)
    plot_map(noise, unit=signal.noise.unit, ax=sheet.panel(0, 0, "noise"), size=SMALL)
    count = sum((plane != 0).astype(np.int64) for plane in signal.labels)
    plot_map(np.where(count > 0, count, np.nan), ax=sheet.panel(0, 1, "channels with signal"), size=SMALL)
    regions, ax = signal.labels.max(axis=0), sheet.panel(0, 2, "regions")
    if len(signal.regions) <= MOST_REGIONS:
        names = {i: str(i) for i in range(1, MOST_REGIONS + 1)} | {0: "none"}
        plot_classes(regions, names, ax=ax)
    else:
        plot_map(np.where(regions > 0, regions, np.nan), ax=ax, size=SMALL)
    return sheet.finished()


def component_maps(found: Decomposition) -> Figure:
    """A row for each component, with one scale for each parameter; number of components and chi2 / dof beside them."""
    if len(found.shape) != 2:
        raise InputError(f"The maps have the shape {found.shape}; only maps of two axes fill a page.")
    rows, columns, where = max(found.max_components, 2), len(found.names) + 1, found.n_components >= 0
    sheet = new_sheet(rows, columns, found.shape, wcs=found.wcs, title="components", room=LEGEND, where=where)
    for column, name in enumerate(found.names):
        values = found[name]
        centre = _median(values.value) if is_place(name) else None
        limits = colour_limits(values.value, (1, 99), centre=centre)
        for row, plane in enumerate(values):
            ax = sheet.panel(row, column, f"{name} {row}", last=row == len(values) - 1)
            plot_map(plane.value, unit=plane.unit, ax=ax, limits=limits, centred=is_place(name), size=SMALL)
    numbers = {n: str(n) for n in range(MOST_REGIONS)} | {-1: "not fitted"}  # the last of the colours is pale
    plot_classes(found.n_components, numbers, ax=sheet.panel(0, len(found.names), "number of components"))
    with np.errstate(divide="ignore", invalid="ignore"):
        goodness = np.where(found.result.good, found.statistic / found.dof, np.nan)
    plot_map(goodness, ax=sheet.panel(1, len(found.names), "chi2 / dof", last=True), size=SMALL)
    return sheet.finished()


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def chosen(goodness: NDArray[np.float64], good: Any, selected: Any, count: int = COLUMNS) -> dict[str, Places]:
    """Places of spectra to look at: the best, median and worst of the good fits, and some that failed.

    Parameters
    ----------
    goodness
        Map of chi2 / dof.
    good
        Where the fit converged.
    selected
        Where a fit was tried.
    count
        Largest number of each kind.

    Examples
    --------
    >>> chosen(np.array([[1.0, 3.0, 2.0]]), np.array([[True, True, True]]), np.array([[True, True, True]]))
    {'best': [(0, 0)], 'median': [(0, 2)], 'worst': [(0, 1)], 'failed': []}
    """
    usable = np.asarray(good) & np.asarray(selected) & np.isfinite(goodness)
    places = np.argwhere(usable)[np.argsort(goodness[usable], kind="stable")]
    best = min(count, -(-len(places) // 3))
    worst = min(count, -(-(len(places) - best) // 2))
    between = places[best : len(places) - worst]
    skipped = max(len(between) - count, 0) // 2
    failed = np.argwhere(np.asarray(selected) & ~np.asarray(good))
    spread = failed[:: max(1, len(failed) // count)][:count]
    kinds = {
        "best": places[:best],
        "median": between[skipped : skipped + count],
        "worst": places[len(places) - worst :][::-1],
        "failed": spread,
    }
    return {kind: [tuple(int(i) for i in place) for place in some] for kind, some in kinds.items()}


def example_spectra(
    cube: Cube,
    result: FitResult,
    places: Mapping[str, Places],
    *,
    goodness: NDArray[np.float64],
    curve: Curve,
    noise: Quantity | None = None,
) -> Figure:
    """A page of spectra with their fits.

    Parameters
    ----------
    cube
        The data.
    result
        The fit.
    places
        Kind → places (y, x) of its spectra.
    goodness
        Map of chi2 / dof.
    curve
        Gives the model of the spectrum at a place for coordinates; None where there is no fit.
    noise
        Standard deviation of each spectrum, or None: then that of the cube, if it has any.
    """
    unit = result.system.inputs[0]
    axis = cube.spectral_axis.unit if unit is None else unit

    def example(place: tuple[int, ...]) -> Example:
        one = cube[(slice(None), *place)]
        x = one.spectral_axis.to_value(axis)
        status = Status(int(result.status[place]))
        words = f"{result.options.statistic} / dof {goodness[place]:.2f}"
        title = f"{place}  {words if status == Status.CONVERGED else TABLE[status].name}"
        sigma = one.uncertainty if noise is None else noise[place].to_value(cube.unit)
        return Example(title, x, one.values(), curve(place, x), sigma)

    rows = {kind: [example(place) for place in some] for kind, some in places.items()}
    return plot_examples(rows, x_label=unit_label(axis), y_label=unit_label(cube.unit), title="example spectra")


def curve_of(result: FitResult) -> Curve:
    """The model of each spectrum of a fit."""
    model = known(result.template)
    maps = [np.asarray(result.parameters.value(name)) for name in result.names]

    def curve(place: tuple[int, ...], x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        values = [values[place] for values in maps]
        return np.asarray(model.evaluate(x, *values)) if np.isfinite(values).all() else None

    return curve

"""`guess`: start values of a line from the moments of each spectrum, or from its highest peak."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._chosen import of_chosen
from manyfit.cube._guess_kernel import NARROWEST, highest_peaks
from manyfit.cube._moments import Moments, moments
from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube
    from manyfit.fitting._tile import Tile

Array = NDArray[np.float64]

FWHM = 2 * np.sqrt(2 * np.log(2))
#: Parameters of a line of some height, centre and width (standard deviation of a Gaussian), by class of model.
LINES: dict[str, Callable[[Array, Array, Array], dict[str, Array]]] = {
    "Gaussian1D": lambda h, c, w: {"amplitude": h, "mean": c, "stddev": w},
    "Lorentz1D": lambda h, c, w: {"amplitude": h, "x_0": c, "fwhm": FWHM * w},
    "Moffat1D": lambda h, c, w: {"amplitude": h, "x_0": c, "gamma": 0.5 * FWHM * w},
    "Voigt1D": lambda h, c, w: {"amplitude_L": 2 * h, "x_0": c, "fwhm_L": 0.5 * FWHM * w, "fwhm_G": 0.7 * FWHM * w},
    "Box1D": lambda h, c, w: {"amplitude": h, "x_0": c, "width": FWHM * w},
}
#: The parameter that is the level of a continuum, by class of model.
LEVELS = {"Const1D": "amplitude", "Polynomial1D": "c0", "Linear1D": "intercept"}


def guess(cube: Cube, source: Any = None, *, model: Model | None = None, select: Any = None) -> Model:
    r"""Start values for a fit of one line: an astropy model with parameters that are maps.

    Height, centre and width are the peak, moment 1 and the equivalent width
    :math:`M_0 / (\sqrt{2 \pi} \times \mathrm{peak})` (Heyer et al. 2001). Where these are not known, not positive or
    outside of the band, and where there is no signal mask, they come from the highest peak of the spectrum, smoothed
    over three channels, and the channels around it above half of its height.

    Parameters
    ----------
    cube
        The cube.
    source
        `SignalMask` or `Moments`, or None: then the highest peak is taken.
    model
        Model to give values to; a ``Gaussian1D`` by default. It may be a sum of one line and a continuum (``Const1D``,
        ``Polynomial1D``, ``Linear1D``); parameters that moments say nothing about keep their values. A negative
        amplitude asks for absorption.
    select
        Which spectra, of the spatial shape; the others are NaN. Default: those of the signal mask, else all.

    Returns
    -------
    Model
        With units; every guessed parameter has the spatial shape.

    Raises
    ------
    InputError
        The model does not have one line that is known.

    Examples
    --------
    >>> from manyfit import cube, datasets
    >>> co = cube.read(datasets.simulate_cube((53, 4, 4), noise=0.1).to_hdu(), spectral_unit="km/s")
    >>> start = cube.guess(co)
    >>> start.mean.shape, start.mean.unit
    ((4, 4), Unit("km / s"))
    """
    from astropy.modeling.models import Gaussian1D

    model = Gaussian1D() if model is None else model
    line, suffix = _the_line(model)
    if select is None:
        select = getattr(source, "spatial", True)
    select = np.broadcast_to(np.asarray(select, bool), cube.spatial_shape)
    sign, with_level = _sign(model, suffix), bool(_levels(model))
    known = None if source is None or sign < 0 else _from_moments(cube, source, select)
    needed = select if known is None or with_level else select & ~known[0]
    peaks = _from_peaks(cube, needed, sign, with_level)
    values = peaks[:3] if known is None else _preferred(*known, peaks)
    given = {f"{name}{suffix}": array for name, array in LINES[line](*values).items()}
    if with_level:
        given |= dict.fromkeys(_levels(model), peaks[3])
    return with_values(model, _with_units(given, cube))


def has_one_line(model: Model) -> bool:
    """Whether `guess` can give values to a model."""
    return len(_lines(model)) == 1


def parts_of(model: Model) -> Iterator[tuple[Model, str]]:
    """The parts of a model and what is added to the names of their parameters."""
    parts = getattr(model, "n_submodels", 1)
    if parts == 1:
        yield model, ""
    else:
        yield from ((model[i], f"_{i}") for i in range(parts))


def with_values(model: Model, values: Mapping[str, Any]) -> Model:
    """A copy of a model with other values, maps or numbers, for some parameters; constraints are kept."""
    copy = model.copy()
    whole = {name: values.get(name, _own(model, name)) for name in model.param_names}
    copy._reset_parameters(**whole)
    return copy


def _own(model: Model, name: str) -> Any:
    parameter = getattr(model, name)
    return parameter.value if parameter.unit is None else parameter.quantity


# -- the model -------------------------------------------------------------------------------------------------------


def _lines(model: Model) -> list[tuple[str, str]]:
    kinds = [(type(part).__name__, suffix) for part, suffix in parts_of(model)]
    return [(kind, suffix) for kind, suffix in kinds if kind in LINES]


def _the_line(model: Model) -> tuple[str, str]:
    found = _lines(model)
    if len(found) != 1:
        raise InputError(
            f"The model has {len(found)} lines of a known kind ({', '.join(LINES)}), and moments say where one is. "
            "Give start values for each line: start={name: map} or the parameters of the model."
        )
    return found[0]


def _levels(model: Model) -> list[str]:
    return [
        f"{LEVELS[type(part).__name__]}{suffix}" for part, suffix in parts_of(model) if type(part).__name__ in LEVELS
    ]


def _sign(model: Model, suffix: str) -> float:
    names = [name for name in (f"amplitude{suffix}", f"amplitude_L{suffix}") if name in model.param_names]
    return -1.0 if np.all(np.asarray(getattr(model, names[0]).value) < 0) else 1.0


# -- the values ------------------------------------------------------------------------------------------------------


def _with_units(values: Mapping[str, Array], cube: Cube) -> dict[str, Any]:
    data = ("amplitude", *LEVELS.values())
    return {
        name: array * (cube.unit if name.startswith(data) else cube.spectral_axis.unit)
        for name, array in values.items()
    }


def _from_moments(cube: Cube, source: Any, select: NDArray[np.bool]) -> tuple[NDArray[np.bool], Array]:
    """Where moments give a line, and its height, centre and width."""
    maps = source if isinstance(source, Moments) else moments(cube, source)
    axis, unit = cube.spectral_axis, cube.spectral_axis.unit
    height = maps["peak"].to_value(cube.unit)
    centre, width = maps["moment1"].to_value(unit), maps["equivalent_width"].to_value(unit)
    low, high = np.nanmin(axis.value, axis=0), np.nanmax(axis.value, axis=0)
    narrowest = NARROWEST * np.nanmin(cube.channel_width.to_value(unit), axis=0)
    with np.errstate(invalid="ignore"):
        good = select & (height > 0) & (width > 0) & (centre >= low) & (centre <= high)
        good &= np.isfinite(height) & np.isfinite(width)
        width = np.clip(width, narrowest, 0.5 * (high - low))
    return good, np.array([height, centre, width])


def _preferred(good: NDArray[np.bool], lines: Array, peaks: Array) -> Array:
    """What moments say, above the level of the continuum, where that is a line; else the highest peak."""
    height = lines[0] - np.nan_to_num(peaks[3])
    return np.where(good & (height > 0), np.array([height, lines[1], lines[2]]), peaks[:3])


def _from_peaks(cube: Cube, needed: NDArray[np.bool], sign: float, with_level: bool) -> Array:
    """Height, centre, width and level (4, *spatial) from the highest peak of the spectra that need it."""

    def work(tile: Tile) -> Array:
        found = np.empty((len(tile.y), 4))
        highest_peaks(tile.y, sign, with_level, found)
        found[:, 1], found[:, 2] = _in_axis(tile.x.reshape(-1, cube.n_channels), found[:, 1], found[:, 2])
        return found

    return of_chosen(cube, needed, work, 4)


def _in_axis(axis: Array, place: Array, width: Array) -> tuple[Array, Array]:
    """Places and widths in channels as coordinates of spectral axes (1 or spectra, channels)."""
    row = np.arange(len(axis)) if len(axis) > 1 else 0
    last = axis.shape[1] - 1
    left = np.clip(np.nan_to_num(place).astype(np.intp), 0, max(last - 1, 0))
    first, second = axis[row, left], axis[row, np.minimum(left + 1, last)]
    return first + (place - left) * (second - first), width * np.abs(second - first)

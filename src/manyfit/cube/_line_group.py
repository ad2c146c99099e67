"""Several lines of one gas as one model: one velocity, one width, ratios of flux, and a continuum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from manyfit.cube._rest_wavelengths import rest_wavelength
from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.units import Quantity

#: Speed of light, km/s.
C = 299792.458
KM_S = u.km / u.s


@dataclass(frozen=True)
class Multiple:
    """A tie: a parameter is another one times a number. Unlike a lambda it can be pickled and shown.

    Attributes
    ----------
    of
        Name of the other parameter.
    factor
        The number.
    """

    of: str
    factor: float

    def __call__(self, model: Any) -> Any:
        """The value for a model."""
        return getattr(model, self.of) * self.factor


def line_group(
    lines: Sequence[str] | Mapping[str, Quantity],
    *,
    medium: str | None = None,
    ratios: Mapping[tuple[str, str], float] | None = None,
    continuum: int | None = None,
    velocity: Any = 0.0 * KM_S,
    stddev: Any = 100.0 * KM_S,
    amplitude: Any = 1.0,
    velocity_limits: tuple[Any, Any] = (None, None),
    stddev_limits: tuple[Any, Any] = (None, None),
    unit: Any = u.AA,
) -> Model:
    r"""A model of several lines that share velocity and width, with fixed ratios of flux where wanted.

    Each line is an `astropy.modeling.models.Gaussian1D` of wavelength with the name of the line. The first one is free;
    means and widths of all others are tied to it, :math:`\mu_i = \mu_0\,\lambda_i/\lambda_0` and
    :math:`\sigma_i = \sigma_0\,\lambda_i/\lambda_0`: one velocity :math:`c(\mu_i/\lambda_i - 1)` (optical convention)
    and one velocity width. A ratio ties an amplitude, :math:`A_i = A_j\,R\,\lambda_j/\lambda_i`, so that it holds for
    fluxes, :math:`F = \sqrt{2\pi} A \sigma`. The continuum is a polynomial of the distance from the first line. The
    model is an ordinary one: change it as you like. `line_values` gives velocity and fluxes of a fit.

    Parameters
    ----------
    lines
        Names of the table (``"Halpha"``, ``"Hbeta"``, ``"[N II] 6548"``, ``"[N II] 6583"``, ``"[O III] 5007"``,
        ``"[S II] 6716"`` …), or ``{name: rest wavelength}``.
    medium
        ``"air"`` or ``"vacuum"``: what the wavelengths of the data are. Needed for names of the table.
    ratios
        Flux of one line by that of another, such as ``{("[N II] 6583", "[N II] 6548"): 2.96}`` (theory:
        Osterbrock & Ferland 2006; Storey & Zeippen 2000 give 3.05).
    continuum
        Degree of a polynomial, or None.
    velocity, stddev
        Start values: velocity and velocity width, numbers in km/s or Quantities; maps as well.
    amplitude
        Start value of all amplitudes: a number, a Quantity, or a map.
    velocity_limits, stddev_limits
        Lower and upper limit of each, or None.
    unit
        Unit of wavelength of the data, in which the parameters of the model are.

    Returns
    -------
    Model
        The sum of the lines and the continuum; parameters ``amplitude_0``, ``mean_0``, ``stddev_0``, ``amplitude_1`` …

    Raises
    ------
    InputError
        A name is not known, the medium not said, or a ratio is between lines that are not there.

    Examples
    --------
    >>> nitrogen = {("[N II] 6583", "[N II] 6548"): 2.96}
    >>> group = line_group(["Halpha", "[N II] 6583", "[N II] 6548"], medium="air", ratios=nitrogen, continuum=1)
    >>> import manyfit
    >>> manyfit.models.explain(group).compiled
    True
    >>> [name for name in group.param_names if not (group.tied[name] or group.fixed[name])]
    ['amplitude_0', 'mean_0', 'stddev_0', 'amplitude_1', 'c0_4', 'c1_4']
    """
    rest = _rest(lines, medium, u.Unit(unit))
    first = next(iter(rest.values()))
    speed, width = _speed(velocity), _speed(stddev)
    leaves = [_line(name, wave, amplitude, speed, width, u.Unit(unit)) for name, wave in rest.items()]
    model = reduce(add, leaves)
    if continuum is not None:
        model = model + _continuum(int(continuum), first, amplitude, u.Unit(unit))
    _bound(model, len(rest), first, velocity_limits, stddev_limits)
    for i, wave in enumerate(list(rest.values())[1:], 1):
        for name in ("mean", "stddev"):
            getattr(model, f"{name}_{i}").tied = Multiple(f"{name}_0", wave / first)
    for (one, other), ratio in (ratios or {}).items():
        _tie_fluxes(model, rest, one, other, ratio)
    return model


def _rest(lines: Sequence[str] | Mapping[str, Any], medium: str | None, unit: Any) -> dict[str, float]:
    """Rest wavelength of each line as a number."""
    if isinstance(lines, str):
        lines = [lines]
    if not lines:
        raise InputError("There are no lines. Give names such as 'Halpha', or {name: rest wavelength}.")
    if isinstance(lines, Mapping):
        return {name: float(u.Quantity(wave).to_value(unit)) for name, wave in lines.items()}
    return {name: float(rest_wavelength(name, str(medium)).to_value(unit)) for name in lines}


def _speed(value: Any) -> Any:
    return value.to_value(KM_S) if isinstance(value, u.Quantity) else np.asarray(value, float)[()]


def _line(name: str, rest: float, amplitude: Any, speed: Any, width: Any, unit: Any) -> Model:
    from astropy.modeling.models import Gaussian1D

    scale = unit if isinstance(amplitude, u.Quantity) else 1.0
    zero = 0.0 * np.asarray(speed + width)
    mean = rest * (1 + speed / C) + zero
    stddev = mean * width / C
    line = Gaussian1D(amplitude + zero * getattr(amplitude, "unit", 1.0), mean * scale, stddev * scale, name=name)
    line.meta["rest"] = rest
    return line


def _continuum(degree: int, centre: float, amplitude: Any, unit: Any) -> Model:
    from astropy.modeling.models import Polynomial1D, Shift

    if not isinstance(amplitude, u.Quantity):
        return Shift(-centre, fixed={"offset": True}) | Polynomial1D(degree)
    coefficients = {f"c{i}": 0.0 * amplitude.unit / unit**i for i in range(degree + 1)}
    return Shift(-centre * unit, fixed={"offset": True}) | Polynomial1D(degree, **coefficients)


def _bound(model: Model, count: int, first: float, velocity: tuple[Any, Any], stddev: tuple[Any, Any]) -> None:
    end = "_0" if model.n_submodels > 1 else ""
    low, high = (None if v is None else first * (1 + _speed(v) / C) for v in velocity)
    getattr(model, f"mean{end}").bounds = (low, high)
    low, high = (None if v is None else first * _speed(v) / C for v in stddev)
    getattr(model, f"stddev{end}").bounds = (np.finfo(np.float32).tiny if low is None else low, high)
    for i in range(count):
        getattr(model, f"amplitude_{i}" if end else "amplitude").bounds = (None, None)


def _tie_fluxes(model: Model, rest: dict[str, float], one: str, other: str, ratio: float) -> None:
    """Tie the amplitude of the second of two lines to that of the first."""
    names = list(rest)
    for name in (one, other):
        if name not in rest:
            raise unknown_name("line", name, names)
    factor = rest[one] / (rest[other] * ratio)
    getattr(model, f"amplitude_{names.index(other)}").tied = Multiple(f"amplitude_{names.index(one)}", factor)


# -- what a fit says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LineValues:
    r"""Velocity, width and fluxes of a line group with their errors: maps.

    Attributes
    ----------
    velocity, velocity_error
        :math:`c(\mu_0/\lambda_0 - 1)`, Quantity in km/s.
    stddev, stddev_error
        Velocity width :math:`c\,\sigma_0/\mu_0`, Quantity in km/s; with the width of the instrument.
    flux, flux_error
        By name of the line, :math:`\sqrt{2\pi} A \sigma`, in units of data times wavelength if the fit had units.
    """

    velocity: Quantity
    velocity_error: Quantity
    stddev: Quantity
    stddev_error: Quantity
    flux: dict[str, Any]
    flux_error: dict[str, Any]


def line_values(fit: Any) -> LineValues:
    """Velocity, velocity width and flux of each line from the fit of a `line_group`, with errors.

    Errors are propagated from the covariance of amplitude and width.

    Parameters
    ----------
    fit
        What `manyfit.fit` or `fit_lines` returned.

    Raises
    ------
    InputError
        The fitted model was not made by `line_group`.

    Examples
    --------
    >>> import manyfit
    >>> group = line_group(["Halpha"], medium="air", continuum=0, amplitude=2.0)
    >>> x = np.arange(6540.0, 6590.0)
    >>> truth = line_group(["Halpha"], medium="air", continuum=0, amplitude=3.0, velocity=150, stddev=120)
    >>> values = line_values(manyfit.fit(group, truth(x)[:, None], world=(x,)))
    >>> values.velocity.round(3), values.stddev.round(3)
    (<Quantity [150.] km / s>, <Quantity [120.] km / s>)
    """
    result = getattr(fit, "result", fit)
    rest = _lines_of(result.template)
    names, end = list(rest), "_0" if result.template.n_submodels > 1 else ""
    mean, error = _plain(result[f"mean{end}"]), _plain(result.error[f"mean{end}"])
    width, width_error = _plain(result[f"stddev{end}"]), _plain(result.error[f"stddev{end}"])
    first = rest[names[0]]
    flux = {name: _flux(result, i if end else None) for i, name in enumerate(names)}
    return LineValues(
        C * (mean / first - 1) * KM_S,
        C * error / first * KM_S,
        C * width / mean * KM_S,
        C * width_error / mean * KM_S,
        {name: value for name, (value, _) in flux.items()},
        {name: error for name, (_, error) in flux.items()},
    )


def _lines_of(model: Any) -> dict[str, float]:
    leaves = [model] if model.n_submodels == 1 else list(model)
    rest = {leaf.name: leaf.meta["rest"] for leaf in leaves if "rest" in leaf.meta}
    if not rest:
        raise InputError("The fit is not one of a line_group. Fit a model made by manyfit.cube.line_group.")
    return rest


def _plain(values: Any) -> Any:
    return values.value if isinstance(values, u.Quantity) else values


def _flux(result: Any, number: int | None) -> tuple[Any, Any]:
    """sqrt(2 pi) A s of one line and its error; tied lines have the correlation of those that they are tied to."""
    names = [name if number is None else f"{name}_{number}" for name in ("amplitude", "stddev")]
    (a, s), (da, ds) = ([of[name] for name in names] for of in (result, result.error))
    free = [getattr(result.template.tied[name], "of", name) for name in names]
    columns = result.parameters.columns.free
    if not set(free) <= set(columns):
        covariance = 0.0
    else:
        i, j = (columns.index(name) for name in free)
        spread = np.sqrt(result.parameters.covariance_of(i, i) * result.parameters.covariance_of(j, j))
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance = result.parameters.covariance_of(i, j) / spread * da * ds
    variance = (s * da) ** 2 + (a * ds) ** 2 + 2 * a * s * covariance
    return np.sqrt(2 * np.pi) * a * s, np.sqrt(2 * np.pi) * np.sqrt(variance)

"""Integral of fitted lines along the spectral axis, and its error from the covariance of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._guess import LEVELS
from manyfit.cube._numerical_integral import over_channels
from manyfit.fitting._result import with_unit
from manyfit.fitting._template import known
from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import evaluate, is_const

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.fitting._parameters import Parameters
    from manyfit.fitting._result import FitResult

Array = NDArray[np.float64]
#: An integral and its derivatives by parameter.
Integral = tuple[Any, dict[str, Array]]

ROOT = np.sqrt(2 * np.pi)


def integrated(result: FitResult) -> tuple[Any, Any]:
    r"""Integral of all lines of a model and its standard deviation, as maps.

    The sum over the lines: :math:`\sqrt{2 \pi} A \sigma` for a ``Gaussian1D``, :math:`\pi A\,\mathrm{FWHM} / 2` for a
    ``Lorentz1D`` and a ``Voigt1D`` (of its Lorentzian), :math:`A \gamma \sqrt{\pi}\,\Gamma(\alpha - 1/2) /
    \Gamma(\alpha)` for a ``Moffat1D``, :math:`A w` for a ``Box1D``; any other term that is no continuum is summed over
    the channels of its spectrum. Continua do not count. The variance is :math:`g^T C g` with the gradient :math:`g` of
    the sum and the covariance :math:`C` of the free parameters.

    Parameters
    ----------
    result
        A fit of a sum of lines and continua, with its data if a line is none of the five.

    Returns
    -------
    values, errors
        Quantities, in the unit of the data times that of the spectral axis.
    """
    parameters = result.parameters
    total = np.where(parameters.fitted, 0.0, np.nan)
    slopes: dict[str, Array] = {}
    model = known(result.template)
    for sign, term, first in _terms(model, 1.0, 0):
        value, by_name = _integral(result, term, _names(model, term, first))
        total = total + sign * value
        slopes |= {name: sign * slope for name, slope in by_name.items()}
    unit = _unit(result)
    return with_unit(total, unit), with_unit(_error(parameters, slopes), unit)


def _unit(result: FitResult) -> Any:
    system = result.system
    x = system.inputs[0]
    return None if not system.attached or x is None or system.data is None else system.data * x


def _integral(result: FitResult, term: Any, names: Mapping[str, str]) -> Integral:
    """Integral of one term of the model and its derivatives by parameters of the whole model."""
    kind = type(term).__name__
    if kind in AREAS:
        value, slopes = AREAS[kind](lambda name: result.parameters.value(names[name]))
        return value, {names[name]: slope for name, slope in slopes.items()}
    if kind in LEVELS or _is_continuum(term):
        return np.float64(0.0), {}
    return over_channels(result, term, tuple(names.values()))


def _names(model: Model, term: Any, first: int) -> dict[str, str]:
    """Names in the whole model of the parameters of a term, by their names in the term."""
    if term is model:
        return {name: name for name in term.param_names}
    if getattr(term, "n_submodels", 1) == 1:
        return {name: f"{name}_{first}" for name in term.param_names}
    split = ((name, *name.rsplit("_", 1)) for name in term.param_names)
    return {name: f"{base}_{first + int(index)}" for name, base, index in split}


def _terms(model: Any, sign: float, first: int) -> Iterator[tuple[float, Any, int]]:
    """The terms of a sum with their signs and the number of their first part."""
    operator = getattr(model, "op", None)
    if operator not in ("+", "-"):
        yield sign, model, first
        return
    yield from _terms(model.left, sign, first)
    right = first + getattr(model.left, "n_submodels", 1)
    yield from _terms(model.right, -sign if operator == "-" else sign, right)


def _is_continuum(part: Any) -> bool:
    """Whether a term is a polynomial about a shifted origin."""
    return getattr(part, "op", None) == "|" and type(part.right).__name__ in LEVELS


def _error(parameters: Parameters, slopes: dict[str, Array]) -> Array:
    """Standard deviation of a number with these slopes by parameter."""
    free = parameters.columns.free
    gradient = _by_free(parameters, slopes)
    variance: Any = np.where(parameters.fitted, 0.0, np.nan)
    for a, slope in gradient.items():
        for b, other in gradient.items():
            variance = variance + slope * other * parameters.covariance_of(free.index(a), free.index(b))
    error: Array = np.sqrt(variance)
    return error


def _by_free(parameters: Parameters, slopes: dict[str, Array]) -> dict[str, Any]:
    """Slopes by free parameter: those of tied parameters go by the chain rule; fixed ones have no part."""
    free = parameters.columns.free
    gradient: dict[str, Any] = {name: slope for name, slope in slopes.items() if name in free}
    values = {name: parameters.value(name) for name in (*free, *parameters.columns.fixed)}
    for name, slope in slopes.items():
        if name in parameters.tied:
            for other in free:
                node = derivative(parameters.tied[name], other)
                if not is_const(node, 0.0):
                    gradient[other] = gradient.get(other, 0.0) + slope * evaluate(node, values)
        elif name in parameters.columns.tied:  # a tie that only the fitter knew
            gradient[free[0]] = np.nan
    return gradient


# -- lines -----------------------------------------------------------------------------------------------------------


def _product(height: str, width: str, factor: float) -> Callable[[Callable[[str], Array]], Integral]:
    """The integral of a line that is a factor times height times width."""

    def area(value: Callable[[str], Array]) -> Integral:
        h, w = value(height), value(width)
        return factor * h * w, {height: factor * w, width: factor * h}

    return area


def _moffat(value: Callable[[str], Array]) -> Integral:
    from scipy.special import digamma, gammaln

    amplitude, gamma, alpha = value("amplitude"), value("gamma"), value("alpha")
    shape = np.sqrt(np.pi) * np.exp(gammaln(alpha - 0.5) - gammaln(alpha))
    area = amplitude * gamma * shape
    return area, {
        "amplitude": gamma * shape,
        "gamma": amplitude * shape,
        "alpha": area * (digamma(alpha - 0.5) - digamma(alpha)),
    }


AREAS: dict[str, Callable[[Callable[[str], Array]], Integral]] = {
    "Gaussian1D": _product("amplitude", "stddev", ROOT),
    "Lorentz1D": _product("amplitude", "fwhm", np.pi / 2),
    "Voigt1D": _product("amplitude_L", "fwhm_L", np.pi / 2),
    "Moffat1D": _moffat,
    "Box1D": _product("amplitude", "width", 1.0),
}

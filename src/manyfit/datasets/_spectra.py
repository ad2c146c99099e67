"""Simulated spectra (or images) of any astropy model with the truth beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from astropy.modeling import Model

Values: TypeAlias = NDArray[np.float64] | u.Quantity


def simulate_spectra(
    model: Model,
    n: int,
    x: ArrayLike | u.Quantity | tuple[ArrayLike | u.Quantity, ...],
    *,
    noise: float | NDArray[np.float64] | u.Quantity | Literal["poisson"] = 1.0,
    spread: Mapping[str, float] | None = None,
    rng: int | np.random.Generator = 0,
) -> tuple[Values, dict[str, Values]]:
    r"""Simulate `n` noisy realisations of a model.

    Parameters
    ----------
    model
        Any astropy model with one output and scalar parameters, which are the mean of the truth. It is not
        changed.
    n
        Number of spectra.
    x
        Coordinates of the points; a tuple of arrays of one shape for a model of several inputs.
    noise
        Standard deviation of Gaussian noise, a number (in the unit of the model's output) or anything that
        broadcasts to (n, \*x.shape); or ``"poisson"``: the model is the expectation of counts.
    spread
        Standard deviation of the truth of each named parameter, in the parameter's unit. Other parameters
        have the model's value in all spectra. Truth is clipped to the parameter's bounds; tied parameters
        follow.
    rng
        A seed or a generator; the same seed gives the same data.

    Returns
    -------
    data
        Array (n, \*x.shape), a Quantity if the model's output is one.
    truth
        Array (n,) of the true values of each parameter, a Quantity if the parameter has a unit.

    Raises
    ------
    InputError
        If a name in `spread` or `noise` is not known, or if counts would have a negative expectation.

    Examples
    --------
    >>> from astropy.modeling.models import Gaussian1D
    >>> data, truth = simulate_spectra(Gaussian1D(50, 0, 2), 1000, np.linspace(-9, 9, 40), noise="poisson")
    >>> data.shape, truth["amplitude"].shape
    ((1000, 40), (1000,))
    """
    if n < 1:
        raise InputError(f"n is {n}. Give the number of spectra, 1 or more.")
    random = np.random.default_rng(rng)
    truth = _truth(model, n, spread or {}, random)
    expected = _expected(model, x, truth)
    if not isinstance(noise, str):
        return expected + noise * random.standard_normal(expected.shape), truth
    if noise != "poisson":
        raise unknown_name("noise", noise, ["poisson"])
    return _counts(expected, random), truth


def _truth(model: Model, n: int, spread: Mapping[str, float], rng: np.random.Generator) -> dict[str, Values]:
    for name in spread:
        if name not in model.param_names:
            raise unknown_name("parameter", name, model.param_names)
    rows = np.broadcast_to(model.parameters, (n, len(model.param_names))).copy()
    for i, name in enumerate(model.param_names):
        if name in spread:
            low, high = model.bounds[name]
            rows[:, i] = np.clip(
                rng.normal(rows[:, i], spread[name]),
                -np.inf if low is None else low,
                np.inf if high is None else high,
            )
    _follow_ties(model, rows)
    return {name: _with_unit(rows[:, i], model, name) for i, name in enumerate(model.param_names)}


def _follow_ties(model: Model, rows: NDArray[np.float64]) -> None:
    ties = {i: tie for i, name in enumerate(model.param_names) if (tie := model.tied[name])}
    if not ties:
        return
    one = model.copy()
    for row in rows:
        one.parameters = row
        for i, tie in ties.items():
            value = tie(one)
            row[i] = value.value if isinstance(value, u.Quantity) else value


def _with_unit(values: NDArray[np.float64], model: Model, name: str) -> Values:
    unit = getattr(model, name).unit
    return values if unit is None else u.Quantity(values, unit)


def _expected(
    model: Model, x: ArrayLike | u.Quantity | tuple[ArrayLike | u.Quantity, ...], truth: dict[str, Values]
) -> Values:
    inputs = [np.asanyarray(each) for each in (x if isinstance(x, tuple) else (x,))]
    if len(inputs) != model.n_inputs:
        raise InputError(f"The model has {model.n_inputs} inputs {model.inputs}, and x has {len(inputs)}.")
    shape = np.broadcast_shapes(*(each.shape for each in inputs))
    columns = [values.reshape(-1, *(1,) * len(shape)) for values in truth.values()]
    n = len(columns[0]) if columns else 1
    values = model.evaluate(*(np.broadcast_to(each, shape, subok=True) for each in inputs), *columns)
    return np.broadcast_to(np.asanyarray(values, dtype=float), (n, *shape), subok=True)


def _counts(expected: Values, rng: np.random.Generator) -> NDArray[np.float64]:
    rate = u.Quantity(expected).value
    if not np.all(rate >= 0):
        raise InputError(f"The expectation of counts falls to {np.min(rate):g}. It must not be negative.")
    counts: NDArray[np.float64] = rng.poisson(rate).astype(np.float64)
    return counts

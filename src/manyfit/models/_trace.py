"""From an astropy model to the formula of its value at one point."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import manyfit.models._array_functions  # noqa: F401  registers the functions of NumPy
from manyfit.errors import InputError, ModelNotCompiled
from manyfit.kernels._expression import Node, add, div, mul, power, sub, substitute, symbol
from manyfit.kernels._formula import Formula, coordinate
from manyfit.models._check import check
from manyfit.models._special import evaluate_of, missing_formula, rules
from manyfit.models._stand_in import is_compound, stand_in
from manyfit.models._ties import resolve, tied_callables
from manyfit.models._tracer import Tracer, node_of

T = TypeVar("T")

OPERATORS: dict[str, Callable[[Node, Node], Node]] = {"+": add, "-": sub, "*": mul, "/": div, "**": power}


def formula(model: Any) -> Formula:
    """The formula of an astropy model.

    Parameters
    ----------
    model
        An astropy model with one output: built-in, compound, by `astropy.modeling.custom_model`, or a class
        of the user whose `evaluate` uses NumPy's functions. Its parameters have no units. It is not changed.

    Returns
    -------
    Formula
        The value at one point, tied parameters replaced.

    Raises
    ------
    ModelNotCompiled
        The model has no closed form that can be read from its code; the text says what stopped it.
    InputError
        Parameters have units, or ties run in a circle.

    Examples
    --------
    >>> from astropy.modeling.models import Gaussian1D
    >>> formula(Gaussian1D(fixed={"mean": True})).fixed
    ('mean',)
    """
    _reject_units(model)
    if model.n_outputs != 1:
        raise _not_compiled(model, f"it has {model.n_outputs} outputs; only models with one can be fitted")
    if len(model) != 1:
        raise _not_compiled(model, f"it is a set of {len(model)} models; give one model and maps as start values")
    inputs = [coordinate(i) for i in range(model.n_inputs)]
    value = _outputs(model, iter(model.param_names), inputs)[0]
    tied = resolve({name: _tie(model, name, tie) for name, tie in tied_callables(model).items()})
    fixed = tuple(n for n in model.param_names if model.fixed[n] and n not in tied)
    return Formula(
        value=substitute(value, tied) if tied else value,
        n_inputs=model.n_inputs,
        free=tuple(n for n in model.param_names if n not in tied and n not in fixed),
        fixed=fixed,
        tied=tuple(tied.items()),
    )


def _reject_units(model: Any) -> None:
    units = {name: getattr(model, name).unit for name in model.param_names}
    given = [f"{name} in {unit}" for name, unit in units.items() if unit is not None and unit != ""]
    if given:
        raise InputError(
            f"{_name(model)} has parameters with units ({', '.join(given)}); a formula is made of numbers. "
            "Give model.without_units_for_data(...)."
        )


# -- trees ---------------------------------------------------------------------------------------------------


def _outputs(model: Any, names: Iterator[str], inputs: list[Node]) -> list[Node]:
    """The outputs of a model; `names` gives the names of its parameters in the whole, leaf by leaf."""
    if not is_compound(model):
        return _leaf(model, names, inputs)
    if model.op == "fix_inputs":
        inputs = _with_fixed_inputs(model, inputs)
        outputs = _outputs(model.left, names, inputs)
    elif model.op == "|":
        outputs = _outputs(model.right, names, _outputs(model.left, names, inputs))
    elif model.op == "&":
        n = model.left.n_inputs
        outputs = _outputs(model.left, names, inputs[:n]) + _outputs(model.right, names, inputs[n:])
    elif model.op in OPERATORS:
        left, right = _outputs(model.left, names, inputs), _outputs(model.right, names, inputs)
        outputs = [OPERATORS[model.op](a, b) for a, b in zip(left, right, strict=True)]
    else:
        raise _not_compiled(model, f"its parts are joined by {model.op!r}")
    return outputs


def _with_fixed_inputs(model: Any, inputs: list[Node]) -> list[Node]:
    names = model.left.inputs
    given = {names.index(k) if isinstance(k, str) else int(k): v for k, v in model.right.items()}
    rest = iter(inputs)
    return [node_of(given[i]) if i in given else next(rest) for i in range(len(names))]


def _leaf(model: Any, names: Iterator[str], inputs: list[Node]) -> list[Node]:
    """Trace a model that is not compound with its own names, then put in what it is given."""
    if reason := missing_formula(model):
        raise _not_compiled(model, reason)
    coordinates = [f"x[{i}]" for i in range(len(inputs))]
    outputs = _guard(model, "its evaluate()", lambda: _trace(model, coordinates))
    given = dict(zip(coordinates, inputs, strict=True))
    given |= {own: symbol(next(names)) for own in model.param_names}
    return [substitute(output, given) for output in outputs]


def _trace(model: Any, coordinates: list[str]) -> list[Node]:
    points = [Tracer(symbol(name)).reshape(1) for name in coordinates]
    tracers = _symbols(model)
    own = [_internal(getattr(model, n), t).reshape(1) for n, t in zip(model.param_names, tracers, strict=True)]
    rule = rules().get(evaluate_of(type(model)))
    result = rule(model, *points, *own) if rule else stand_in(model, tracers).evaluate(*points, *own)
    outputs = [node_of(r) for r in (result if isinstance(result, tuple) else (result,))]
    check(model, outputs, coordinates)
    return outputs


def _symbols(model: Any) -> list[Tracer]:
    return [Tracer(symbol(name)) for name in model.param_names]


def _internal(parameter: Any, tracer: Tracer) -> Any:
    """The number that a parameter is kept as, where that is not the one shown (angles for instance)."""
    setter = parameter._setter
    if setter is None:
        return tracer
    # astropy hands NumPy's functions (deg2rad) only plain numbers, so a change of scale is read from three.
    at_1, at_2, at_4 = (float(setter(value)) for value in (1.0, 2.0, 4.0))
    factor = at_2 - at_1
    is_scale = math.isclose(at_4 - at_2, 2.0 * factor, rel_tol=1e-12)
    return tracer * factor + (at_1 - factor) if is_scale else setter(tracer)


# -- ties ----------------------------------------------------------------------------------------------------


def _tie(model: Any, name: str, tie: Callable[[Any], Any]) -> Node:
    return _guard(model, f"the tie of {name!r}", lambda: node_of(tie(stand_in(model, _symbols(model)))))


# -- reasons -------------------------------------------------------------------------------------------------


def _guard(model: Any, part: str, work: Callable[[], T]) -> T:
    """Do what runs code of the user; say what stopped it."""
    try:
        return work()
    except ModelNotCompiled as error:
        reason = f"in {part} {error}{_place(error)}"
    except Exception as error:  # noqa: BLE001  foreign code may fail in any way; astropy will run it instead
        reason = f"{part} stops with {type(error).__name__}: {error}{_place(error)}"
    raise _not_compiled(model, reason)


def _not_compiled(model: Any, reason: str) -> ModelNotCompiled:
    return ModelNotCompiled(f"{_name(model)} cannot be compiled: {reason}")


def _name(model: Any) -> str:
    kind = "compound model" if is_compound(model) else type(model).__name__
    return f"{kind} {model.name!r}" if model.name else kind


def _place(error: Exception) -> str:
    """The line of the user's code where it happened."""
    ours, numpys = str(Path(__file__).parents[1]), str(Path(np.__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((ours, numpys)):
            return f" ({Path(frame.filename).name}, line {frame.lineno}: {frame.line})"
    return ""

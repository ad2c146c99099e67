"""Functions of NumPy that are not universal functions, on tracers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from manyfit.errors import ModelNotCompiled
from manyfit.models._tracer import Tracer, apply, implements, matrix_product, nodes_of
from manyfit.models._ufuncs import LARGEST, select

# The arguments are those of NumPy, used or not.
# ruff: noqa: ARG001

# -- choices -------------------------------------------------------------------------------------------------


@implements(np.where)
def where(condition: Any, *choices: Any) -> Tracer:
    """``a`` where the condition holds, else ``b``."""
    if len(choices) != 2:
        raise ModelNotCompiled("np.where(condition) looks for positions; use np.where(condition, a, b)")
    return apply(select, condition, *choices)


@implements(np.select)
def choose_first(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tracer:
    """The choice of the first condition that holds."""
    result = Tracer(nodes_of(default))
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Tracer:
    """Functions on their own intervals; where several conditions hold the last one wins."""
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    values = [f(x, *args, **kw) if callable(f) else f for f in funclist]
    result = Tracer(nodes_of(values[len(conditions)] if len(values) > len(conditions) else 0.0))
    for condition, value in zip(conditions, values, strict=False):
        result = where(condition, value, result)
    return result


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, **limits: Any) -> Any:
    """Values between two limits."""
    lower, upper = limits.get("min", a_min), limits.get("max", a_max)
    raised = a if lower is None else np.maximum(a, lower)
    return raised if upper is None else np.minimum(raised, upper)


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, **limits: Any) -> Any:
    """A number for NaN, and the largest numbers for infinities."""
    upper, lower = limits.get("posinf"), limits.get("neginf")
    high, low = LARGEST if upper is None else upper, -LARGEST if lower is None else lower
    finite = np.where(np.greater(x, LARGEST), high, np.where(np.less(x, -LARGEST), low, x))
    return np.where(np.isnan(x), nan, finite)


# -- values --------------------------------------------------------------------------------------------------


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``."""
    y = np.pi * x
    return np.where(np.equal(x, 0.0), 1.0, np.sin(y) / y)


@implements(np.round)
@implements(np.around)
def rounded(a: Any, decimals: int = 0, out: None = None) -> Any:
    """The nearest number with some decimals."""
    return np.rint(a * 10.0**decimals) / 10.0**decimals


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Horner's scheme, highest power first."""
    result = np.zeros_like(x)
    for coefficient in p:
        result = result * x + coefficient
    return result


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Tracer:
    """The product of matrices and vectors."""
    return matrix_product(a, b)


@implements(np.real_if_close)
@implements(np.real)
def real(a: Any, *args: Any) -> Any:
    """Tracers are real."""
    return a.copy()


@implements(np.imag)
def imag(a: Any) -> Any:
    """Zero."""
    return a * 0.0


@implements(np.iscomplexobj)
def iscomplexobj(a: Any) -> bool:
    """Tracers are real."""
    return False


@implements(np.empty_like)
@implements(np.zeros_like)
def zeros_like(a: Any, *args: Any, **options: Any) -> Any:
    """Zeros; also for `numpy.empty_like`, which is filled later."""
    return full_like(a, 0.0)


@implements(np.ones_like)
def ones_like(a: Any, *args: Any, **options: Any) -> Any:
    """Ones."""
    return full_like(a, 1.0)


@implements(np.full_like)
def full_like(a: Any, fill_value: Any, *args: Any, **options: Any) -> Tracer:
    """One value in the shape of another array."""
    return Tracer(np.broadcast_to(nodes_of(fill_value), np.shape(a)).copy())


def _method(name: str) -> Callable[..., Any]:
    return lambda a, *args, **options: getattr(a, name)(*args, **options)


REDUCTIONS: list[tuple[Callable[..., Any], str]] = [
    *((np.sum, "sum"), (np.prod, "prod"), (np.max, "max"), (np.min, "min")),
    *((np.any, "any"), (np.all, "all"), (np.mean, "mean")),
]
for _function, _name in REDUCTIONS:
    implements(_function)(_method(_name))

# -- shapes --------------------------------------------------------------------------------------------------

#: Functions that move values about without looking at them: NumPy does them on the nodes.
STRUCTURAL: list[Callable[..., Any]] = [
    *(np.shape, np.ndim, np.size, np.copy, np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose),
    *(np.atleast_1d, np.atleast_2d, np.broadcast_to, np.broadcast_arrays, np.moveaxis, np.swapaxes),
    *(np.stack, np.concatenate, np.vstack, np.hstack, np.column_stack, np.repeat, np.tile),
]


def _structural(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: _wrapped(function(*map(_unwrapped, args), **options))


def _unwrapped(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tracer) for v in value):
        return [nodes_of(v) for v in value]
    return value.nodes if isinstance(value, Tracer) else value


def _wrapped(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(map(_wrapped, value))
    return Tracer(value.copy()) if isinstance(value, np.ndarray) and value.dtype == object else value


for _function in STRUCTURAL:
    implements(_function)(_structural(_function))

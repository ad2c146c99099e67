"""Functions of NumPy that are not universal functions, on tracers."""

from __future__ import annotations

# The arguments are those of NumPy, used or not.
# ruff: noqa: ARG001
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from manyfit.errors import ModelNotCompiled
from manyfit.models._tracer import Tracer, apply, implements, nodes_of
from manyfit.models._ufuncs import select


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


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``."""
    y = np.pi * x
    return np.where(np.equal(x, 0.0), 1.0, np.sin(y) / y)


@implements(np.real)
@implements(np.real_if_close)
@implements(np.copy)
@implements(np.ravel)
@implements(np.atleast_1d)
@implements(np.squeeze)
def unchanged(a: Any, *args: Any, **options: Any) -> Any:
    """The values themselves, in a new array."""
    return a.copy()


@implements(np.imag)
def imag(a: Any) -> Any:
    """Zero."""
    return a * 0.0


@implements(np.zeros_like)
@implements(np.empty_like)
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


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    """The shape for one point."""
    return tuple(a.shape)


@implements(np.ndim)
def ndim(a: Any) -> int:
    """Number of axes."""
    return int(a.ndim)


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    """Number of values for one point."""
    return int(np.size(a.nodes, axis))


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Horner's scheme, highest power first."""
    result = np.zeros_like(x)
    for coefficient in p:
        result = result * x + coefficient
    return result


@implements(np.iscomplexobj)
def iscomplexobj(a: Any) -> bool:
    """Tracers are real."""
    return False


@implements(np.broadcast_to)
def broadcast_to(a: Any, shape: Any, subok: bool = False) -> Tracer:
    """The values repeated."""
    return Tracer(np.broadcast_to(nodes_of(a), shape).copy())


@implements(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0, **options: Any) -> Tracer:
    """Arrays along a new axis."""
    return Tracer(np.stack(np.broadcast_arrays(*map(nodes_of, arrays)), axis=axis))


def _method(name: str) -> Callable[..., Any]:
    return lambda a, *args, **options: getattr(a, name)(*args, **options)


METHODS: list[tuple[Any, str]] = [
    (np.sum, "sum"),
    (np.prod, "prod"),
    (np.max, "max"),
    (np.min, "min"),
    (np.any, "any"),
    (np.all, "all"),
    (np.mean, "mean"),
    (np.reshape, "reshape"),
]
for _function, _name in METHODS:
    implements(_function)(_method(_name))

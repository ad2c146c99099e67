"""The decorator that makes a function of `Float` a function of numba kernels and of Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.typing import templates
from numba.core.typing.templates import Signature
from numba.extending import lower_builtin, type_callable

from manyfit.kernels.targets.vector._float import Float

signature: Any = templates.signature  # numba's own functions are untyped
lower: Any = lower_builtin


def elementary(reference: Callable[..., Any]) -> Callable[[Callable[..., Float]], Callable[..., Any]]:
    """Make the decorated function of `Float` one name for three uses.

    Called inside a numba kernel it emits its instructions into that kernel. Called with `Float` it emits them
    into the function under construction. Called with numbers or arrays it returns ``reference(*args)``, an
    independent implementation, without its warnings.
    """

    def decorate(emit: Callable[..., Float]) -> Callable[..., Any]:
        @functools.wraps(emit)
        def function(*args: Any) -> Any:
            if any(isinstance(arg, Float) for arg in args):
                return emit(*args)
            with np.errstate(all="ignore"):
                return reference(*args)

        _register(function, emit)
        return function

    return decorate


def _register(function: Callable[..., Any], emit: Callable[..., Float]) -> None:
    n = len(inspect.signature(emit).parameters)

    def lowered(_context: Any, builder: Any, sig: Signature, args: Any) -> Any:
        width = sig.return_type.bitwidth
        return emit(*(Float(builder, arg, width) for arg in args)).value

    type_callable(function)(lambda _context: _TYPERS[n])
    lower(function, *[types.Float] * n)(lowered)


def widest(*arguments: types.Type) -> types.Float | None:
    """The widest float among argument types, float64 for integers alone, None where one is not a number."""
    if not all(isinstance(a, types.Float | types.Integer) for a in arguments):
        return None
    floats = (a for a in arguments if isinstance(a, types.Float))
    return max(floats, key=lambda a: int(a.bitwidth), default=types.float64)


def _one(x: types.Type) -> Signature | None:
    kind = widest(x)
    return None if kind is None else signature(kind, kind)


def _two(x: types.Type, y: types.Type) -> Signature | None:
    kind = widest(x, y)
    return None if kind is None else signature(kind, kind, kind)


# numba reads the number of arguments from the parameters of the typer.
_TYPERS: dict[int, Callable[..., Signature | None]] = {1: _one, 2: _two}

"""The decorator that makes a function of `Float` callable from numba kernels, and from Python through NumPy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.typing import signature
from numba.core.typing.templates import Signature
from numba.extending import lower_builtin, type_callable

from manyfit.kernels.targets.vector._float import Float


def elementary(reference: Callable[..., Any]) -> Callable[[Callable[..., Float]], Callable[..., Any]]:
    """Make the decorated function of `Float` one name for three uses.

    Called inside a numba kernel it emits its instructions into that kernel; called with `Float` it emits them into
    the function under construction; called with numbers or arrays it returns ``reference(*args)``, an independent
    implementation without its warnings.
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

    @type_callable(function)  # type: ignore[untyped-decorator]
    def typed(context: Any) -> Callable[..., Signature | None]:
        return _TYPERS[n]

    @lower_builtin(function, *[types.Float] * n)  # type: ignore[untyped-decorator]
    def lowered(context: Any, builder: Any, sig: Signature, args: Any) -> Any:
        width = sig.return_type.bitwidth
        return emit(*(Float(builder, arg, width) for arg in args)).value


def widest(*arguments: types.Type) -> types.Float | None:
    """The widest float among the argument types, float64 for integers alone, None where one is not a number."""
    if not all(isinstance(a, types.Float | types.Integer) for a in arguments):
        return None
    floats = (a for a in arguments if isinstance(a, types.Float))
    return max(floats, key=lambda a: int(a.bitwidth), default=types.float64)


def _signature(*arguments: types.Type) -> Signature | None:
    kind = widest(*arguments)
    return None if kind is None else signature(kind, *[kind] * len(arguments))


# numba reads the number of arguments from the signature of the typer.
_TYPERS: dict[int, Callable[..., Signature | None]] = {
    1: lambda x: _signature(x),
    2: lambda x, y: _signature(x, y),
}

"""Plain Python: the same kernels and solver without a compiler, the oracle of tests.

Numbers are those of NumPy, so overflow and division by zero give infinity and NaN as in compiled code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np

from manyfit.kernels._functions import FUNCTIONS


@dataclass(frozen=True)
class Plain:
    """One kernel that has not been compiled: the function, and the observed information or itself again."""

    kernel: Callable[..., Any]
    information: Callable[..., Any]
    is_curved: bool


def at(array: Any, place: int) -> Any:
    """The array from a place on."""
    return array[place:]


def call(kernel: Callable[..., Any], *args: Any) -> Any:
    """Call a kernel."""
    return kernel(*args)


def select(condition: Any, yes: Any, no: Any) -> Any:
    """One of two numbers, always one of NumPy's."""
    chosen = yes if condition else no
    return chosen if isinstance(chosen, np.generic) else np.float64(chosen)


def __getattr__(name: str) -> Callable[..., Any]:
    """The mathematical functions, by NumPy and SciPy."""
    function = FUNCTIONS.get(name.removesuffix("_nonpositive"))
    if function is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return function.evaluate


def kernel(spec: Any) -> Plain:
    """The functions of a kernel, as `targets.cpu.kernel` gives them compiled."""
    from manyfit.kernels import _emit

    functions = _run(_emit.source(spec).replace("{target}", __name__))
    plain = _quiet(functions["kernel"])
    return Plain(plain, _quiet(functions["information"]) if spec.terms.is_curved else plain, spec.terms.is_curved)


@cache
def solver() -> Callable[..., None]:
    """The `fit_tile` of the solver, as `targets.cpu.solver` gives it compiled."""
    text = (Path(__file__).parents[1] / "_solver.py").read_text(encoding="utf-8")
    return _quiet(_run(text)["fit_tile"])


def _run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "<kernel>", "exec"), names)  # the text is our own
    return names


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def quiet(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return quiet

"""Tied parameters as expressions of the parameters that are not tied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from manyfit.errors import InputError
from manyfit.kernels._expression import Node, substitute


def resolve(ties: Mapping[str, Node]) -> dict[str, Node]:
    """Put tied parameters that depend on tied parameters into each other until none is left.

    Raises
    ------
    InputError
        Ties run in a circle.

    Examples
    --------
    >>> from manyfit.kernels._expression import const, mul, symbol
    >>> chain = {"b": mul(const(2.0), symbol("a")), "c": mul(const(3.0), symbol("b"))}
    >>> resolve(chain)
    {'b': 2.0*a, 'c': 6.0*a}
    """
    done: dict[str, Node] = {}

    def visit(name: str, path: tuple[str, ...]) -> Node:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise InputError(
                f"tied parameters depend on each other in a circle: {circle}. "
                "A tied parameter may depend on parameters that do not depend on it; free one of them."
            )
        if name not in done:
            parts = sorted(ties[name].symbols & set(ties))
            done[name] = substitute(ties[name], {part: visit(part, (*path, name)) for part in parts})
        return done[name]

    return {name: visit(name, ()) for name in ties}


def tied_callables(model: Any) -> dict[str, Callable[[Any], Any]]:
    """The functions of a model's tied parameters."""
    return {name: tie for name, tie in model.tied.items() if callable(tie)}

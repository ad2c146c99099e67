"""A formula: the value of a model at one point, with its parameters sorted into free, fixed and tied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import Node, symbol


def coordinate(index: int) -> Node:
    """The coordinate of one point along one input of the model.

    The name has brackets so that it never meets the name of a parameter.
    """
    return symbol(f"x[{index}]")


@dataclass(frozen=True)
class Formula:
    """The value of a model at one point.

    Attributes
    ----------
    value
        The expression. Its symbols are coordinates (`coordinate`), free and fixed parameters.
    n_inputs
        Number of coordinates.
    free, fixed
        Names of the parameters that are fitted, and of those that are given for each element.
    tied
        Names of tied parameters with their expression in the free and fixed ones. They are already
        replaced in `value`.
    """

    value: Node
    n_inputs: int
    free: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    tied: tuple[tuple[str, Node], ...] = ()

    def __post_init__(self) -> None:
        known = {f"x[{i}]" for i in range(self.n_inputs)} | set(self.free) | set(self.fixed)
        unknown = self.value.symbols - known
        if unknown:
            raise ValueError(f"the formula has symbols that are neither coordinate nor parameter: {sorted(unknown)}")

    @cached_property
    def is_linear(self) -> bool:
        """Whether the value is linear in the free parameters: one step solves it."""
        free = set(self.free)
        return all(not (derivative(self.value, name).symbols & free) for name in self.free)

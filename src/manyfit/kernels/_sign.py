"""What the form of an expression alone says about its sign."""

from __future__ import annotations

from manyfit.kernels._expression import Node, factors, is_const

#: Functions without negative values.
NEVER_NEGATIVE = frozenset(["exp", "exp2", "fabs", "sqrt", "cosh", "hypot"])


def is_never_negative(node: Node) -> bool:
    """Whether an expression is zero or more (or NaN) whatever its symbols are.

    >>> from manyfit.kernels._expression import int_power, symbol
    >>> is_never_negative(int_power(symbol("x"), 2)), is_never_negative(symbol("x"))
    (True, False)
    """
    if node.op == "sum":
        return all(map(is_never_negative, node.args))
    if node.op == "product":
        coefficient, bases = factors(node)
        return coefficient >= 0 and all(k % 2 == 0 or is_never_negative(b) for b, k in bases.items())
    return node.op in NEVER_NEGATIVE or (is_const(node) and node.value >= 0)


def is_positive(node: Node) -> bool:
    """Whether an expression is more than zero (or NaN) whatever its symbols are, as ``1 + x**2``."""
    if node.op == "sum":
        return is_never_negative(node) and any(map(is_positive, node.args))
    return is_const(node) and node.value > 0

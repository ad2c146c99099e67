"""Expressions: the immutable graph of one formula, shared wherever two parts are equal.

A formula is built once and then read many times, so equal parts are one object (`Node` is interned): finding common
subexpressions costs nothing later. Products are kept flat and sorted, ``2 * x**2 / s**2`` is one node with the factors
``x**2`` and ``s**-2`` and the coefficient 2, so that factors which do not depend on the coordinates can be taken out of
the loop over points. Sums keep the order in which they were written: that is where cancellation lives.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from manyfit.kernels._functions import FUNCTIONS

#: Integer powers up to this one are products; larger ones call ``pow``.
LARGEST_PRODUCT_POWER = 16

_interned: WeakValueDictionary[bytes, Node] = WeakValueDictionary()


class Node:
    """One operation of a formula. Made by the functions of this module, never directly.

    Attributes
    ----------
    op
        ``"const"``, ``"symbol"``, ``"sum"``, ``"difference"``, ``"product"``, or a name of `FUNCTIONS`.
    args
        The operands.
    value
        The number of a constant, the name of a symbol, or of a product ``(coefficient, exponents)``.
    symbols
        Names of all symbols below.
    """

    __slots__ = ("__weakref__", "args", "digest", "op", "size", "symbols", "value")

    op: str
    args: tuple[Node, ...]
    value: Any
    digest: bytes
    size: int
    symbols: frozenset[str]

    def __repr__(self) -> str:
        return to_text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _intern, (self.op, self.args, self.value)


def _intern(op: str, args: tuple[Node, ...] = (), value: Any = None) -> Node:
    text = f"{op}|{value!r}|".encode() + b"".join(a.digest for a in args)
    digest = hashlib.blake2b(text, digest_size=16).digest()
    node = _interned.get(digest)
    if node is None:
        node = Node()
        node.op, node.args, node.value, node.digest = op, args, value, digest
        node.size = 1 + sum(a.size for a in args)
        node.symbols = frozenset([value]) if op == "symbol" else frozenset().union(*(a.symbols for a in args))
        node = _interned.setdefault(digest, node)
    return node


def const(value: float) -> Node:
    """A number."""
    return _intern("const", (), float(value))


def symbol(name: str) -> Node:
    """A named quantity: a coordinate, a parameter, a datum."""
    return _intern("symbol", (), name)


ZERO, ONE = const(0.0), const(1.0)


def is_const(node: Node, value: float | None = None) -> bool:
    """Whether a node is a number, or a certain number."""
    return node.op == "const" and (value is None or node.value == value)


# -- sums ------------------------------------------------------------------------------------------------------------


def add(a: Node, b: Node) -> Node:
    """``a + b``."""
    if is_const(a) and is_const(b):
        return const(a.value + b.value)
    if is_const(a, 0.0):
        return b
    if is_const(b, 0.0):
        return a
    if a is b:
        return mul(const(2.0), a)
    if _is_negative(b):
        return sub(a, neg(b))
    if _is_negative(a):
        return sub(b, neg(a))
    return _intern("sum", (a, b))


def sub(a: Node, b: Node) -> Node:
    """``a - b``."""
    if is_const(a) and is_const(b):
        return const(a.value - b.value)
    if a is b:
        return ZERO
    if is_const(b, 0.0):
        return a
    if is_const(a, 0.0):
        return neg(b)
    if _is_negative(b):
        return add(a, neg(b))
    return _intern("difference", (a, b))


def neg(a: Node) -> Node:
    """``-a``."""
    return sub(a.args[1], a.args[0]) if a.op == "difference" else mul(const(-1.0), a)


def total(terms: Iterable[Node]) -> Node:
    """The sum of several nodes, from left to right."""
    return reduce(add, terms, ZERO)


def _is_negative(a: Node) -> bool:
    return (a.op == "const" and a.value < 0) or (a.op == "product" and a.value[0] < 0)


# -- products --------------------------------------------------------------------------------------------------------


def mul(a: Node, b: Node) -> Node:
    """``a * b``."""
    ca, fa = factors(a)
    cb, fb = factors(b)
    merged = dict(fa)
    for base, exponent in fb.items():
        merged[base] = merged.get(base, 0) + exponent
    return product(ca * cb, merged)


def div(a: Node, b: Node) -> Node:
    """``a / b``."""
    if is_const(b, 0.0):
        raise ZeroDivisionError("the formula divides by the constant zero")
    return mul(a, int_power(b, -1))


def int_power(a: Node, exponent: int) -> Node:
    """``a ** exponent`` for a whole number."""
    coefficient, bases = factors(a)
    if exponent < 0 and coefficient == 0.0:
        raise ZeroDivisionError("the formula divides by the constant zero")
    return product(coefficient**exponent, {base: k * exponent for base, k in bases.items()})


def factors(a: Node) -> tuple[float, dict[Node, int]]:
    """A node as ``coefficient * prod(base ** exponent)``."""
    if a.op == "const":
        return a.value, {}
    if a.op == "product":
        coefficient, exponents = a.value
        return coefficient, dict(zip(a.args, exponents, strict=True))
    return 1.0, {a: 1}


def product(coefficient: float, bases: Mapping[Node, int]) -> Node:
    """The node ``coefficient * prod(base ** exponent)`` in its one canonical form."""
    kept = sorted(((b, k) for b, k in bases.items() if k), key=lambda item: _order(item[0]))
    if coefficient == 0.0 or not kept:
        return const(coefficient)
    if coefficient == 1.0 and len(kept) == 1 and kept[0][1] == 1:
        return kept[0][0]
    return _intern("product", tuple(b for b, _ in kept), (coefficient, tuple(k for _, k in kept)))


def _order(node: Node) -> tuple[int, str, bytes]:
    # Symbols first, by name, then small parts before large ones: the same order in every process.
    return (node.size, node.value if node.op == "symbol" else "", node.digest)


# -- functions -------------------------------------------------------------------------------------------------------


def power(a: Node, b: Node) -> Node:
    """``a ** b``; whole and half-whole constant exponents become products and square roots."""
    if is_const(a) and is_const(b):
        return const(float(np.power(a.value, b.value)))
    if is_const(a, 1.0) or is_const(b, 0.0):
        return ONE
    if is_const(b) and abs(b.value) <= LARGEST_PRODUCT_POWER:
        if b.value == int(b.value):
            return int_power(a, int(b.value))
        if 2 * b.value == int(2 * b.value) and abs(b.value) < 4:
            whole = math.floor(b.value)
            return mul(int_power(a, whole), call("sqrt", a))
    return _intern("pow", (a, b))


def call(name: str, *args: Node) -> Node:
    """The function ``name`` of `FUNCTIONS` on nodes; on numbers it is evaluated at once."""
    function = FUNCTIONS[name]
    if len(args) != function.arity:
        raise TypeError(f"{name} takes {function.arity} arguments, got {len(args)}")
    if all(is_const(a) for a in args):
        with np.errstate(all="ignore"):
            return const(float(function.evaluate(*(a.value for a in args))))
    if name == "pow":
        return power(*args)
    if name == "select" and (is_const(args[0]) or args[1] is args[2]):
        return args[1] if is_const(args[0]) and args[0].value else args[2]
    return _intern(name, args)


# -- reading ---------------------------------------------------------------------------------------------------------


def transform(node: Node, leaf: Callable[[Node], Any], combine: Callable[[Node, list[Any]], Any]) -> Any:
    """Fold a graph from its leaves, each shared part once and without recursion."""
    done: dict[Node, Any] = {}
    stack = [node]
    while stack:
        top = stack[-1]
        missing = [a for a in top.args if a not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if top not in done:
            done[top] = combine(top, [done[a] for a in top.args]) if top.args else leaf(top)
    return done[node]


def rebuild(node: Node, args: list[Node]) -> Node:
    """The same operation on other operands, simplified again."""
    match node.op:
        case "sum":
            return add(*args)
        case "difference":
            return sub(*args)
        case "product":
            coefficient, exponents = node.value
            powers = (int_power(a, k) for a, k in zip(args, exponents, strict=True))
            return reduce(mul, powers, const(coefficient))
        case _:
            return call(node.op, *args)


def substitute(node: Node, replacements: Mapping[str, Node]) -> Node:
    """Put nodes in the place of symbols.

    >>> x, a = symbol("x"), symbol("a")
    >>> substitute(mul(a, x), {"a": mul(const(2.0), x)})
    2.0*x**2
    """
    return transform(node, lambda n: replacements.get(n.value, n) if n.op == "symbol" else n, rebuild)  # type: ignore[no-any-return]


def evaluate(node: Node, values: Mapping[str, Any]) -> Any:
    """Compute a formula with NumPy, element by element of the arrays in `values`.

    >>> float(evaluate(add(symbol("x"), const(1.0)), {"x": 2.0}))
    3.0
    """

    def leaf(n: Node) -> Any:
        value = n.value if n.op == "const" else values[n.value]
        return np.float64(value) if isinstance(value, int | float) else value

    def combine(n: Node, args: list[Any]) -> Any:
        if n.op == "sum":
            return args[0] + args[1]
        if n.op == "difference":
            return args[0] - args[1]
        if n.op == "product":
            coefficient, exponents = n.value
            return reduce(
                lambda a, b: a * b, (a ** float(k) for a, k in zip(args, exponents, strict=True)), coefficient
            )
        return FUNCTIONS[n.op].evaluate(*args)

    with np.errstate(all="ignore"):
        return transform(node, leaf, combine)


def to_text(node: Node) -> str:
    """A formula as people write it."""

    def combine(n: Node, args: list[str]) -> str:
        if n.op in ("sum", "difference"):
            return f"({args[0]} {'+' if n.op == 'sum' else '-'} {args[1]})"
        if n.op == "product":
            coefficient, exponents = n.value
            powers = [a if k == 1 else f"{a}**{k}" for a, k in zip(args, exponents, strict=True)]
            return "*".join(([repr(coefficient)] if coefficient != 1.0 else []) + powers)
        return f"{n.op}({', '.join(args)})"

    return transform(node, lambda n: str(n.value), combine)  # type: ignore[no-any-return]

"""Writes a graph as Python assignments, each shared part once: what does not vary before the loop, the rest inside."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from manyfit.kernels._expression import ONE, ZERO, Node, call, const, factors, is_const, mul, neg, product
from manyfit.kernels._functions import CONDITIONS
from manyfit.kernels._sign import is_never_negative

LN_2 = math.log(2.0)
LOG2_E = 1.0 / LN_2


@dataclass
class Writer:
    """Assignments so far.

    Attributes
    ----------
    real
        The type of all numbers, ``"float64"`` or ``"float32"``.
    coordinates
        The symbols that differ from point to point.
    before, inside
        Lines that stand before the loop over points, and inside of it.
    names, conditions
        What holds the value of a node: a local name, for conditions the name of a truth value.
    imports
        The mathematical functions that are called.
    """

    real: str
    coordinates: frozenset[str]
    before: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    conditions: dict[Node, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    partial_products: list[tuple[dict[Node, int], str]] = field(default_factory=list)

    def varies(self, node: Node) -> bool:
        return bool(node.symbols & self.coordinates)

    def number(self, value: float) -> str:
        literal = f"({value!r})" if value < 0 else repr(value)
        return literal if self.real == "float64" else f"float32({literal})"

    def assign(self, text: str, varies: bool, stem: str = "") -> str:
        lines = self.inside if varies else self.before
        name = (
            f"{stem or ('t' if varies else 'k')}{len(self.names) + len(self.conditions) + len(self.partial_products)}"
        )
        lines.append(f"{name} = {text}")
        return name

    def write(self, node: Node) -> str:
        """The name (or literal) that holds the number `node`."""
        if node.op == "const":
            return self.number(node.value)
        if node not in self.names:
            self.names[node] = self._write_new(node)
        return self.names[node]

    def condition(self, node: Node) -> str:
        """The text of a condition."""
        if node.op not in CONDITIONS:
            return f"({self.write(node)} != {self.number(0.0)})"
        if node not in self.conditions:
            self.conditions[node] = self.assign(self._condition_text(node), self.varies(node), "is")
        return self.conditions[node]

    def _condition_text(self, node: Node) -> str:
        if node.op == "logical_not":
            return f"not {self.condition(node.args[0])}"
        if node.op in _LOGIC:
            return f" {_LOGIC[node.op]} ".join(self.condition(a) for a in node.args)
        return f" {_COMPARISONS[node.op]} ".join(self.write(a) for a in node.args)

    def _write_new(self, node: Node) -> str:
        varies = self.varies(node)
        match node.op:
            case "sum" | "difference":
                sign = "+" if node.op == "sum" else "-"
                return self.assign(f"{self.write(node.args[0])} {sign} {self.write(node.args[1])}", varies)
            case "product":
                return self._write_product(node)
            case "select":
                self.imports.add("select")
                parts = [self.condition(node.args[0]), *(self.write(a) for a in node.args[1:])]
                return self.assign(f"select({', '.join(parts)})", varies)
            case op if op in CONDITIONS:
                self.imports.add("select")
                return self.assign(f"select({self.condition(node)}, {self.number(1.0)}, {self.number(0.0)})", varies)
            case "exp":
                return self._write_exponential(node.args[0], varies)
            case "pow" if varies and not is_const(node.args[1]) and not self.varies(node.args[1]):
                return self.write(self._power(*node.args))
            case "log" if (of_power := call("log2", call("fabs", node.args[0]))) in self.names:
                return self.assign(f"{self.number(LN_2)} * {self.names[of_power]}", varies)
            case name:
                self.imports.add(name)
                text = f"{name}({', '.join(self.write(a) for a in node.args)})"
                return self.assign(text if self.real == "float64" else f"{self.real}({text})", varies)

    def _write_exponential(self, argument: Node, varies: bool) -> str:
        """``exp``, or a cheaper relative.

        What can never be positive needs no test for overflow, and where the argument has a factor that is the same for
        all points, the change of base to 2 costs nothing.
        """
        coefficient, bases = factors(argument)
        is_scaled = coefficient != 1.0 or any(not self.varies(b) for b in bases)
        name = "exp2" if varies and is_scaled else "exp"
        if is_never_negative(neg(argument)):
            name += "_nonpositive"
        if is_scaled and varies:
            argument = mul(const(LOG2_E), argument)
        self.imports.add(name)
        return self.assign(f"{name}({self.write(argument)})", varies)

    def _power(self, base: Node, exponent: Node) -> Node:
        """``base ** exponent`` as ``2 ** (exponent * log2 |base|)``: its slope needs the same logarithm.

        The relative error is that of the product, ``|ln(result)|`` roundings. The sign that a negative base has under
        a whole exponent, and the NaN that it has under another, are the same for all points.
        """
        size = call("exp2", mul(exponent, call("log2", call("fabs", base))))
        if is_never_negative(base):
            return size
        half = mul(const(0.5), exponent)
        even = call("select", call("equal", call("rint", half), half), ONE, const(-1.0))
        sign = call("select", call("equal", call("rint", exponent), exponent), even, const(float("nan")))
        return mul(size, call("select", call("less", base, ZERO), sign, ONE))

    def _write_product(self, node: Node) -> str:
        coefficient, bases = factors(node)
        moving = {b: k for b, k in bases.items() if self.varies(b)}
        still = {b: k for b, k in bases.items() if b not in moving}
        if not moving:
            return self._multiply(coefficient, still, varies=False)
        if not still:
            return self._multiply(coefficient, moving, varies=True)
        constant = self.write(product(coefficient, still))
        return self.assign(f"{constant} * {self.write(product(1.0, moving))}", True)

    def _multiply(self, coefficient: float, bases: dict[Node, int], *, varies: bool) -> str:
        if coefficient != 1.0:
            rest = self.write(product(1.0, bases))
            return self.assign(f"-{rest}" if coefficient == -1.0 else f"{self.number(coefficient)} * {rest}", varies)
        if len(bases) == 1:
            ((base, exponent),) = bases.items()
            if exponent == -1:
                return self.assign(f"{self.number(1.0)} / {self.write(base)}", varies)
        known, rest_bases = self._largest_known(bases)
        name = self.assign(f"{known} * {self.write(product(1.0, rest_bases))}", varies)
        self.partial_products.append((bases, name))
        return name

    def _largest_known(self, bases: dict[Node, int]) -> tuple[str, dict[Node, int]]:
        """Split a product into a part that has a name already and the rest."""
        best: tuple[dict[Node, int], str] | None = None
        for part, name in self.partial_products:
            divides = all(0 < k <= bases.get(b, 0) or bases.get(b, 0) <= k < 0 for b, k in part.items())
            if divides and part != bases and (best is None or _degree(part) > _degree(best[0])):
                best = part, name
        if best is None:
            base, exponent = next(iter(bases.items()))
            step = 1 if exponent > 0 else -1
            if len(bases) == 1 and abs(exponent) > 3:
                step *= abs(exponent) // 2
            best = {base: step}, self.write(product(1.0, {base: step}))
        rest = {b: k - best[0].get(b, 0) for b, k in bases.items()}
        return best[1], {b: k for b, k in rest.items() if k}


_COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
_LOGIC = {"logical_and": "&", "logical_or": "|"}


def _degree(bases: dict[Node, int]) -> int:
    return sum(abs(k) for k in bases.values())

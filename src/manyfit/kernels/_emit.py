"""Source of a kernel: one pass over the points gives the statistic, its gradient and the normal matrix.

Every derivative is split into a part that is the same for all points and a part that varies. The first is applied once
after the loop; sums are taken over products of the second. Products that are equal are summed once: the normal matrix
of a Gaussian has five different sums, not six, that of a polynomial is a Hankel matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import ONE, ZERO, Node, add, factors, mul, product, symbol, to_text
from manyfit.kernels._formula import Formula, coordinate
from manyfit.kernels._solver import CHUNK
from manyfit.kernels._statistics import DATUM, STATISTICS, WEIGHT, Terms
from manyfit.kernels._writer import Writer

#: Sums that a processor keeps in registers; with more, rows of a chunk of points are stored first (see `_in_rows`).
SUMS_IN_REGISTERS = 22
#: Side of the square of rows whose products are summed in one loop.
ROW_TILE = 4

INDENT = "    "


@dataclass(frozen=True)
class KernelSpec:
    """What one kernel computes: a formula, a statistic, whether points have weights, and the type of its numbers."""

    formula: Formula
    statistic: str = "chi2"
    weighted: bool = False
    real: str = "float64"

    @property
    def terms(self) -> Terms:
        """The statistic of one point."""
        return STATISTICS[self.statistic](self.formula.value, WEIGHT if self.weighted else ONE)


@dataclass(frozen=True)
class Row:
    """The derivative by one free parameter, ``constant * varying``."""

    constant: Node
    varying: Node


@dataclass(frozen=True)
class Sums:
    """The different sums of a kernel, and the local name of each.

    `gradient` has one for each different varying part, `matrix` one for each different product of two of them.
    """

    rows: list[Row]
    gradient: dict[Node, str]
    matrix: dict[Node, tuple[Node, Node, str]]

    @classmethod
    def of(cls, rows: list[Row]) -> Sums:
        """Number the different sums of the rows of a formula."""
        gradient: dict[Node, str] = {}
        matrix: dict[Node, tuple[Node, Node, str]] = {}
        for row in rows:
            gradient.setdefault(row.varying, f"g{len(gradient)}")
        for a, b in combinations_with_replacement(rows, 2):
            matrix.setdefault(mul(a.varying, b.varying), (a.varying, b.varying, f"h{len(matrix)}"))
        return cls(rows, gradient, matrix)

    @property
    def names(self) -> list[str]:
        """The local names of all sums, the statistic first."""
        return ["statistic", *self.gradient.values(), *(name for _, _, name in self.matrix.values())]

    @property
    def pairs(self) -> list[tuple[Node, Node, str]]:
        """The products that are not zero everywhere."""
        return [pair for pair in self.matrix.values() if ZERO not in pair[:2]]


def n_rows(spec: KernelSpec) -> int:
    """Length of the scratch space ``rows`` that a kernel needs."""
    return (len(spec.formula.free) + 1) * CHUNK


def source(spec: KernelSpec) -> str:
    """The Python source of a kernel module.

    It is the same for every target but for its imports: ``{target}`` stands for the module with the mathematical
    functions.
    """
    kernel = _function(
        "kernel(p, x, y, w, points, g, h, rows)", "Half gradient in g, lower triangle of the normal matrix in h."
    )
    writer = _writer(spec)
    functions = [*kernel, *_indented(_kernel_body(spec, writer))]
    if spec.terms.is_curved:
        second = _writer(spec)
        functions += [
            "",
            "",
            *_function(
                "information(p, x, y, w, points, g, h, rows)", "Half the second derivatives, lower triangle in h."
            ),
        ]
        functions += _indented(_information_body(spec, second))
        writer.imports |= second.imports
    return "\n".join([*_header(spec, writer), *functions, ""])


def _writer(spec: KernelSpec) -> Writer:
    inputs = [coordinate(i) for i in range(spec.formula.n_inputs)]
    writer = Writer(spec.real, frozenset(n.value for n in (*inputs, DATUM, WEIGHT)))
    for index, name in enumerate(spec.formula.free + spec.formula.fixed):
        writer.names[symbol(name)] = f"p_{name}"
        writer.before.append(f"p_{name} = p[{index}]")
    writer.names |= {node: f"x_{i}" for i, node in enumerate(inputs)}
    writer.names |= {DATUM: "y_i", WEIGHT: "w_i"}
    return writer


def _header(spec: KernelSpec, writer: Writer) -> list[str]:
    lines = [f'"""{spec.statistic} of {to_text(spec.formula.value)}"""', "", "from math import inf, nan", ""]
    if spec.real == "float32":
        lines.append("from numpy import float32")
    if writer.imports:
        lines.append(f"from {{target}} import {', '.join(sorted(writer.imports))}")
    return [*lines, "", ""]


def _function(signature: str, text: str) -> list[str]:
    return [f"def {signature}:", f'{INDENT}"""{text}"""']


def _indented(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]


def _loads(spec: KernelSpec) -> list[str]:
    starts = ["i", *(f"{k} * points + i" for k in range(1, spec.formula.n_inputs))]
    lines = [f"x_{k} = x[{start}]" for k, start in enumerate(starts)]
    return [*lines, "y_i = y[i]", *(["w_i = w[i]"] if spec.weighted else [])]


def _start(writer: Writer, names: list[str]) -> list[str]:
    return [f"{name} = {writer.number(0.0)}" for name in names]


def _split(node: Node, moving: frozenset[str]) -> tuple[Node, Node]:
    """A node as (what is the same for all points) * (what varies)."""
    coefficient, bases = factors(node)
    varying = {b: k for b, k in bases.items() if b.symbols & moving}
    still = {b: k for b, k in bases.items() if b not in varying}
    return product(coefficient, still), product(1.0, varying) if coefficient != 0.0 else ZERO


# -- the kernel ------------------------------------------------------------------------------------------------------


def _kernel_body(spec: KernelSpec, writer: Writer) -> list[str]:
    terms = spec.terms
    formula = spec.formula
    sums = Sums.of([Row(*_split(derivative(formula.value, name), writer.coordinates)) for name in formula.free])
    slope, other = writer.write(terms.slope), writer.write(terms.factor)
    point = [f"statistic += {_times(other, slope) if terms.has_slope else other}"]
    point += [
        f"{name} += {_times(slope, writer.write(varying))}"
        for varying, name in sums.gradient.items()
        if varying is not ZERO
    ]
    weight = writer.write(terms.weight)
    constants = [writer.write(row.constant) for row in sums.rows]
    layout = _in_registers if len(sums.names) <= SUMS_IN_REGISTERS else _in_rows
    loop = layout(spec, writer, sums, point, weight)
    return [*writer.before, *_start(writer, sums.names), *loop, *_scatter(sums, constants), "return statistic"]


def _times(a: str, b: str) -> str:
    """``a * b`` without the ones."""
    if b in _ONES:
        return a
    return b if a in _ONES else f"{a} * {b}"


_ONES = ("1.0", "float32(1.0)")


def _products(pairs: list[tuple[Node, Node, str]], weight: str, names: dict[Node, str]) -> list[str]:
    """Lines ``h += weight * a * b``, with ``weight * a`` made once for each ``a``."""
    lines = []
    weighted: dict[Node, str] = {}
    for a, b, name in pairs:
        if a not in weighted:
            text = _times(weight, names[a])
            weighted[a] = text if "*" not in text else f"q{len(weighted)}"
            lines += [f"{weighted[a]} = {text}"] if "*" in text else []
        lines.append(f"{name} += {_times(weighted[a], names[b])}")
    return lines


def _in_registers(spec: KernelSpec, writer: Writer, sums: Sums, point: list[str], weight: str) -> list[str]:
    """One loop, all sums held at once: for models with few parameters."""
    names = {v: writer.write(v) for v in sums.gradient}
    lines = [*_loads(spec), *writer.inside, *point, *_products(sums.pairs, weight, names)]
    return ["for i in range(points):", *_indented(lines)]


def _in_rows(spec: KernelSpec, writer: Writer, sums: Sums, point: list[str], weight: str) -> list[str]:
    """Rows of derivatives of a chunk of points are stored, then multiplied square by square: for many parameters."""
    stored = {writer.write(v): v for v in sums.gradient if v not in (ZERO, ONE)}
    texts = [*stored, *([weight] if weight not in _ONES else [])]
    slots = {text: k for k, text in enumerate(texts)}
    rows = [f"rows[{slot * CHUNK} + j] = {text}" for text, slot in slots.items()]
    fill = ["i = start + j", *_loads(spec), *writer.inside, *point, *rows]
    lines = [f"n = min({CHUNK}, points - start)", "for j in range(n):", *_indented(fill)]
    for pairs in _squares(sums, list(stored.values())):
        lines += _square_loop(writer, pairs, weight, slots)
    return [f"for start in range(0, points, {CHUNK}):", *_indented(lines)]


def _squares(sums: Sums, order: list[Node]) -> list[list[tuple[Node, Node, str]]]:
    """The products of the matrix, grouped so that one loop reads few rows and makes many products."""
    tile = {v: k // ROW_TILE for k, v in enumerate(order)}
    groups: dict[tuple[int, int], list[tuple[Node, Node, str]]] = {}
    for a, b, name in sums.pairs:
        groups.setdefault((tile.get(a, 0), tile.get(b, 0)), []).append((a, b, name))
    return list(groups.values())


def _square_loop(writer: Writer, pairs: list[tuple[Node, Node, str]], weight: str, slots: dict[str, int]) -> list[str]:
    names = {v: writer.write(v) for a, b, _ in pairs for v in (a, b)}
    used = dict.fromkeys(text for text in (*names.values(), weight) if text not in _ONES)
    loads = [f"{text} = rows[{slots[text] * CHUNK} + j]" for text in used]
    # Sums of one chunk are taken in names of their own, so that each loop is short enough for registers.
    partial = [(a, b, f"s_{name}") for a, b, name in pairs]
    return [
        *_start(writer, [name for _, _, name in partial]),
        "for j in range(n):",
        *_indented([*loads, *_products(partial, weight, names)]),
        *(f"{name} += s_{name}" for _, _, name in pairs),
    ]


def _scatter(sums: Sums, constants: list[str]) -> list[str]:
    """Apply the constant parts and put every entry in its place."""
    lines = [
        f"g[{i}] = {_times(constant, sums.gradient[row.varying])}"
        for i, (row, constant) in enumerate(zip(sums.rows, constants, strict=True))
    ]
    for j, b in enumerate(sums.rows):
        for i, a in enumerate(sums.rows[: j + 1]):
            name = sums.matrix[mul(a.varying, b.varying)][2]
            lines.append(f"h[{j * len(sums.rows) + i}] = {_times(_times(constants[i], constants[j]), name)}")
    return lines


# -- the observed information ----------------------------------------------------------------------------------------


def _information_body(spec: KernelSpec, writer: Writer) -> list[str]:
    """Half the Hessian, ``sum curvature * d_i d_j + slope * d_ij``: with the second derivatives of the model."""
    formula, terms = spec.formula, spec.terms
    first = [derivative(formula.value, name) for name in formula.free]
    places, lines = [], []
    for j, name in enumerate(formula.free):
        for i in range(j + 1):
            second = derivative(first[i], name)
            term = add(mul(terms.curvature, mul(first[i], first[j])), mul(terms.slope, second))
            places.append((f"h{i}_{j}", f"h[{j * len(first) + i}]"))
            lines.append(f"h{i}_{j} += {writer.write(term)}")
    loop = [*_start(writer, [name for name, _ in places]), "for i in range(points):"]
    loop += _indented([*_loads(spec), *writer.inside, *lines])
    return [*writer.before, *loop, *(f"{place} = {name}" for name, place in places), f"return {writer.number(0.0)}"]

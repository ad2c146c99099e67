"""Call one compiled kernel on plain arrays, as the solver does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types

from manyfit.kernels import KernelSpec
from manyfit.kernels._emit import n_rows
from manyfit.kernels.targets import cpu, python


@dataclass(frozen=True)
class Sums:
    """Statistic, half gradient and normal matrix (whole, from its lower triangle)."""

    statistic: float
    gradient: np.ndarray
    matrix: np.ndarray


@cache
def _door(real: str) -> Any:
    number = getattr(types, real)
    array = number[::1]
    at, call = cpu.at, cpu.call
    signature = number(types.intp, *[array] * 4, types.int64, *[array] * 3)

    @numba.njit(signature)
    def door(kernel, p, x, y, w, points, g, h, rows):
        return call(kernel, at(p, 0), at(x, 0), at(y, 0), at(w, 0), points, at(g, 0), at(h, 0), at(rows, 0))

    return door


def sums(spec: KernelSpec, p: Any, x: Any, y: Any, w: Any = None, *, target: str = "cpu", of: str = "kernel") -> Sums:
    """What a kernel, or its observed information, gives for one element."""
    n = len(spec.formula.free)
    arrays = [np.ascontiguousarray(a, spec.real).ravel() for a in (p, x, y, y if w is None else w)]
    g, h = np.full(n, np.nan, spec.real), np.full(n * n, np.nan, spec.real)
    rows = np.empty(n_rows(spec), spec.real)
    functions = cpu.kernel(spec) if target == "cpu" else python.kernel(spec)
    function = getattr(functions, of)
    call = (lambda *args: _door(spec.real)(function, *args)) if target == "cpu" else function
    statistic = call(*arrays, len(np.ravel(y)), g, h, rows)
    lower = np.tril(h.reshape(n, n))
    return Sums(float(statistic), g.astype(float), (lower + np.tril(lower, -1).T).astype(float))

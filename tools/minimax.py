"""Print the minimax polynomials of `manyfit.kernels.targets.vector` (Remez exchange in 60 digits).

Run ``python tools/minimax.py`` for all of them or name some: ``python tools/minimax.py EXP LOG``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Target:
    """Minimise the largest ``|weight (p - function)|`` on an interval, ``p`` of a degree per precision."""

    function: Function
    interval: tuple[mp.mpf, mp.mpf]
    degree: dict[int, int]
    weight: Function


def minimax(target: Target, degree: int, exchanges: int = 8) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients from the lowest order up, and the largest weighted error."""
    grid = _chebyshev(target.interval, 40 * (degree + 2))
    value, weight = [target.function(x) for x in grid], [target.weight(x) for x in grid]
    chosen = _nearest(grid, _chebyshev(target.interval, degree + 2))
    for _ in range(exchanges):
        rows = [[grid[i] ** k for k in range(degree + 1)] + [(-1) ** j / weight[i]] for j, i in enumerate(chosen)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([value[i] for i in chosen]))
        coefficients = list(solution)[: degree + 1]
        error = [w * (mp.polyval(coefficients[::-1], x) - v) for x, v, w in zip(grid, value, weight, strict=True)]
        chosen = _alternating(error, degree + 2)
    return coefficients, max(abs(e) for e in error)


def _chebyshev(interval: tuple[mp.mpf, mp.mpf], n: int) -> list[mp.mpf]:
    middle, half = (interval[0] + interval[1]) / 2, (interval[1] - interval[0]) / 2
    return [middle - half * mp.cos(mp.pi * k / (n - 1)) for k in range(n)]


def _nearest(grid: list[mp.mpf], points: list[mp.mpf]) -> list[int]:
    places = np.array([float(x) for x in grid])
    return [int(np.argmin(abs(places - float(p)))) for p in points]


def _alternating(error: list[mp.mpf], n: int) -> list[int]:
    """The largest error of each run of one sign; from both ends drop what is too many."""
    runs: list[int] = []
    for i, e in enumerate(error):
        if runs and e * error[runs[-1]] > 0:
            runs[-1] = i if abs(e) > abs(error[runs[-1]]) else runs[-1]
        else:
            runs.append(i)
    while len(runs) > n:
        runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
    if len(runs) < n:
        raise ArithmeticError(f"The error has {len(runs)} alternations, {n} are needed: lower the degree.")
    return runs


def _taylor(function: Function, order: int, variable: Function) -> Function:
    """``(function(v) - its Taylor terms below order) / v**order`` at ``v = variable(u)``."""
    known = mp.taylor(function, 0, order + 30)

    def rest(u: mp.mpf) -> mp.mpf:
        v = variable(u)
        if abs(v) < mp.mpf("1e-4"):
            return mp.polyval(known[order:][::-1], v)
        return (function(v) - mp.polyval(known[:order][::-1], v)) / v**order

    return rest


def _same(x: mp.mpf) -> mp.mpf:
    return x


NEAR_ZERO = mp.mpf("1e-6")  # keeps a weight positive
HALF = mp.mpf("0.5001")
HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0001")
QUARTER_PI = mp.pi / 4 * mp.mpf("1.0001")
S_MAX = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.0001")
TAN_EIGHTH = mp.tan(mp.pi / 8) * mp.mpf("1.0001")
SIN_REST = _taylor(mp.sin, 3, mp.sqrt)
COS_REST = _taylor(mp.cos, 4, mp.sqrt)
ATANH_REST = _taylor(mp.atanh, 3, mp.sqrt)
ATANH_REST5 = _taylor(mp.atanh, 5, mp.sqrt)
ATAN_REST = _taylor(mp.atan, 3, mp.sqrt)
ERF_RATIO = _taylor(mp.erf, 1, mp.sqrt)
ASIN_REST = _taylor(mp.asin, 3, mp.sqrt)


def _erfc(v: mp.mpf) -> mp.mpf:
    x = 6 / (mp.mpf("0.25") - v) - 3
    return mp.exp(x * x) * mp.erfc(x) * (x + 3)


def _erfc_variable(x: str) -> mp.mpf:
    return mp.mpf("0.25") - 6 / (mp.mpf(x) + 3)


ERFC_INTERVAL = (_erfc_variable("0.8"), _erfc_variable("27"))
TARGETS = {
    # exp(r) = 1 + r EXP(r), 2**r = 1 + r EXP2(r), exp(r) = 1 + r + r**2 EXPM1(r)
    "EXP": Target(
        _taylor(mp.exp, 1, _same),
        (-HALF_LN2, HALF_LN2),
        {64: 9, 32: 4},
        lambda r: abs(r) / mp.exp(r) + NEAR_ZERO,
    ),
    "EXP2": Target(
        _taylor(lambda r: mp.mpf(2) ** r, 1, _same),
        (-HALF, HALF),
        {64: 9, 32: 4},
        lambda r: abs(r) / mp.mpf(2) ** r + NEAR_ZERO,
    ),
    "EXPM1": Target(_taylor(mp.exp, 2, _same), (-HALF_LN2, HALF_LN2), {64: 9, 32: 4}, lambda r: abs(r) + NEAR_ZERO),
    # sin(r) = r + r**3 SIN(r**2), cos(r) = 1 - r**2 / 2 + r**4 COS(r**2)
    "SIN": Target(SIN_REST, (mp.mpf(0), QUARTER_PI**2), {64: 5, 32: 2}, lambda u: u + NEAR_ZERO),
    "COS": Target(COS_REST, (mp.mpf(0), QUARTER_PI**2), {64: 5, 32: 2}, lambda u: u**2 + NEAR_ZERO),
    # 2 atanh(s) = 2 s + s**3 LOG(s**2)
    "LOG": Target(lambda u: 2 * ATANH_REST(u), (mp.mpf(0), S_MAX**2), {64: 6, 32: 2}, lambda u: u + NEAR_ZERO),
    # 2 atanh(s) = 2 s + 2/3 s**3 + s**5 POW(s**2)
    "POW": Target(lambda u: 2 * ATANH_REST5(u), (mp.mpf(0), S_MAX**2), {64: 7, 32: 3}, lambda u: u**2 + NEAR_ZERO),
    # atan(t) = t + t**3 ATAN(t**2), asin(s) = s + s**3 ASIN(s**2)
    "ATAN": Target(ATAN_REST, (mp.mpf(0), TAN_EIGHTH**2), {64: 10, 32: 4}, lambda u: u + NEAR_ZERO),
    "ASIN": Target(ASIN_REST, (mp.mpf(0), mp.mpf("0.25")), {64: 11, 32: 4}, lambda u: u + NEAR_ZERO),
    # erf(x) = x + x ERF(x**2)
    "ERF": Target(
        lambda u: _taylor(mp.erf, 1, mp.sqrt)(u) - 1,
        (mp.mpf(0), mp.mpf("0.6401")),
        {64: 10, 32: 5},
        lambda _: mp.mpf(1),
    ),
    # erfc(x) = exp(-x**2) / (x + 3) ERFC(1/4 - 6 / (x + 3))
    "ERFC": Target(_erfc, (_erfc_variable("0.8"), _erfc_variable("27")), {64: 19, 32: 9}, lambda t: 1 / _erfc(t)),
}


def main() -> None:
    """Print the tables named on the command line, or all."""
    for name in sys.argv[1:] or TARGETS:
        target = TARGETS[name]
        print(f"{name} = {{")
        for width, degree in target.degree.items():
            coefficients, error = minimax(target, degree)
            number = float if width == 64 else np.float32
            print(f"    # largest error 2**{float(mp.log(error, 2)):.1f}")
            print(f"    {width}: (")
            for c in coefficients:
                print(f"        {float(c)!r}," if width == 64 else f"        {number(c)!s},")
            print("    ),")
        print("}")


if __name__ == "__main__":
    main()

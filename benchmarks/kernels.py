"""Time of a kernel per point and evaluation, over that of NumPy's exp per value. One core.

Run with ``python -m benchmarks.kernels``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from astropy.modeling import models
from numba import types

from benchmarks.timing import Row, best_of, show
from manyfit.kernels import KernelSpec
from manyfit.kernels.targets import cpu
from manyfit.models import formula

POINTS = 304
TARGETS = {
    "Gaussian1D": (models.Gaussian1D(1, 50, 5), 1.3),
    "Moffat1D": (models.Moffat1D(1, 50, 5, 2.5), 5.0),
    "PowerLaw1D": (models.PowerLaw1D(1, 30, 1.5), 5.0),
    "Gaussian1D + Linear1D": (models.Gaussian1D(1, 50, 5) + models.Linear1D(0.1, 0.2), None),
    "2 Gaussian1D + Polynomial1D(2)": (
        models.Gaussian1D(1, 30, 5) + models.Gaussian1D(1, 70, 5) + models.Polynomial1D(2),
        None,
    ),
    "3 Gaussian1D": (models.Gaussian1D(1, 30, 5) + models.Gaussian1D(1, 50, 5) + models.Gaussian1D(1, 70, 5), None),
    "Voigt1D": (models.Voigt1D(50, 1, 3, 4), None),
}


@numba.njit
def _repeat(kernel: Any, times: int, p: Any, x: Any, y: Any, g: Any, h: Any, rows: Any) -> float:
    total = 0.0
    for _ in range(times):
        p[0] += 1e-9  # so that no evaluation is like the last
        data = cpu.at(p, 0), cpu.at(x, 0), cpu.at(y, 0)
        total += cpu.call(kernel, *data, data[2], y.size, cpu.at(g, 0), cpu.at(h, 0), cpu.at(rows, 0))
    return total


def nanoseconds_per_point(model: Any) -> float:
    """Time of one evaluation of statistic, gradient and normal matrix, per point."""
    spec = KernelSpec(formula(model))
    array = types.float64[::1]
    repeat = numba.njit(types.float64(types.intp, types.int64, *[array] * 6))(_repeat.py_func)
    x = np.linspace(1.0, 100.0, POINTS)
    y = model(x) + np.random.default_rng(0).normal(0, 0.1, POINTS)
    n = len(model.param_names)
    scratch = np.zeros(n), np.zeros(n * n), np.zeros((n + 1) * 256)
    start = np.array(model.parameters, float)
    times = 20_000 // n
    compiled = cpu.kernel(spec)
    return best_of(lambda: repeat(compiled.kernel, times, start, x, y, *scratch), 9) / times / POINTS * 1e9


def nanoseconds_of_exp() -> float:
    """Time of NumPy's exp per value, in cache."""
    values = np.random.default_rng(0).uniform(-20, 0, (64, POINTS))
    out = np.empty_like(values)
    return best_of(lambda: [np.exp(values, out=out) for _ in range(50)], 9) / 50 / values.size * 1e9


def main() -> None:
    """Measure all models."""
    rows = []
    for name, (model, target) in TARGETS.items():
        exp, kernel = nanoseconds_of_exp(), nanoseconds_per_point(model)
        ratio = kernel / exp
        rows.append(
            Row(
                f"{name}: ns per point and evaluation / NumPy exp",
                f"{ratio:.2f} ({kernel:.2f} / {exp:.2f} ns)",
                "" if target is None else f"<= {target}",
                target is None or ratio <= target,
            )
        )
    show(rows)


if __name__ == "__main__":
    main()

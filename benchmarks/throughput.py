"""Fits a second through `manyfit.fit`: one core, two cores, float64 and mixed precision.

Run with ``python -m benchmarks.throughput``.
"""

from __future__ import annotations

import numpy as np
from astropy.modeling.models import Gaussian1D
from numpy.typing import NDArray

import manyfit
from benchmarks.timing import Row, best_of, show

CHANNELS = 300


def spectra(count: int) -> tuple[NDArray[np.float64], Gaussian1D]:
    """Lines of S/N 10 and the start a user would give: near the line, not on it."""
    rng = np.random.default_rng(1)
    x = np.arange(CHANNELS, dtype=float)
    mean = rng.uniform(100, 200, (count, 1))
    width = rng.uniform(8, 12, (count, 1))
    data = np.exp(-0.5 * ((x - mean) / width) ** 2)
    data += rng.normal(0, 0.1, data.shape)
    start = Gaussian1D(0.8 * np.ones(count), mean[:, 0] + rng.normal(0, 3, count), 9.0 * np.ones(count))
    return data, start


def rate(data: NDArray[np.float64], start: Gaussian1D, workers: int, precision: str = "float64") -> float:
    """Fits a second, best of five."""

    def run() -> None:
        manyfit.fit(start, data, fitting_axes=1, workers=workers, precision=precision)

    run()
    return len(data) / best_of(run)


def main() -> None:
    """One core, then two."""
    data, start = spectra(100_000)
    double, mixed = rate(data, start, 1), rate(data, start, 1, "mixed")
    what = f"100,000 spectra x {CHANNELS} channels, S/N 10, one Gaussian, one core"
    rows = [
        Row(f"{what}: float64", f"{double / 1e3:.0f} k/s", ">= 250 k/s", double >= 250e3),
        Row(f"{what}: mixed", f"{mixed / 1e3:.0f} k/s", ">= 400 k/s", mixed >= 400e3),
    ]
    data, start = spectra(1_000_000)
    speedup = rate(data, start, 2) / rate(data, start, 1)
    rows.append(Row("1,000,000 spectra: two cores over one", f"{speedup:.2f}", ">= 1.9", speedup >= 1.9))
    show(rows)


if __name__ == "__main__":
    main()

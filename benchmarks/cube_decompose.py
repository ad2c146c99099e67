"""Number of components of simulated spectra, and time to decompose L1448.

Run with ``python -m benchmarks.cube_decompose``.
"""

from __future__ import annotations

from functools import partial

import astropy.units as u
import numpy as np

from benchmarks.timing import Row, best_of, show
from manyfit.cube import decompose, read
from manyfit.cube._spectra import gaussians
from manyfit.datasets import l1448

CHANNELS = 120
SPECTRA = 3334
FWHM = 2.354820045


def lines(number: int, rng: np.random.Generator) -> np.ndarray:
    """Amplitude, mean and width of lines of S/N 8 to 30, 1.5 times the larger FWHM apart or more."""
    made = np.empty((SPECTRA, 3 * number))
    for row in made:
        gap = -1.0
        while gap < 0:
            width = rng.uniform(1.5, 5.0, number)
            mean = np.sort(rng.uniform(3 * width.max(), CHANNELS - 3 * width.max(), number))
            gap = np.min(np.diff(mean) - 1.5 * FWHM * np.maximum(width[1:], width[:-1]), initial=1.0)
        row[:] = np.stack([rng.uniform(8, 30, number), mean, width], axis=1).reshape(-1)
    return made


def share(number: int, criterion: str) -> tuple[float, float]:
    """Part of the spectra with the right number of components, and with too many."""
    rng = np.random.default_rng(number)
    x = np.arange(float(CHANNELS))
    data = gaussians(x[None], lines(number, rng)) + rng.normal(size=(SPECTRA, CHANNELS))
    cube = read(np.ascontiguousarray(data.T)[:, None] * u.K, spectral_axis=x * u.km / u.s)
    found = decompose(cube, noise=1.0, max_components=4, criterion=criterion, match=False).n_components
    return float(np.mean(found == number)), float(np.mean(found > number))


def main() -> None:
    """The share of right numbers, of false components, and the time for L1448 with up to 3."""
    rows = []
    for criterion in ("aicc", "bic"):
        shares = [share(number, criterion) for number in (1, 2, 3)]
        right, more = np.mean(shares, axis=0)
        what = f"decompose, {criterion}, {3 * SPECTRA:,} spectra of 1 to 3 lines"
        rows.append(Row(f"{what}: right number", f"{right:.2%}", ">= 95 %", right >= 0.95))
        rows.append(Row(f"{what}: too many", f"{more:.2%}", "<= 1 %", more <= 0.01))
    cube = read(l1448(), unit="K")
    for noise in (0.34, 0.19):
        seconds = best_of(partial(decompose, cube, noise=noise), 5)
        what = f"decompose L1448, 11,025 spectra, up to 3 components, noise {noise} K"
        rows.append(Row(what, f"{seconds:.2f} s", "<= 10 s", seconds <= 10))
    show(rows)


if __name__ == "__main__":
    main()

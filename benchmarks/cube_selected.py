"""Fit of a few spectra of a large cube: the others must cost nothing.

Run with ``python -m benchmarks.cube_selected``. A cube of 300 x 512 x 512 in memory of which 5 % are selected, in one
piece and scattered, against the same spectra alone as a cube of their own. What is selected lies apart in memory: the
rest of the difference is the time to fetch it.
"""

from __future__ import annotations

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from benchmarks.timing import Row, best_of, show
from manyfit import cube

SHAPE = (300, 512, 512)
PART = 0.05
TARGET = 4.0


def main() -> None:
    """Both kinds of selection."""
    rng = np.random.default_rng(0)
    velocity = np.linspace(-50, 50, SHAPE[0])
    data = rng.standard_normal(SHAPE, dtype=np.float32) * np.float32(0.1)
    data += (2 * np.exp(-0.5 * ((velocity - 3) / 4) ** 2)).astype(np.float32)[:, None, None]
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    disc = (y - 200) ** 2 + (x - 250) ** 2 < PART * y.size / np.pi
    whole = cube.read(data * u.K, spectral_axis=velocity * u.km / u.s)
    show([_row("in one piece", whole, disc), _row("scattered", whole, rng.random(SHAPE[1:]) < PART)])


def _row(kind: str, whole: cube.Cube, select: NDArray[np.bool]) -> Row:
    values = np.ascontiguousarray(whole.values()[:, select])[:, None]
    alone = cube.read(values * u.K, spectral_axis=whole.spectral_axis)

    def fit(co: cube.Cube, where: NDArray[np.bool] | None = None) -> None:
        cube.fit_lines(co, where, noise=0.1 * u.K, coherence=False)

    fit(alone)
    some, own = best_of(lambda: fit(whole, select)), best_of(lambda: fit(alone))
    every = best_of(lambda: fit(whole), 1)
    return Row(
        f"{select.sum()} of {select.size} spectra, {kind}: selected / as a cube of their own",
        f"{some / own:.1f}x ({some * 1e3:.0f} / {own * 1e3:.0f} ms; all spectra: {every * 1e3:.0f} ms)",
        f"<= {TARGET:.0f}x",
        some / own <= TARGET,
    )


if __name__ == "__main__":
    main()

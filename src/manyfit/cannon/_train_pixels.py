"""Train all pixels of a training set, tile by tile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, executor_for, plan, run

from ._normal_equations import TILE, Design, read_tile
from ._train_tile import Recipe, Trained, train_tile
from ._training_set import TrainingSet

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def train_pixels(
    stars: TrainingSet,
    design: Design,
    used: Bools,
    penalty: Floats,
    recipe: Recipe,
    scheduler: object = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    start: Floats | None = None,
) -> Trained:
    """Coefficients (T, P) and scatter (P,) of all pixels; `start` is a first guess of the latter."""
    executor = executor_for(scheduler, workers)
    theta, s2 = np.empty(used.shape), np.empty(stars.n_pixels)
    first = np.zeros(stars.n_pixels) if start is None else start
    n_bytes = 40 * stars.n_stars
    tiles = plan((stars.n_pixels,), bytes_per_element=n_bytes, n_workers=executor.n_workers, max_elements=TILE)

    def work(block: Block) -> Trained:
        pixels = block.slices[0]
        flux, ivar = read_tile(stars, pixels)
        own = np.ascontiguousarray(used[:, pixels])
        return train_tile(flux, ivar, design, own, penalty[pixels], recipe, first[pixels])

    def collect(block: Block, part: Trained) -> None:
        theta[:, block.slices[0]], s2[block.slices[0]] = part.theta, part.s2

    run(tiles, work, collect=collect, executor=executor, progress=progress)
    return Trained(theta, s2)

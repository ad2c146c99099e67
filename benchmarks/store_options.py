"""What `select` and `keep` cost with a store: python benchmarks/store_options.py [channels rows columns]."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.modeling.models import Gaussian1D

from manyfit import fit
from manyfit.datasets import simulate_cube

REPEATS = 3


def main(shape: tuple[int, int, int]) -> None:
    """Print the least time of each way."""
    model = Gaussian1D(1 * u.K, 4.5 * u.km / u.s, 0.4 * u.km / u.s)
    rng = np.random.default_rng(1)
    half, few = (rng.random(shape[1:]) < share for share in (0.5, 0.001))
    ways = {
        "memory": {},
        "store": {"store": True},
        "store, keep model": {"store": True, "keep": "model"},
        "store, keep both": {"store": True, "keep": ("model", "residual")},
        "memory, half selected": {"select": half},
        "store, half selected": {"store": True, "select": half},
        "memory, 1 of 1000 selected": {"select": few},
        "store, 1 of 1000 selected": {"store": True, "select": few},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cube.fits"
        simulate_cube(shape, noise=0.1).write(path)
        fit(model, path, select=few)
        best = dict.fromkeys(ways, np.inf)
        for i in range(REPEATS):
            for j, (name, options) in enumerate(ways.items()):
                place = {"store": Path(folder) / f"{i}-{j}.zarr"} if "store" in options else {}
                start = time.perf_counter()
                fit(model, path, **(options | place))
                best[name] = min(best[name], time.perf_counter() - start)
    for name, seconds in best.items():
        print(f"{name:30}{seconds:8.2f} s")


if __name__ == "__main__":
    given = tuple(map(int, sys.argv[1:]))
    main(given if len(given) == 3 else (100, 500, 500))

"""Simulated stars with known coefficients."""

from __future__ import annotations

import numpy as np

from manyfit.cannon import TrainingSet


def simulate(n_stars=300, n_pixels=120, *, scatter=0.01, order=2, seed=1):
    """Stars whose flux is a polynomial in two labels, with noise of 0.005 to 0.02 and scatter."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform([4000, 0], [5000, 3], (n_stars, 2))
    x = (labels - [4500, 1.5]) / [1000, 3]
    design = np.stack([np.ones(n_stars), *x.T, *(x.T**2), x[:, 0] * x[:, 1]], axis=1)
    if order == 1:
        design = design[:, :3]
    theta = rng.normal(0, 0.1, (n_pixels, design.shape[1]))
    theta[:, 0] = 0.9
    sigma = rng.uniform(0.005, 0.02, (n_stars, n_pixels))
    flux = design @ theta.T + rng.normal(size=sigma.shape) * np.hypot(sigma, scatter)
    return TrainingSet(np.linspace(15000.0, 15100.0, n_pixels), flux, 1 / sigma**2, labels, ("TEFF", "LOGG"))

"""Training and inference of The Cannon on 1624 stars of 8575 pixels: time and rate.

Run with ``python -m benchmarks.cannon``. Spectra are simulated: real ones differ in nothing that takes time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.timing import Row, best_of, show
from manyfit.cannon import CannonModel, TrainingSet, Vectorizer, train
from manyfit.cannon._normal_equations import Design
from manyfit.cannon._scaling import Scaling
from manyfit.cannon._train_pixels import train_pixels
from manyfit.cannon._train_tile import Recipe

STARS, PIXELS = 1624, 8575
USED = ((322, 3242), (3648, 6048), (6412, 8306))
NAMES = ("TEFF", "LOGG", "FE_H")


def stars() -> TrainingSet:
    """Quadratic spectra with S/N 150 and a scatter of 0.005; pixels between the chips are empty."""
    rng = np.random.default_rng(1)
    labels = rng.uniform([4000, 0.5, -1.5], [5200, 3.5, 0.4], (STARS, 3))
    design = Vectorizer.polynomial(NAMES).design(Scaling.of(labels).to_scaled(labels))
    theta = rng.normal(0, 0.03, (design.shape[1], PIXELS))
    theta[0] = 0.9
    flux = (design @ theta).astype("f4")
    flux += rng.normal(0, 0.0085, flux.shape).astype("f4")
    ivar = np.zeros(flux.shape, "f4")
    for first, last in USED:
        ivar[:, first:last] = 150.0**2
    return TrainingSet(np.linspace(15100.0, 17000.0, PIXELS), flux, ivar, labels, NAMES)


def coefficients(training_set: TrainingSet, penalty: float = 0.0) -> Callable[[], object]:
    """Coefficients alone, without scatter."""
    design = Vectorizer.polynomial(NAMES).design(Scaling.of(training_set.labels).to_scaled(training_set.labels))
    used = np.ones((design.shape[1], PIXELS), dtype=bool)
    return lambda: train_pixels(
        training_set, Design.of(design), used, np.full(PIXELS, penalty), Recipe(None, reweight=False)
    )


def rate(model: CannonModel, training_set: TrainingSet, workers: int) -> float:
    """Stars a second with covariance, from four starts, best of five."""
    flux, ivar = (np.tile(array, (3, 1)) for array in (training_set.flux, training_set.ivar))
    return len(flux) / best_of(lambda: model.infer(flux, ivar, workers=workers))


def main() -> None:
    training_set = stars()
    model = train(training_set)  # compiles
    model.infer(training_set.flux[:2], training_set.ivar[:2])
    plain = best_of(coefficients(training_set))
    sparse = best_of(coefficients(training_set, 1e3))
    full = best_of(lambda: train(training_set))
    per_pixel = 1e3 * (sparse - plain) * 2 / sum(last - first for first, last in USED)
    rows = [
        Row("coefficients only", f"{plain:.2f} s", "<= 0.3 s", plain <= 0.3),
        Row("with likeliest scatter, re-weighted", f"{full:.2f} s", "<= 1.5 s", full <= 1.5),
        Row("exact L1, beyond the sums, one core", f"{per_pixel:.3f} ms a pixel", "<= 0.3 ms", per_pixel <= 0.3),
    ]
    for workers, target in ((1, 7_500), (2, 15_000)):
        reached = rate(model, training_set, workers)
        what = f"inference, four starts, covariance, {workers} core{'s' * (workers > 1)}"
        rows.append(Row(what, f"{reached:,.0f} stars/s", f">= {target:,} stars/s", reached >= target))
    show(rows)


if __name__ == "__main__":
    main()

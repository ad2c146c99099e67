"""How good the labels of a model are: stars that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.pipeline._parameters import Integer
from manyfit.pipeline.tasks._training import Training

if TYPE_CHECKING:
    from astropy.table import Table


class Validate(Training):
    """Cross-validation: each star gets labels from a model that is trained on the other folds.

    Its product is a FITS table with a row for each star: its fold, and for each label NAME_TRUE, NAME and NAME_ERR. The
    header has, by number of the label, its name, the median difference, the robust scatter and the pull width.

    Parameters
    ----------
    folds
        Number of parts that the stars are dealt into.
    seed
        Of the order in which they are.
    training_set, label_names, order, regularization, scatter, workers
        As for `Train`.
    """

    version = "1"
    suffix = ".fits"
    folds = Integer(default=5)
    seed = Integer(default=0)

    def compute(self, inputs: Any) -> Table:  # noqa: ARG002  it requires nothing
        """True and found labels of all stars."""
        from astropy.table import Table

        stars = self.stars()
        fold = np.random.default_rng(self.seed).permutation(stars.n_stars) % self.folds
        found = np.full((2, *stars.labels.shape), np.nan)
        for k in range(self.folds):
            left = stars.select(fold == k)
            labels = self.train(stars.select(fold != k)).infer(left.flux, left.ivar, mask=left.mask)
            errors = [labels.error(name) for name in stars.label_names]
            found[:, fold == k] = labels.labels, np.stack(errors, axis=1)
        columns: dict[str, Any] = {"fold": fold}
        for i, name in enumerate(stars.label_names):
            columns |= {f"{name}_TRUE": stars.labels[:, i], name: found[0, :, i], f"{name}_ERR": found[1, :, i]}
        return Table(columns, meta=_quality(stars.label_names, found[0] - stars.labels, found[1]))

    def write(self, value: Table, path: Path) -> None:
        """Write the table as FITS."""
        value.write(path, format="fits", overwrite=True)

    def read(self, path: Path) -> Table:
        """Read it."""
        from astropy.table import Table

        return Table.read(path, format="fits")


def _quality(names: tuple[str, ...], difference: Any, error: Any) -> dict[str, Any]:
    """Cards of a FITS header; the scatter is 1.4826 times the median absolute deviation."""
    meta: dict[str, Any] = {}
    for i, name in enumerate(names):
        delta, sigma = difference[:, i], error[:, i]
        good = np.isfinite(delta) & (sigma > 0)
        meta |= {f"LABEL{i}": name, f"BIAS{i}": float(np.median(delta[good])) if good.any() else None}
        if good.any():
            meta |= {f"SCATTER{i}"[:8]: _mad(delta[good]), f"PULL{i}": _mad(delta[good] / sigma[good])}
    return meta


def _mad(values: Any) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))

"""How good the labels of a model are: stars that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit.pipeline._parameters import Integer
from manyfit.pipeline.tasks._training import Training

if TYPE_CHECKING:
    from astropy.table import Table


class Validate(Training):
    """Cross-validation: each star gets labels from a model that is trained on the other folds.

    Its product is a FITS table with a row for each star: its fold, and for each label NAME_TRUE, NAME, NAME_ERR
    (calibrated) and NAME_ERR_FORMAL. The header has, by number of the label, its name, bias, scatter, and the width of
    the pulls before (PULLF) and after the calibration (PULL).

    Parameters
    ----------
    folds
        Number of parts that the stars are dealt into.
    seed
        Of the order in which they are.
    training_set, label_names, order, regularization, scatter, workers
        As for `Train`.
    """

    version = "2"
    suffix = ".fits"
    folds = Integer(default=5)
    seed = Integer(default=0)

    def compute(self, inputs: Any) -> Table:  # noqa: ARG002  it requires nothing
        """True and found labels of all stars."""
        from manyfit.cannon import validate

        found = validate(self.stars(), self.train, n_folds=self.folds, seed=self.seed, workers=self.workers)
        table = found.to_table()
        table.meta = {f"{key}{i}": value for i, row in enumerate(found.summary()) for key, value in _cards(row).items()}
        return table

    def write(self, value: Table, path: Path) -> None:
        """Write the table as FITS."""
        value.write(path, format="fits", overwrite=True)

    def read(self, path: Path) -> Table:
        """Read it."""
        from astropy.table import Table

        return Table.read(path, format="fits")


def _cards(row: Mapping[str, Any]) -> dict[str, Any]:
    """Cards of a FITS header for one label."""
    names = {"LABEL": "label", "BIAS": "bias", "SCAT": "scatter", "PULLF": "pull_before", "PULL": "pull_after"}
    return {card: row[name].item() for card, name in names.items()}

"""Labels of stars as a product: a FITS table."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from manyfit.cannon import LabelTable
from manyfit.pipeline._task import Task

#: What goes into a row of a table of many stars, besides labels and errors.
KEPT = ("chi2", "dof", "reduced_chi2", "n_pixels", "flags", "mahalanobis", "leverage")


class LabelsProduct(Task):
    """A step whose value is the labels of stars."""

    version = "1"
    suffix = ".fits"

    def write(self, value: LabelTable, path: Path) -> None:
        """Write the labels as FITS."""
        write_labels(value, path)

    def read(self, path: Path) -> LabelTable:
        """Read them."""
        return read_labels(path)


def columns_of(labels: LabelTable) -> dict[str, list[Any]]:
    """Columns of plain values: each label and its error, what became of the star, and the covariance as a list."""
    columns: dict[str, Any] = {}
    for name in labels.label_names:
        columns |= {name: labels[name], f"{name}_ERR": labels.error(name)}
    columns |= {name: getattr(labels, name) for name in KEPT}
    columns["fit_status"] = labels.status  # "status" is that of the row
    columns["covariance"] = labels.covariance.reshape(len(labels), -1)
    return {name: values.tolist() for name, values in columns.items()}


def write_labels(labels: LabelTable, path: Path) -> None:
    """Write a table."""
    table = labels.to_table()
    table.meta = {f"LABEL{i}": name for i, name in enumerate(labels.label_names)}
    table.write(path, format="fits", overwrite=True)


def read_labels(path: Path) -> LabelTable:
    """Read what `write_labels` wrote."""
    table = Table.read(path, format="fits")
    names = tuple(table.meta[f"LABEL{i}"] for i in range(sum(key.startswith("LABEL") for key in table.meta)))
    arrays: dict[str, Any] = {f.name: _native(table[f.name]) for f in fields(LabelTable) if f.name in table.colnames}
    return LabelTable(label_names=names, labels=np.stack([_native(table[name]) for name in names], axis=1), **arrays)


def _native(column: Any) -> Any:
    """An array in the byte order of this machine, which that of FITS may not be."""
    values = np.asarray(column)
    return values.astype(values.dtype.newbyteorder("="))

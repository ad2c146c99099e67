"""Columns of many tasks, or of many rows, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit.errors import InputError, unknown_name
from manyfit.pipeline._parameters import Names
from manyfit.pipeline._task import Task

if TYPE_CHECKING:
    from astropy.table import Table


class ProductTable(Task):
    """One table of what it requires, in this order; a FITS file, or Parquet with ``suffix = ".parquet"``.

    A class says what goes in: tasks whose values are tables, labels or dictionaries, or those of ``for_rows``::

        class Catalogue(ProductTable):
            columns = ("obj", "TEFF", "TEFF_ERR", "flags")

            def requires(self):
                return StellarParameters.for_rows("observed.parquet", training=TRAINING)

    Parameters
    ----------
    columns
        Names of the columns; all if not given.
    """

    version = "1"
    suffix = ".fits"
    columns = Names(default=None)

    def compute(self, inputs: Any) -> Table:
        """All rows, with the columns that are asked for."""
        from astropy.table import vstack

        tables = [_table(part) for part in _flat(inputs)]
        if not tables:
            raise InputError(f"requires() of {type(self).__name__} gives nothing. Give tasks, or a task of rows.")
        whole = vstack(tables, metadata_conflicts="silent")
        for name in self.columns or ():
            if name not in whole.colnames:
                raise unknown_name(f"Column of {type(self).__name__}", name, whole.colnames)
        return whole[list(self.columns)] if self.columns else whole

    def write(self, value: Table, path: Path) -> None:
        """Write the table in the format of the suffix."""
        from manyfit.pipeline._row_table import write_table

        write_table(value, path)

    def read(self, path: Path) -> Table:
        """Read it."""
        from astropy.table import Table

        from manyfit.pipeline._row_table import read_results

        return read_results(path) if path.suffix == ".parquet" else Table.read(path, format="fits")


def _flat(inputs: Any) -> Iterator[Any]:
    """Values of tasks in a list or dictionary; a dictionary of plain values is one row."""
    if isinstance(inputs, list):
        for part in inputs:
            yield from _flat(part)
    elif isinstance(inputs, Mapping) and any(hasattr(v, "__len__") and not isinstance(v, str) for v in inputs.values()):
        for part in inputs.values():
            yield from _flat(part)
    elif inputs is not None:
        yield inputs


def _table(value: Any) -> Table:
    from astropy.table import Table

    if isinstance(value, Table):
        return value
    if isinstance(value, Mapping):
        return Table([dict(value)])
    if hasattr(value, "to_table"):
        return value.to_table()
    raise InputError(f"A {type(value).__name__} is no table. Require tasks whose values are tables, labels or rows.")

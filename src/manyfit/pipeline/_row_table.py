"""Tables of rows: Parquet, FITS, ECSV and CSV, as columns of plain values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

FORMATS = {".parquet": "parquet", ".fits": "fits", ".fit": "fits", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}


def read_table(path: Path) -> dict[str, list[Any]]:
    """Columns of a table by name, each a list of Python values.

    Raises
    ------
    InputError
        The file is no table of a known kind, or has no rows.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{str(path)!r} is no table that can be read. Accepted: {', '.join(FORMATS)}.")
    try:
        columns = _parquet(path) if suffix == ".parquet" else _astropy(path, FORMATS[suffix])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{str(path)!r} cannot be read as a table: {error}") from error
    if not columns or not next(iter(columns.values())):
        raise InputError(f"The table {str(path)!r} has no rows.")
    return columns


def _parquet(path: Path) -> dict[str, list[Any]]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _astropy(path: Path, kind: str) -> dict[str, list[Any]]:
    from astropy.table import Table

    table = Table.read(path, format=kind)
    table.convert_bytestring_to_unicode()
    return {name: table[name].tolist() for name in table.colnames}


def read_results(path: Path) -> Table:
    """A Parquet file of results as an astropy Table, with null values masked."""
    from astropy.table import MaskedColumn, Table
    from pyarrow import parquet

    table = parquet.read_table(path)
    columns = {}
    for name in table.column_names:
        values = table.column(name).to_pylist()
        mask = [value is None for value in values]
        blank = next((type(value)() for value in values if value is not None), "")
        filled = [blank if value is None else value for value in values]
        columns[name] = MaskedColumn(filled, mask=mask) if any(mask) and not isinstance(blank, list) else filled
    return Table(columns)

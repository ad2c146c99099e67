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
    from astropy.table import Table
    from pyarrow import parquet

    table = parquet.read_table(path)
    return Table({name: _column(table.column(name).to_pylist()) for name in table.column_names})


def write_table(table: Table, path: Path) -> None:
    """Write a table as FITS or Parquet, by the suffix of the path.

    Raises
    ------
    InputError
        The suffix is another one.
    """
    if path.suffix == ".fits":
        table.write(path, format="fits", overwrite=True)
    elif path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({name: table[name].tolist() for name in table.colnames}), path)
    else:
        raise InputError(f"A table is written as .fits or .parquet, not as {path.suffix!r}.")


def _column(values: list[Any]) -> Any:
    """Values with those that are missing masked; lists of one length become an array."""
    from astropy.table import MaskedColumn

    there = [value for value in values if value is not None]
    if len(there) == len(values) or not there:
        return values if there else MaskedColumn([""] * len(values), mask=[True] * len(values))
    blank = _blank(there)
    return MaskedColumn([blank if value is None else value for value in values], mask=_mask(values, blank))


def _blank(there: list[Any]) -> Any:
    if not isinstance(there[0], list):
        return type(there[0])()
    return [type(there[0][0])()] * len(there[0]) if there[0] else []


def _mask(values: list[Any], blank: Any) -> list[Any]:
    return [[value is None] * len(blank) if isinstance(blank, list) else value is None for value in values]

"""Training sets in Parquet: a row for each star, with lists of flux and ivar."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._training_columns import arrays_of


def read(path: Path) -> dict[str, Any]:
    """The arrays of the columns; wavelengths are in the metadata of the file, or a column of lists.

    Raises
    ------
    InputError
        The file is damaged, pyarrow is not installed, or a column of spectra has rows of different lengths.
    """
    if find_spec("pyarrow") is None:
        raise InputError('Parquet needs the package pyarrow: pip install "manyfit[cannon]".')
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{str(path)!r} cannot be read as Parquet: it is damaged or truncated ({error}).") from error
    columns = {name: _values(table[name].combine_chunks(), name) for name in table.column_names}
    metadata = {key.decode("latin1"): value for key, value in (table.schema.metadata or {}).items()}
    if "wavelength" in metadata:
        columns["wavelength"] = np.array(json.loads(metadata["wavelength"]), dtype=float)
    return arrays_of(columns, str(path))


def _values(column: Any, name: str) -> NDArray[Any]:
    """A column as an array, (N,), or (N, P) for lists."""
    import pyarrow as pa

    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or _is_fixed(column.type)):
        plain: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return plain.astype(str) if plain.dtype == object and all(isinstance(v, str) for v in plain) else plain
    if column.null_count:
        raise InputError(f"The column {name!r} has rows without values.")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if len(column) == 0 or len(flat) % len(column):
        raise InputError(f"The column {name!r} has lists of different lengths; all spectra have one grid.")
    lengths = np.diff(column.offsets.to_numpy()) if not _is_fixed(column.type) else np.array([1])
    if len(np.unique(lengths)) != 1:
        raise InputError(f"The column {name!r} has lists of different lengths; all spectra have one grid.")
    rows: NDArray[Any] = flat.reshape(len(column), -1)
    return rows


def _is_fixed(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_fixed_size_list(kind))

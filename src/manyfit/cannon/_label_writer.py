"""Tables of labels that are written in parts, and appear when they are whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from manyfit.errors import InputError, unknown_name
from manyfit.fitting._atomic import check_output, replacing

from ._flags import FLAG_SENTENCES
from ._label_status import LABEL_STATUS_TABLE

if TYPE_CHECKING:
    from astropy.table import Table

FITS_BLOCK = 2880  # bytes: all parts of a FITS file are multiples of it
SUFFIXES = (".parquet", ".fits", ".ecsv")


class LabelWriter(Protocol):
    """What writes parts of a table."""

    def write(self, part: Table) -> None:
        """Add rows; all parts have the same columns."""


def check_table(path: Path, *, overwrite: bool) -> None:
    """Refuse a table that cannot be written, before there is anything to write.

    Raises
    ------
    InputError
        The suffix is of no known format, or Parquet was asked for and pyarrow is not installed.
    OutputExists
        There is a file and `overwrite` is not set.
    """
    if path.suffix not in SUFFIXES:
        raise unknown_name("Suffix of a table", path.suffix, SUFFIXES)
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise InputError('Parquet needs the package pyarrow: pip install "manyfit[cannon]", or write .fits.')
    check_output(path, overwrite=overwrite)


@contextmanager
def writing(path: Path, meta: Mapping[str, Any], *, overwrite: bool = False) -> Iterator[LabelWriter]:
    """A writer of Parquet, FITS or ECSV by the suffix; on an error nothing is left.

    Parameters
    ----------
    path
        Where the table is to be.
    meta
        What the table says of how it was made; values that JSON can hold.
    overwrite
        Whether a file may be there already.
    """
    check_table(path, overwrite=overwrite)
    kinds: dict[str, type[_Parquet | _Fits | _Ecsv]] = {".parquet": _Parquet, ".fits": _Fits, ".ecsv": _Ecsv}
    with replacing(path, overwrite=overwrite) as file:
        writer = kinds[path.suffix](file, {**meta, "status": meanings_of_status(), "flags": meanings_of_flags()})
        try:
            yield writer
        finally:
            writer.close()


def meanings_of_status() -> dict[str, str]:
    """Code and sentence of each status."""
    return {str(int(code)): f"{text.name}: {text.sentence}" for code, text in LABEL_STATUS_TABLE.items()}


def meanings_of_flags() -> dict[str, str]:
    """Bit and sentence of each flag."""
    return {str(int(bit)): f"{bit.name}: {sentence}" for bit, sentence in FLAG_SENTENCES.items()}


class _Parquet:
    """A group of rows for each part; arrays of a star are lists of fixed length."""

    def __init__(self, file: BinaryIO, meta: Mapping[str, Any]) -> None:
        self.file, self.meta = file, meta
        self.writer: Any = None

    def write(self, part: Table) -> None:
        """Add rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {name: _arrow(np.asarray(part[name])) for name in part.colnames}
        table = pa.table(columns).replace_schema_metadata({"manyfit": json.dumps(dict(self.meta))})
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.file, table.schema)
        self.writer.write_table(table)

    def close(self) -> None:
        """Write the end of the file."""
        if self.writer is not None:
            self.writer.close()


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values.astype(object) if values.dtype.kind == "U" else values)
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))


class _Fits:
    """A table whose number of rows is written when it is known."""

    def __init__(self, file: BinaryIO, meta: Mapping[str, Any]) -> None:
        self.file, self.meta = file, meta
        self.header: Any = None
        self.start, self.n_rows, self.dtype = 0, 0, np.dtype("u1")

    def write(self, part: Table) -> None:
        """Add rows."""
        from astropy.io import fits

        if self.header is None:
            hdu = fits.BinTableHDU(part, name="LABELS")
            self.header, self.dtype = _with_meanings(hdu.header, self.meta), _big_endian(hdu.data.dtype)
            top = BytesIO()
            fits.PrimaryHDU().writeto(top)
            self.file.write(top.getvalue())
            self.start = self.file.tell()
            self.file.write(self._head())
        rows = np.empty(len(part), self.dtype)
        for name in part.colnames:
            rows[name] = part[name]
        self.file.write(rows.tobytes())
        self.n_rows += len(part)

    def close(self) -> None:
        """Fill the last block, and write the number of rows."""
        if self.header is None:
            return
        self.file.write(b"\0" * (-self.n_rows * self.dtype.itemsize % FITS_BLOCK))
        self.file.seek(self.start)
        self.file.write(self._head())

    def _head(self) -> bytes:
        self.header["NAXIS2"] = self.n_rows
        return str(self.header.tostring()).encode("ascii")


def _with_meanings(header: Any, meta: Mapping[str, Any]) -> Any:
    for kind, keyword in (("status", "STAT"), ("flags", "FLAG")):
        for code, sentence in meta[kind].items():
            header[f"{keyword}{code}"] = sentence
    for name in sorted(set(meta) - {"status", "flags"}):
        header["HISTORY"] = f"{name} = {json.dumps(meta[name])}"
    return header


def _big_endian(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of rows in a file: as in FITS, texts as bytes."""
    return np.dtype([(name, *_field(dtype[name])) for name in dtype.names or ()])


def _field(dtype: np.dtype[Any]) -> tuple[str, tuple[int, ...]]:
    base = dtype.base
    return (f"S{base.itemsize}" if base.kind == "S" else base.newbyteorder(">").str), dtype.shape


class _Ecsv:
    """A text, written at the end as a whole: for few stars."""

    def __init__(self, file: BinaryIO, meta: Mapping[str, Any]) -> None:
        self.file, self.meta, self.parts = file, meta, list["Table"]()

    def write(self, part: Table) -> None:
        """Add rows."""
        self.parts.append(part)

    def close(self) -> None:
        """Write the text."""
        from io import StringIO

        from astropy.table import vstack

        if self.parts:
            whole, text = vstack(self.parts, metadata_conflicts="silent"), StringIO()
            whole.meta = dict(self.meta)
            whole.write(text, format="ascii.ecsv")
            self.file.write(text.getvalue().encode())

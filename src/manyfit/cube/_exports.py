"""Maps as a zarr store, and the fitted spectra as a table in a file."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from manyfit.errors import InputError, OutputExists, unknown_name
from manyfit.fitting._atomic import replacing
from manyfit.fitting._folder import filling

if TYPE_CHECKING:
    from astropy.table import QTable
    from xarray import Dataset

FORMATS = ("ecsv", "parquet")


def write_table(rows: QTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a table with units as ECSV or Parquet; astropy's ``QTable.read`` reads both.

    Parameters
    ----------
    rows
        The table, such as ``fit.to_table()``.
    path
        Where to write it; ``.ecsv`` or ``.parquet`` chooses the format.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    InputError
        The suffix is of no known format, or Parquet was asked for and pyarrow is not installed.
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.

    Examples
    --------
    >>> import astropy.units as u, tempfile
    >>> from astropy.table import QTable
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(QTable({"mean": [1.5, 2.5] * u.km / u.s}), f"{folder}/fit.ecsv")
    ...     QTable.read(f"{folder}/fit.ecsv")["mean"].unit
    Unit("km / s")
    """
    path = Path(path)
    content = _text if check_format(path.suffix.removeprefix(".")) == "ecsv" else _parquet
    with replacing(path, overwrite=overwrite) as file:
        file.write(content(rows))


def check_format(name: str) -> str:
    """The format of a table, if it can be written here.

    Raises
    ------
    InputError
        It is not known, or needs a package that is not installed.
    """
    if name not in FORMATS:
        raise unknown_name("Format of a table", name, FORMATS)
    if name == "parquet" and find_spec("pyarrow") is None:
        raise InputError('Parquet needs the package pyarrow: pip install "manyfit[cube]", or write ecsv.')
    return name


def _text(rows: QTable) -> bytes:
    text = StringIO()
    rows.write(text, format="ascii.ecsv")
    return text.getvalue().encode()


def _parquet(rows: QTable) -> bytes:
    """The content of a file, as astropy's writer takes only names of files."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        rows.write(path, format="parquet")
        return path.read_bytes()


def write_zarr(maps: Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write maps as a zarr store of version 3, a folder that appears when it is whole.

    Parameters
    ----------
    maps
        The maps, such as ``fit.result.to_xarray()``; `xarray.open_zarr` reads them back.
    path
        Where to write them.
    overwrite
        Whether a zarr store may be there already; anything else is never replaced.

    Raises
    ------
    OutputExists
        There is something already, and `overwrite` is not set or it is no zarr store.
    OSError
        The folder cannot be written, or the disk is full.

    Examples
    --------
    >>> import tempfile, xarray
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_zarr(xarray.Dataset({"mean": (("y", "x"), [[1.5, 2.5]])}), f"{folder}/fit.zarr")
    ...     xarray.open_zarr(f"{folder}/fit.zarr", consolidated=False)["mean"].values
    array([[1.5, 2.5]])
    """
    path = Path(path)
    if path.exists() and not (overwrite and (path / "zarr.json").is_file()):
        what = "exists" if not overwrite else "is no zarr store, and is not replaced"
        raise OutputExists(f"{str(path)!r} {what}. Give another name, or overwrite=True (--overwrite).")
    with filling(path.parent, overwrite=overwrite) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*zarr.*", category=UserWarning)  # about what version 3 is to say
        maps.to_zarr(part / path.name, mode="w", zarr_format=3, consolidated=False)

"""ECSV tables of pixels: text with units, one row for each pixel."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from manyfit.spectra._columns import from_columns
from manyfit.spectra._fits import damaged
from manyfit.spectra._request import Request
from manyfit.spectra._spectra import Spectra


def read(path: Path, request: Request) -> Spectra:
    """One spectrum, from the columns by their names.

    Raises
    ------
    InputError
        The text is not a table, or a column is missing.
    """
    with warnings.catch_warnings():
        # of headers that break a rule but can be read
        warnings.simplefilter("ignore", UserWarning)
        try:
            table = QTable.read(path, format="ascii.ecsv")
        # damaged text makes the readers of YAML and tables raise anything
        except Exception as error:
            raise damaged(path, error) from error
    columns = {name: _plain(table[name]) for name in table.colnames}
    return from_columns(columns, request, format="ECSV", header=dict(table.meta))


def _plain(column: u.Quantity | NDArray[np.generic]) -> NDArray[np.generic] | u.Quantity:
    if isinstance(column, u.Quantity):
        return u.Quantity(np.asarray(np.ma.filled(column.value, np.nan)), column.unit)
    return np.asarray(np.ma.filled(np.ma.asarray(column, dtype=float), np.nan) if np.ma.isMA(column) else column)

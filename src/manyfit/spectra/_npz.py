"""NumPy archives: arrays by name, never pickled objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from manyfit.spectra._columns import from_columns
from manyfit.spectra._fits import damaged
from manyfit.spectra._request import Request
from manyfit.spectra._spectra import Spectra


def read(path: Path, request: Request) -> Spectra:
    """The spectra of the arrays `wavelength` (P,), `flux` (N, P) and `ivar` (or another name that is known).

    Raises
    ------
    InputError
        The archive is damaged, an array is missing, or one holds Python objects (which are not loaded).
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    # damaged bytes make the readers of zip and npy raise anything
    except Exception as error:
        raise damaged(path, error) from error
    return from_columns(arrays, request, format="npz")

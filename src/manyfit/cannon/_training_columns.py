"""Training sets as tables: a row for each star, and a column for each label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from manyfit.errors import InputError

from ._read_training_set import NAMES

ERROR = ("_err", "_error")  # what the name of the error of a label ends on


def arrays_of(columns: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Arrays of a training set from columns: spectra by their names, and as labels all other columns of floats.

    A column ``TEFF_ERR`` has the errors of ``TEFF``. Wavelengths that are the same in each row are one grid.

    >>> arrays = arrays_of({"flux": np.ones((2, 3)), "TEFF": np.ones(2), "TEFF_ERR": np.ones(2)}, "a table")
    >>> arrays["label_names"], arrays["label_errors"].shape
    (('TEFF',), (2, 1))
    """
    special = {name.lower() for synonyms in NAMES.values() for name in synonyms}
    arrays = {name: values for name, values in columns.items() if name.lower() in special}
    floats = {n: v for n, v in columns.items() if n.lower() not in special and np.ndim(v) == 1 and v.dtype.kind == "f"}
    errors = {name: base for name in floats for end in ERROR if (base := _base(name, end)) in floats}
    names = tuple(name for name in floats if name not in errors)
    if names and "labels" not in arrays:
        arrays |= {"labels": np.stack([floats[n] for n in names], axis=1).astype(float), "label_names": names}
        if errors:
            found = {base: floats[name] for name, base in errors.items()}
            nothing = np.zeros(len(floats[names[0]]))
            arrays["label_errors"] = np.stack([found.get(n, nothing) for n in names], axis=1)
    for name in list(arrays):
        if name.lower() in NAMES["wavelength"] and np.ndim(arrays[name]) == 2:
            arrays[name] = _one_grid(arrays[name], source)
    return arrays


def _base(name: str, end: str) -> str:
    return name[: -len(end)] if name.lower().endswith(end) else ""


def _one_grid(wavelengths: Any, source: str) -> Any:
    if not np.all(wavelengths == wavelengths[0]):
        raise InputError(f"{source!r} has stars with different wavelengths. Resample them to one grid first.")
    return wavelengths[0]

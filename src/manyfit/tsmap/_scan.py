"""Several spectra: each position gets the one that fits best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._solution import Solution
from ._spectrum import AnySpectrum

Array = NDArray[np.float64]


def scanned(spectrum: Any, indices: Iterable[float]) -> tuple[AnySpectrum, ...]:
    """The spectrum with each of several indices.

    Raises
    ------
    InputError
        It has no index, or none is given.

    Examples
    --------
    >>> from manyfit.tsmap import PowerLaw
    >>> [each.index for each in scanned(PowerLaw(index=-2.0), [-2.5, -2.0])]
    [-2.5, -2.0]
    """
    if not hasattr(spectrum, "with_index"):
        raise InputError(
            f"A {type(spectrum).__name__} has no index to scan. Give a PowerLaw or CutoffPowerLaw, or leave out "
            "spectral_indices."
        )
    spectra = tuple(spectrum.with_index(float(index)) for index in indices)
    if not spectra:
        raise InputError("spectral_indices is empty. Give one index or more, such as [-3, -2.5, -2].")
    return spectra


def best_of(solutions: Sequence[Solution]) -> tuple[Solution, NDArray[np.int64]]:
    """For each position the solution of the highest TS (the first of equal ones), and which it is."""
    ts = np.stack([np.nan_to_num(each.ts, nan=-np.inf, posinf=np.inf) for each in solutions])
    which = np.argmax(ts, axis=0)
    picked = {
        f.name: np.take_along_axis(np.stack([getattr(each, f.name) for each in solutions]), which[None], axis=0)[0]
        for f in fields(Solution)
    }
    return Solution(**picked), which

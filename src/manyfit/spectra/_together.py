"""Spectra of several sources as one, if they are on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from astropy.table import vstack

from manyfit.errors import InputError
from manyfit.spectra._spectra import Spectra

SAME_GRID = 1e-9


def same_grid(a: Spectra, b: Spectra) -> bool:
    """Whether two sets of spectra are on one grid, to 1e-9 of the wavelength (0.3 m/s)."""
    if a.wavelength.size != b.wavelength.size:
        return False
    return bool(np.allclose(a.wavelength.to_value(b.wavelength.unit), b.wavelength.value, rtol=SAME_GRID, atol=0))


def difference(a: Spectra, b: Spectra) -> str:
    """What keeps two sets of spectra from being put together; empty if nothing does."""
    if not same_grid(a, b):
        return f"different wavelengths ({_grid(b)}, and {_grid(a)} before)"
    for what in ("medium", "frame", "unit"):
        if getattr(a, what) != getattr(b, what):
            return f"another {what} ({getattr(b, what)}, and {getattr(a, what)} before)"
    return ""


def together(sets: Sequence[Spectra]) -> Spectra:
    """The rows of all sets, in their order; `meta` is that of the first.

    Raises
    ------
    InputError
        There is no set, or two differ in their grid, medium, frame or unit.

    Examples
    --------
    >>> from astropy import units as u
    >>> one = Spectra([1, 2, 3] * u.um, [[1, 2, 3]], [[4, 4, 4]])
    >>> together([one, one]).flux.shape
    (2, 3)
    """
    if not sets:
        raise InputError("There are no spectra to put together.")
    first = sets[0]
    if len(sets) == 1:
        return first
    for i, other in enumerate(sets):
        what = difference(first, other)
        if what:
            raise InputError(f"Spectra {i} have {what}. Resample them to one grid with spectra.resample.")
    masks = [each.bitmask for each in sets if each.bitmask is not None]
    return replace(
        first,
        flux=np.concatenate([each.flux for each in sets]),
        ivar=np.concatenate([each.ivar for each in sets]),
        bitmask=np.concatenate(masks) if len(masks) == len(sets) else None,
        rows=vstack([each.rows for each in sets], metadata_conflicts="silent"),
    )


def _grid(spectra: Spectra) -> str:
    first, last = spectra.wavelength[[0, -1]].value
    return f"{spectra.wavelength.size} pixels, {first:.8g}–{last:.8g} {spectra.wavelength.unit}"

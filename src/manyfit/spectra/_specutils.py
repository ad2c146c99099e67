"""Spectra of the package specutils: Spectrum (or Spectrum1D), SpectrumCollection and SpectrumList."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.spectra._request import ivar_of_error
from manyfit.spectra._rows import make_rows
from manyfit.spectra._spectra import Spectra
from manyfit.spectra._together import together


def matches(source: object) -> bool:
    """Whether an object is a spectrum of specutils, told by its class (the package is not imported)."""
    return any(base.__module__.partition(".")[0] == "specutils" for base in type(source).__mro__)


def read(source: Any, name: str) -> Spectra:
    """The spectra of an object; masked pixels (True) and those without a positive variance are unusable.

    Raises
    ------
    InputError
        There is no uncertainty, or the spectra of a list have different wavelengths.
    """
    if isinstance(source, list):
        return together([read(each, name) for each in source])
    axis = u.Quantity(source.spectral_axis)
    grid = axis.to(u.AA, u.spectral()) if not axis.unit.is_equivalent(u.m) else axis
    if grid.ndim == 2:
        if not (grid == grid[0]).all():
            raise InputError("The spectra of the collection have different wavelengths. Resample them to one grid.")
        grid = grid[0]
    order = slice(None) if grid[0] < grid[-1] else slice(None, None, -1)
    flux = np.atleast_2d(source.flux.value)
    mask = np.zeros(flux.shape, bool) if source.mask is None else np.atleast_2d(source.mask)
    if mask.dtype.kind not in "biu":
        raise InputError(f"The mask is of type {mask.dtype}. Give bool (True = unusable) or integers (0 = usable).")
    ivar = np.where(mask != 0, 0.0, _ivar(source, flux.shape))
    return Spectra(
        wavelength=grid[order],
        flux=flux[:, order],
        ivar=ivar[:, order],
        bitmask=mask[:, order].astype(np.int64),
        rows=make_rows(["visit"] * len(flux), file=name),
        unit=source.flux.unit,
        meta={"format": "specutils", "meta": source.meta},
    )


def _ivar(source: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    uncertainty = source.uncertainty
    if uncertainty is None:
        raise InputError("The specutils spectrum has no uncertainty. Give StdDevUncertainty, or another kind.")
    values = np.asarray(uncertainty.array, dtype=np.float64).reshape(shape)
    unit = source.flux.unit
    with np.errstate(invalid="ignore"):
        match uncertainty.uncertainty_type:
            case "ivar":
                return values * _scale(uncertainty.unit, unit**-2)
            case "var":
                return ivar_of_error(np.sqrt(values * _scale(uncertainty.unit, unit**2)))
            case "std":
                return ivar_of_error(values * _scale(uncertainty.unit, unit))
    raise InputError(
        f"An uncertainty of type {uncertainty.uncertainty_type!r} is not accepted. "
        "Accepted: StdDevUncertainty, VarianceUncertainty, InverseVariance."
    )


def _scale(unit: u.UnitBase | None, wanted: u.UnitBase) -> float:
    return 1.0 if unit is None else float(unit.to(wanted))

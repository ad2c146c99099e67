"""Spectra from named arrays, whatever the file they stood in: the names that people use for each quantity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.spectra._bits import ALL_BITS
from manyfit.spectra._request import Request, ivar_of_error
from manyfit.spectra._rows import make_rows
from manyfit.spectra._spectra import Spectra

NAMES = {
    "wavelength": ("wavelength", "wave", "lambda", "lam", "wl", "dispersion", "spectral_axis"),
    "log10 wavelength": ("loglam", "log_lam", "logwave", "loglambda", "log_wavelength"),
    "flux": ("flux", "fluxes", "spectrum", "spectra"),
    "ivar": ("ivar", "inverse_variance", "flux_ivar", "invvar"),
    "error": ("error", "err", "flux_error", "flux_err", "e_flux", "sigma", "uncertainty", "spec_err", "spec_errs"),
    "variance": ("variance", "var", "flux_var"),
    "mask": ("mask", "bitmask", "pixel_flags", "flags", "and_mask", "pix_bitmask"),
}

Arrays = Mapping[str, NDArray[np.generic] | u.Quantity]


def from_columns(arrays: Arrays, request: Request, *, grid: u.Quantity | None = None, **meta: Any) -> Spectra:
    r"""Spectra from arrays found by name (capitals do not matter).

    Parameters
    ----------
    arrays
        Arrays by name: wavelengths (P,), flux (N, P) or (P,), and one of inverse variance, error or variance.
        Wavelengths without a unit are in Å; a mask that is not of bits has True where the pixel is bad.
    request
        What is asked: all bits count as bad if none are chosen.
    grid
        Wavelengths, if they are not among the arrays.
    \**meta
        What is put into `meta`.

    Raises
    ------
    InputError
        An array is missing: the text says what names are known and what was there.
    """
    found = {kind: _find(arrays, names) for kind, names in NAMES.items()}
    flux = _need(found["flux"], "flux", arrays, request)
    unit = flux.unit if isinstance(flux, u.Quantity) else u.dimensionless_unscaled
    values = np.atleast_2d(np.asarray(_values(flux, unit), dtype=np.float64))
    ivar = np.atleast_2d(_ivar(found, unit, arrays, request))
    bitmask = None
    mask = found["mask"]
    if mask is not None:
        bitmask = np.atleast_2d(np.asarray(mask)).astype(np.int64)
        ivar = request.apply_bits(ivar, bitmask, {}, ALL_BITS)
    return Spectra(
        wavelength=_wavelength(found, arrays, request) if grid is None else grid,
        flux=values,
        ivar=ivar,
        bitmask=bitmask,
        rows=make_rows(["visit"] * len(values), file=request.name),
        unit=unit,
        meta=meta,
    )


def has_flux(names: list[str]) -> bool:
    """Whether an array of flux is among the names."""
    return any(name.lower() in NAMES["flux"] for name in names)


def _find(arrays: Arrays, names: tuple[str, ...]) -> NDArray[np.generic] | u.Quantity | None:
    lower = {name.lower(): name for name in arrays}
    return next((arrays[lower[name]] for name in names if name in lower), None)


def _need(
    value: NDArray[np.generic] | u.Quantity | None, kind: str, arrays: Arrays, request: Request
) -> NDArray[np.generic] | u.Quantity:
    if value is None:
        raise InputError(
            f"{request.name!r} has no {kind}. Accepted names: {', '.join(NAMES[kind])}. Found: {', '.join(arrays)}."
        )
    return value


def _values(array: NDArray[np.generic] | u.Quantity, unit: u.UnitBase) -> NDArray[np.generic]:
    if not isinstance(array, u.Quantity):
        return np.asarray(array)
    try:
        return np.asarray(array.to_value(unit))
    except ValueError as error:
        raise InputError(f"The unit {array.unit} cannot be converted to {str(unit) or 'a number'}.") from error


def _ivar(
    found: Mapping[str, NDArray[np.generic] | u.Quantity | None], unit: u.UnitBase, arrays: Arrays, request: Request
) -> NDArray[np.float64]:
    ivar, error, variance = (found[kind] for kind in ("ivar", "error", "variance"))
    if ivar is not None:
        return _values(ivar, unit**-2).astype(np.float64)
    if error is not None:
        return ivar_of_error(_values(error, unit))
    if variance is not None:
        with np.errstate(invalid="ignore"):
            return ivar_of_error(np.sqrt(_values(variance, unit**2).astype(np.float64)))
    raise InputError(
        f"{request.name!r} has no inverse variance, error or variance of the flux. Accepted names: "
        f"{', '.join((*NAMES['ivar'], *NAMES['error'], *NAMES['variance']))}. Found: {', '.join(arrays)}."
    )


def _wavelength(
    found: Mapping[str, NDArray[np.generic] | u.Quantity | None], arrays: Arrays, request: Request
) -> u.Quantity:
    log = found["log10 wavelength"]
    if found["wavelength"] is None and log is not None:
        return u.Quantity(10.0 ** np.asarray(log, dtype=np.float64), u.AA)
    wavelength = _need(found["wavelength"], "wavelength", arrays, request)
    unit = wavelength.unit if isinstance(wavelength, u.Quantity) and wavelength.unit.is_equivalent(u.m) else u.AA
    return u.Quantity(np.asarray(_values(wavelength, unit), dtype=np.float64), unit)

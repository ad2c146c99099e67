"""Spectra on one wavelength grid, with what is known about each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from astropy import units as u
from astropy.table import Table
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.spectra._bits import bit_numbers, flagged

Medium: TypeAlias = Literal["vacuum", "air", "unknown"]
Frame: TypeAlias = Literal["rest", "barycentric", "observed", "unknown"]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra of N rows on one grid of P wavelengths.

    The arrays are made float64. Where the flux or the inverse variance is not a finite number, or the inverse variance
    is negative, the inverse variance becomes 0: such a pixel is unusable. What is given is not changed.

    Parameters
    ----------
    wavelength
        Wavelengths (P,), increasing, a Quantity of length.
    flux
        Flux (N, P), or (P,) for one spectrum.
    ivar
        Inverse variance of the flux, in the shape of the flux; 0 where the pixel is unusable.
    bitmask
        Integers (N, P) whose bits say what happened to the pixel, or None.
    rows
        A table of N rows: what is known about each spectrum. The column `kind` tells ``"visit"`` (also what is assumed
        if there is no such column) from ``"coadd"``;
        `velocity` (km/s) is the velocity of the star in the frame of `wavelength`.
    bits
        Bit of each name of the mask.
    medium
        Whether wavelengths are those in ``"vacuum"``, in ``"air"``, or ``"unknown"``.
    frame
        Whether wavelengths are ``"observed"`` (at the telescope), ``"barycentric"`` (without the motion of the Earth),
        at ``"rest"`` (without that of the star either), or ``"unknown"``.
    unit
        Unit of the flux.
    meta
        Anything else that the file tells.

    Raises
    ------
    InputError
        Shapes that do not fit, or a grid that does not increase.

    Examples
    --------
    >>> s = Spectra([1.0, 1.1, 1.2] * u.um, [[1, np.nan, 3]], [[4, 4, -1]])
    >>> s.ivar
    array([[4., 0., 0.]])
    >>> s
    Spectra: 1 row × 3 pixels, 1–1.2 um, medium unknown, frame unknown, 33 % usable
    """

    wavelength: u.Quantity
    flux: Floats
    ivar: Floats
    bitmask: NDArray[np.int64] | None = None
    rows: Table = field(default_factory=Table)
    bits: Mapping[str, int] = field(default_factory=dict)
    medium: Medium = "unknown"
    frame: Frame = "unknown"
    unit: u.UnitBase = u.dimensionless_unscaled
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wavelength = checked_grid(self.wavelength)
        flux = _float_rows("flux", self.flux, wavelength.size)
        ivar = _float_rows("ivar", self.ivar, wavelength.size)
        _same_shape("ivar", ivar.shape, flux.shape)
        with np.errstate(invalid="ignore"):
            usable = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
        bitmask = None if self.bitmask is None else np.atleast_2d(np.asarray(self.bitmask)).astype(np.int64)
        if bitmask is not None:
            _same_shape("bitmask", bitmask.shape, flux.shape)
        rows = self.rows if self.rows.colnames else Table({"kind": ["visit"] * len(flux)})
        if len(rows) != len(flux):
            raise InputError(f"rows has {len(rows)} rows and there are {len(flux)} spectra. Give one row for each.")
        if "kind" not in rows.colnames:
            rows = rows.copy()
            rows["kind"] = ["visit"] * len(flux)
        _one_of("medium", self.medium, get_args(Medium))
        _one_of("frame", self.frame, get_args(Frame))
        made = {"wavelength": wavelength, "flux": flux, "ivar": np.where(usable, ivar, 0.0), "bitmask": bitmask}
        for name, value in {**made, "rows": rows}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.flux)

    def __getitem__(self, key: int | slice | ArrayLike) -> Spectra:
        """Some of the rows, as Spectra: by number, slice, list of numbers or array of bool."""
        index = np.atleast_1d(np.arange(len(self))[key if isinstance(key, int | slice) else np.asarray(key)])
        mask = None if self.bitmask is None else self.bitmask[index]
        return replace(self, flux=self.flux[index], ivar=self.ivar[index], bitmask=mask, rows=self.rows[index])

    def __repr__(self) -> str:
        kinds = list(self.rows["kind"]) if "kind" in self.rows.colnames else []
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("coadd", "visit") if kind in kinds)
        rows = f"{len(self)} row{'s' * (len(self) != 1)}" + (f" ({counts})" if len(self) > 1 and counts else "")
        first, last = self.wavelength[[0, -1]].value
        medium = self.medium if self.medium != "unknown" else "medium unknown"
        frame = f"{self.frame} frame" if self.frame != "unknown" else "frame unknown"
        usable = 100 * float(np.mean(self.ivar > 0)) if self.ivar.size else 0.0
        return (
            f"Spectra: {rows} × {self.wavelength.size} pixels, {first:.6g}–{last:.6g} {self.wavelength.unit}, "
            f"{medium}, {frame}, {usable:.0f} % usable"
        )

    @property
    def visits(self) -> Spectra:
        """The rows that are single visits."""
        return self[np.asarray(self.rows["kind"]) == "visit"]

    @property
    def coadds(self) -> Spectra:
        """The rows that are sums of visits, made by the survey: of the same photons as the visits."""
        return self[np.asarray(self.rows["kind"]) == "coadd"]

    @property
    def coadd(self) -> Spectra:
        """The one spectrum that the survey gives for a star: its first coadd, or its only visit."""
        if len(self.coadds):
            return self.coadds[0]
        if len(self) == 1:
            return self
        raise InputError(f"There are {len(self)} visits and no coadd. Use spectra.stack to add visits.")

    def good(self, bits: Iterable[int | str] = ()) -> NDArray[np.bool_]:
        """Where a pixel is usable: its inverse variance is positive and none of the bits is set.

        Parameters
        ----------
        bits
            Names or numbers of bits that make a pixel unusable, besides those that were chosen in `read`.

        Returns
        -------
        good
            Array (N, P).
        """
        numbers = bit_numbers(bits, self.bits)
        good: NDArray[np.bool_] = self.ivar > 0
        return good if self.bitmask is None else good & ~flagged(self.bitmask, numbers)

    def without(self, bits: Iterable[int | str]) -> Spectra:
        """The spectra with inverse variance 0 where any of the bits is set."""
        return replace(self, ivar=np.where(self.good(bits), self.ivar, 0.0))


def checked_grid(wavelength: u.Quantity | ArrayLike) -> u.Quantity:
    """A wavelength grid that can be used: a Quantity of length (Å if it has no unit), finite, positive, increasing."""
    grid = wavelength if isinstance(wavelength, u.Quantity) else u.Quantity(np.asarray(wavelength, float), u.AA)
    if not grid.unit.is_equivalent(u.m):
        raise InputError(f"The wavelength is in {grid.unit}. Give a Quantity of length, such as Angstrom.")
    values = grid.value
    if values.ndim != 1 or values.size < 2:
        raise InputError(f"The wavelength has the shape {values.shape}. Give one grid (P,) of two pixels or more.")
    if not (np.isfinite(values).all() and values[0] > 0 and (np.diff(values) > 0).all()):
        raise InputError("The wavelength must be finite, positive and increasing. Sort the pixels first.")
    return u.Quantity(values.astype(np.float64), grid.unit)


def angstrom(wavelength: u.Quantity | ArrayLike) -> Floats:
    """Values of a wavelength grid in Å."""
    values: Floats = checked_grid(wavelength).to_value(u.AA)
    return values


def _float_rows(name: str, values: ArrayLike, n_pixels: int) -> Floats:
    if isinstance(values, u.Quantity):
        raise InputError(f"{name} is a Quantity. Give its value, and the unit of the flux as unit.")
    rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != n_pixels:
        raise InputError(f"{name} has the shape {rows.shape} and the wavelength has {n_pixels} pixels. Give (N, P).")
    return rows


def _same_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise InputError(f"{name} has the shape {shape} and the flux {expected}. Give the same shape.")


def _one_of(kind: str, given: str, accepted: tuple[str, ...]) -> None:
    if given not in accepted:
        raise unknown_name(kind, given, accepted)

"""Spectra of photons, integrated over bins of energy: power law, cut-off power law, Band, and any function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, InputTypeError

Edges = NDArray[np.float64]
UNIT = "1 / (cm2 s keV)"


class AnySpectrum(Protocol):
    """What a fit needs of a spectrum."""

    def flux(self, edges: Edges) -> NDArray[np.float64]:
        """Photons / (cm² s) in each bin, of edges in keV."""


def _plain(name: str, value: Any, unit: str) -> float:
    """A number in a unit, from a Quantity or a plain number."""
    from astropy import units as u

    try:
        number = float(u.Quantity(value, unit if not hasattr(value, "unit") else None).to_value(unit))
    except (u.UnitConversionError, TypeError):
        raise InputError(f"{name} is {value!r}. A number in {unit!r} is needed.") from None
    if not np.isfinite(number):
        raise InputError(f"{name} is {value!r}. A finite number is needed.")
    return number


def _positive(name: str, value: Any, unit: str) -> float:
    number = _plain(name, value, unit)
    if number <= 0:
        raise InputError(f"{name} is {value!r}. A positive number is needed.")
    return number


@dataclass(frozen=True)
class PowerLaw:
    """N(E) = norm (E / pivot)^index.

    Parameters
    ----------
    index
        Slope, negative for a falling spectrum.
    pivot
        Reference energy; a Quantity, or keV.
    norm
        Photons at the pivot; a Quantity, or 1 / (cm² s keV).

    Raises
    ------
    InputError
        A unit does not fit, or pivot is not positive.

    Examples
    --------
    >>> from astropy import units as u
    >>> PowerLaw(index=-2, pivot=100 * u.keV, norm=1 / (u.cm**2 * u.s * u.keV)).flux([100, 200, 400]).round(9).tolist()
    [50.0, 25.0]
    """

    index: float
    pivot: float = 100.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        _set(self, index=_plain("index", self.index, ""), pivot=_positive("pivot", self.pivot, "keV"))
        _set(self, norm=_plain("norm", self.norm, UNIT))

    def flux(self, edges: Any) -> NDArray[np.float64]:
        """Photons / (cm² s) in each bin of energy, (bin,), exact.

        Parameters
        ----------
        edges
            Edges of the bins, (bin + 1,); a Quantity, or keV.
        """
        return self.norm * power_law_integral(self.index, self.pivot, energies(edges))

    def with_index(self, index: float) -> PowerLaw:
        """The same spectrum with another slope."""
        return replace(self, index=index)


@dataclass(frozen=True)
class CutoffPowerLaw:
    """N(E) = norm (E / pivot)^index exp(-E / cutoff).

    Parameters
    ----------
    index
        Slope.
    cutoff
        Energy of the cut-off; a Quantity, or keV.
    pivot, norm
        As those of `PowerLaw`.

    Examples
    --------
    >>> CutoffPowerLaw(index=0, cutoff=100).flux([100, 200]).round(6).tolist()
    [23.254416]
    """

    index: float
    cutoff: float
    pivot: float = 100.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        _set(self, index=_plain("index", self.index, ""), cutoff=_positive("cutoff", self.cutoff, "keV"))
        _set(self, pivot=_positive("pivot", self.pivot, "keV"), norm=_plain("norm", self.norm, UNIT))

    def __call__(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons / (cm² s keV) at energies in keV."""
        return np.asarray(self.norm * (energy / self.pivot) ** self.index * np.exp(-energy / self.cutoff))

    def flux(self, edges: Any) -> NDArray[np.float64]:
        """Photons / (cm² s) in each bin of energy, as `PowerLaw.flux`."""
        return integrate(self, energies(edges))

    def with_index(self, index: float) -> CutoffPowerLaw:
        """The same spectrum with another slope."""
        return replace(self, index=index)


@dataclass(frozen=True)
class Band:
    """The Band function of gamma-ray bursts (Band et al. 1993, ApJ 413, 281, eq. 1).

    N(E) = norm (E / pivot)^alpha exp(-E (2 + alpha) / peak) below E = (alpha - beta) peak / (2 + alpha), and a power
    law of slope beta, joined smoothly, above.

    Parameters
    ----------
    alpha, beta
        Slopes at low and at high energies, beta < alpha, alpha > -2.
    peak
        Energy at which E² N(E) is largest; a Quantity, or keV.
    pivot, norm
        As those of `PowerLaw`.

    Examples
    --------
    >>> Band(alpha=-1, beta=-2.5, peak=300).flux([100, 1000]).round(4).tolist()
    [83.2718]
    """

    alpha: float
    beta: float
    peak: float
    pivot: float = 100.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        _set(self, alpha=_plain("alpha", self.alpha, ""), beta=_plain("beta", self.beta, ""))
        _set(self, peak=_positive("peak", self.peak, "keV"), pivot=_positive("pivot", self.pivot, "keV"))
        _set(self, norm=_plain("norm", self.norm, UNIT))
        if not (self.alpha > self.beta and self.alpha > -2):
            raise InputError(f"alpha is {self.alpha} and beta is {self.beta}. alpha > beta and alpha > -2 are needed.")

    @property
    def folding(self) -> float:
        """Energy of the exponential, keV."""
        return self.peak / (2 + self.alpha)

    @property
    def joint(self) -> float:
        """Energy at which the power law takes over, keV."""
        return (self.alpha - self.beta) * self.folding

    def __call__(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons / (cm² s keV) at energies in keV."""
        energy = np.asarray(energy, dtype=np.float64)
        low = (energy / self.pivot) ** self.alpha * np.exp(-np.minimum(energy, self.joint) / self.folding)
        high = (self.joint / self.pivot) ** (self.alpha - self.beta) * (energy / self.pivot) ** self.beta
        return np.asarray(self.norm * np.where(energy < self.joint, low, high * np.exp(self.beta - self.alpha)))

    def flux(self, edges: Any) -> NDArray[np.float64]:
        """Photons / (cm² s) in each bin of energy, as `PowerLaw.flux`."""
        return integrate(self, energies(edges), breaks=(self.joint,))


@dataclass(frozen=True)
class Spectrum:
    """Any spectrum: a function of energy, or a model of astropy.

    Parameters
    ----------
    function
        Called with energies in keV as an array (or as a Quantity if the model has units); gives photons
        / (cm² s keV), or a Quantity.

    Raises
    ------
    InputTypeError
        `function` cannot be called.

    Examples
    --------
    >>> from astropy.modeling.models import PowerLaw1D
    >>> Spectrum(PowerLaw1D(amplitude=1, x_0=100, alpha=2)).flux([100, 200, 400]).round(12).tolist()
    [50.0, 25.0]
    """

    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InputTypeError(f"The spectrum is {self.function!r}. Give a function of energy or an astropy model.")

    def __call__(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons / (cm² s keV) at energies in keV."""
        from astropy import units as u

        wants_units = bool(getattr(self.function, "input_units", None)) or _has_units(self.function)
        values = self.function(energy * u.keV if wants_units else energy)
        if isinstance(values, u.Quantity):
            values = values.to_value(UNIT)
        return np.broadcast_to(np.asarray(values, dtype=np.float64), np.shape(energy))

    def flux(self, edges: Any) -> NDArray[np.float64]:
        """Photons / (cm² s) in each bin of energy, as `PowerLaw.flux`."""
        return integrate(self, energies(edges))


def spectrum_of(spectrum: Any) -> AnySpectrum:
    """A spectrum as it is; a function or a model of astropy as `Spectrum`.

    Raises
    ------
    InputTypeError
        For anything else.
    """
    if hasattr(spectrum, "flux"):
        return spectrum  # type: ignore[no-any-return]
    if callable(spectrum):
        return Spectrum(spectrum)
    raise InputTypeError(
        f"spectrum is a {type(spectrum).__name__}. Give PowerLaw, CutoffPowerLaw, Band, an astropy model or a function."
    )


def energies(edges: Any) -> Edges:
    """Edges in keV as plain numbers."""
    from astropy import units as u

    plain = edges.to_value("keV") if isinstance(edges, u.Quantity) else edges
    array = np.asarray(plain, dtype=np.float64)
    if array.ndim != 1 or array.size < 2 or not (array > 0).all() or not (np.diff(array) > 0).all():
        raise InputError(f"edges are {edges!r}. Two or more increasing positive energies are needed.")
    return array


def power_law_integral(index: float, pivot: float, edges: Edges) -> NDArray[np.float64]:
    """Integrals of (E / pivot)^index over bins; smooth through index = -1.

    With x = ln E the integral is low^(index + 1) expm1((index + 1) dx) / (index + 1).
    """
    low, step, power = edges[:-1], np.diff(np.log(edges)), index + 1.0
    growth = step if power == 0 else np.expm1(power * step) / power
    return np.asarray(pivot * (low / pivot) ** power * growth, dtype=np.float64)


def integrate(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]], edges: Edges, breaks: tuple[float, ...] = ()
) -> NDArray[np.float64]:
    """Integrals of a function over bins, in ln E, to 1e-12; split where it has a break.

    Raises
    ------
    InputError
        The function is not finite or is negative in a bin.
    """
    from scipy.integrate import quad_vec

    def integrand(x: float) -> NDArray[np.float64]:
        energy = np.array([np.exp(x)])
        return np.asarray(function(energy) * energy, dtype=np.float64)

    parts = np.unique(np.concatenate([edges, [b for b in breaks if edges[0] < b < edges[-1]]]))
    values = np.array(
        [
            quad_vec(integrand, low, high, epsabs=0.0, epsrel=1e-12, limit=500)[0][0]
            for low, high in zip(np.log(parts[:-1]), np.log(parts[1:]), strict=True)
        ]
    )
    flux = np.asarray(np.add.reduceat(values, np.searchsorted(parts, edges[:-1])), dtype=np.float64)
    if not np.isfinite(flux).all() or (flux < 0).any():
        bad = int(np.argmin(np.isfinite(flux) & (flux >= 0)))
        raise InputError(
            f"The spectrum gives {flux[bad]} photons / (cm2 s) from {edges[bad]:g} to {edges[bad + 1]:g} keV. "
            "It must be finite and not negative there."
        )
    return flux


def _has_units(function: Any) -> bool:
    """Whether a model of astropy has parameters with units."""
    names = getattr(function, "param_names", ())
    return any(getattr(function, name).unit is not None for name in names)


def _set(target: Any, **values: float) -> None:
    for name, value in values.items():
        object.__setattr__(target, name, value)

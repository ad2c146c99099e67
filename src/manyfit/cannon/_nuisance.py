"""What may differ between a star and the model besides its labels: velocity, broadening, continuum.

The flux is expanded about the model at a whole number of pixels of shift and a step of broadening::

    f = [theta + x D + x^2 D2 / 2 + y D2 / 2] v(labels) + sum_k a_k B_k theta_0

with D and D2 the derivatives of the coefficients by position, x the rest of the shift in pixels, y the variance of the
Gaussian that broadens, B the basis of the continuum. That is a polynomial in more unknowns, so sums over pixels and
Newton's method are the same as for labels alone. Stars whose x or y leave the step are expanded again about where they
are.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._expansion import Expansion, SearchOptions, Solutions, hidden_columns
from ._model import CannonModel
from ._moved import moved, pixel_velocity

Floats = NDArray[np.float64]

SHIFT_STEP = 0.5  # pixels
BROADENING_STEP = 2.0  # pixels^2
CONTINUUM_SETTLED = 1e-4  # a continuum that differs by less from one is linear
KEPT = 8  # expansions in memory


@dataclass(frozen=True, eq=False)
class Nuisance:
    """What is fitted to each star besides its labels.

    Attributes
    ----------
    radial_velocity
        Velocity away from us, km/s.
    broadening
        Width (standard deviation) of a Gaussian that broadens the lines, km/s. Zero if the lines are sharper than the
        model's.
    continuum
        Order of a Chebyshev polynomial in each chip that multiplies the spectrum; or the basis itself, (K, P).
    rounds
        How often a star may be expanded again.

    Examples
    --------
    >>> Nuisance(radial_velocity=True, continuum=1)
    Nuisance(radial_velocity=True, broadening=False, continuum=1, rounds=6)
    """

    radial_velocity: bool = False
    broadening: bool = False
    continuum: int | Floats | None = None
    rounds: int = 6

    def __post_init__(self) -> None:
        if not (self.radial_velocity or self.broadening or self.continuum is not None):
            raise InputError("Nuisance is empty; ask for radial_velocity, broadening or continuum.")
        if self.rounds < 1:
            raise InputError(f"rounds is {self.rounds}; give 1 or more.")

    def basis(self, model: CannonModel) -> Floats:
        """The basis of the continuum, (K, P)."""
        if self.continuum is None:
            return np.zeros((0, len(model.wavelength)))
        if isinstance(self.continuum, int):
            return chebyshev_basis(model, self.continuum)
        basis = np.atleast_2d(np.asarray(self.continuum, dtype=float))
        if basis.shape[1] != len(model.wavelength) or not np.isfinite(basis).all():
            raise InputError(f"continuum has the shape {basis.shape}; give finite (terms, {len(model.wavelength)}).")
        return basis


def chebyshev_basis(model: CannonModel, order: int) -> Floats:
    """Chebyshev polynomials in each chip and zero elsewhere, (chips * (order + 1), P)."""
    if order < 0:
        raise InputError(f"continuum is {order}; give an order of zero or more.")
    rows = []
    for first, last in model.chips:
        values = np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, last - first), order).T
        rows.append(np.pad(values, ((0, 0), (first, len(model.wavelength) - last))))
    return np.concatenate(rows)


class NuisanceSolver:
    """Solves blocks of stars for labels and nuisance terms."""

    def __init__(self, model: CannonModel, search: SearchOptions, nuisance: Nuisance) -> None:
        self.model, self.search, self.nuisance = model, search, nuisance
        self.basis = nuisance.basis(model)
        # Hidden labels count as labels here.
        self.n_labels, self.unit = len(model.label_names) + model.n_hidden, pixel_velocity(model)
        self.names = ["rv"] * nuisance.radial_velocity + ["broadening"] * nuisance.broadening
        self.names += [f"continuum_{k}" for k in range(len(self.basis))]
        self.expansion = lru_cache(maxsize=KEPT)(self._expansion)

    def solve(self, flux: NDArray[Any], ivar: NDArray[Any]) -> tuple[Solutions, dict[str, Floats], dict[str, Floats]]:
        """Solutions, nuisance terms and their errors of stars (S, P)."""
        place = np.zeros((len(flux), 2), dtype=np.int64)
        continuum = np.zeros((len(flux), len(self.basis)))
        solutions, todo = self._at(flux, ivar, place), np.arange(len(flux))
        for _ in range(self.nuisance.rounds - 1):
            moved_place, rest = self._next(solutions, place), self._continuum(solutions)
            far = np.any(moved_place != place, axis=1) | np.any(np.abs(rest) > CONTINUUM_SETTLED, axis=1)
            todo = todo[far[todo]]
            if not len(todo):
                break
            place[todo] = moved_place[todo]
            continuum[todo] += rest[todo]
            level = self._level(continuum[todo])
            _write(solutions, todo, self._at(flux[todo] / level, ivar[todo] * level**2, place[todo]))
        return solutions, *self._values(solutions, place, continuum)

    def _level(self, continuum: Floats) -> Floats:
        """The continuum of stars, (S, P); not by a product of matrices, whose rounding depends on their number."""
        level = np.ones((len(continuum), self.basis.shape[1]))
        for k, row in enumerate(self.basis):
            level += continuum[:, k, None] * row
        return level

    def _at(self, flux: NDArray[Any], ivar: NDArray[Any], place: NDArray[np.int64]) -> Solutions:
        """Solutions of stars, each expanded about its place."""
        n_unknowns = self.n_labels + len(self.names)
        solutions = _empty(len(flux), n_unknowns, len(self.model.chips))
        for shift, width in np.unique(place, axis=0):
            stars = np.flatnonzero((place == (shift, width)).all(axis=1))
            part = self.expansion(int(shift), int(width)).solve(flux[stars], ivar[stars], self.search)
            _write(solutions, stars, part)
        return solutions

    def _expansion(self, shift: int, width: int) -> Expansion:
        at = moved(self.model, shift * SHIFT_STEP, width * BROADENING_STEP)
        powers = [(*p, *(0 for _ in self.names)) for p in self.model.powers]
        columns, terms = [at.theta], list(powers)
        if self.nuisance.radial_velocity:
            columns += [-at.slope, 0.5 * at.curvature]
            terms += [self._times(p, "rv", power) for power in (1, 2) for p in powers]
        if self.nuisance.broadening:
            columns.append(0.5 * at.curvature)
            terms += [self._times(p, "broadening", 1) for p in powers]
        columns.append((self.basis * at.theta[:, 0]).T)
        terms += [self._times(powers[0], f"continuum_{k}", 1) for k in range(len(self.basis))]
        return Expansion.of(self.model, np.concatenate(columns, axis=1), at.s2, terms)

    def _times(self, powers: tuple[int, ...], name: str, power: int) -> tuple[int, ...]:
        """The powers of a term times a power of a nuisance unknown."""
        position = self.n_labels + self.names.index(name)
        return (*powers[:position], power, *powers[position + 1 :])

    def _unknown(self, solutions: Solutions, name: str) -> Floats:
        return np.nan_to_num(solutions.unknowns[:, self.n_labels + self.names.index(name)], nan=0.0)

    def _continuum(self, solutions: Solutions) -> Floats:
        first = self.n_labels + len(self.names) - len(self.basis)
        return np.nan_to_num(solutions.unknowns[:, first:], nan=0.0)

    def _next(self, solutions: Solutions, place: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each star should be expanded: within half a step of its shift and broadening."""
        new = place.copy()
        most = np.max([last - first for first, last in self.model.chips]) // 2
        if "rv" in self.names:
            new[:, 0] = _stepped(place[:, 0], self._unknown(solutions, "rv") / SHIFT_STEP, -most, most)
        if "broadening" in self.names:
            new[:, 1] = _stepped(place[:, 1], self._unknown(solutions, "broadening") / BROADENING_STEP, 0, most)
        return new

    def _values(
        self, solutions: Solutions, place: NDArray[np.int64], continuum: Floats
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Nuisance terms of each star and their errors, in their units."""
        values, errors = hidden_columns(solutions, len(self.model.label_names), self.model.n_hidden)
        for k, name in enumerate(self.names, start=self.n_labels):
            value, error = solutions.unknowns[:, k], np.sqrt(solutions.covariance[:, k, k])
            if name == "rv":
                value, error = (value + place[:, 0] * SHIFT_STEP) * self.unit, error * self.unit
            elif name == "broadening":
                value, error = _width(value + place[:, 1] * BROADENING_STEP, error, self.unit)
            else:
                value = value + continuum[:, k - self.n_labels - len(self.names) + len(self.basis)]
            values[name], errors[name] = value, error
        return values, errors


def _stepped(place: NDArray[np.int64], rest: Floats, least: int, most: int) -> NDArray[np.int64]:
    """The nearest step; one that is passed by a tenth beyond its half is kept, so that no star goes to and fro."""
    moves = np.where(np.abs(rest) > 0.6, np.rint(np.clip(rest, -2.0 * most, 2.0 * most)), 0).astype(np.int64)
    stepped: NDArray[np.int64] = np.clip(place + moves, least, most)
    return stepped


def _width(variance: Floats, error: Floats, unit: float) -> tuple[Floats, Floats]:
    """Standard deviation of the broadening and its error, from its variance in pixels."""
    width = np.sqrt(np.maximum(variance, 0.0))
    upper = np.sqrt(np.maximum(variance, 0.0) + error)
    return unit * width, unit * np.minimum(upper - width, error / np.maximum(2.0 * width, 1e-300))


def _empty(n_stars: int, n_unknowns: int, n_chips: int) -> Solutions:
    status, n_iter, best_start = (np.zeros(n_stars, dtype=np.int64) for _ in range(3))
    return Solutions(
        unknowns=np.empty((n_stars, n_unknowns)),
        covariance=np.empty((n_stars, n_unknowns, n_unknowns)),
        chip_chi2=np.empty((n_stars, n_chips)),
        chip_pixels=np.empty((n_stars, n_chips), dtype=np.int64),
        status=status,
        n_iter=n_iter,
        best_start=best_start,
        gap=np.empty(n_stars),
    )


def _write(solutions: Solutions, stars: NDArray[np.int64], part: Solutions) -> None:
    """Put the solutions of some stars into those of all."""
    for f in fields(Solutions):
        getattr(solutions, f.name)[stars] = getattr(part, f.name)

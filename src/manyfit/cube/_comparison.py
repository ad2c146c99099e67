"""Guess, fit and their difference: what moments say of a line beside what was fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._guess import FWHM, LINES, parts_of
from manyfit.errors import InputError, unknown_name
from manyfit.fitting._template import known

if TYPE_CHECKING:
    from astropy.units import Quantity
    from matplotlib.figure import Figure

    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._moments import Moments

#: Parameters that moments have a word on: the moment, and the factor from it.
GUESSES = {
    "amplitude": ("peak", 1.0),
    "mean": ("moment1", 1.0),
    "x_0": ("moment1", 1.0),
    "stddev": ("equivalent_width", 1.0),
    "fwhm": ("equivalent_width", FWHM),
}


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, Any]):
    """Pairs of maps (guess, fit) by the name of a parameter, and ``"integrated"`` for moment 0 and the fitted integral.

    Attributes
    ----------
    pairs
        The maps; NaN where one of them is not known.
    wcs
        WCS of the maps, or None.
    """

    pairs: Mapping[str, tuple[Quantity, Quantity]]
    wcs: Any = None

    def __getitem__(self, name: str) -> tuple[Quantity, Quantity]:
        """Guess and fit of one parameter."""
        if name not in self.pairs:
            raise unknown_name("Comparison", name, self.pairs)
        return self.pairs[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the compared maps."""
        return iter(self.pairs)

    def __len__(self) -> int:
        """Number of compared maps."""
        return len(self.pairs)

    def difference(self, name: str) -> Quantity:
        """Guess minus fit, a map."""
        guess, fit = self[name]
        return guess - fit

    def __str__(self) -> str:
        """A line for each map: median, smallest and largest difference."""
        lines = [f"{'guess - fit':<12} {'median':>10} {'smallest':>10} {'largest':>10}"]
        for name in self:
            difference = self.difference(name)
            finite = difference.value[np.isfinite(difference.value)]
            numbers = (np.median(finite), finite.min(), finite.max()) if finite.size else (np.nan,) * 3
            lines.append(f"{name:<12} " + " ".join(f"{x:>10.4g}" for x in numbers) + f" {difference.unit}")
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Draw a row for each map: guess, fit, and guess minus fit; velocities on a centred scale."""
        from manyfit.plot import plot_comparison

        rows = {name: (guess.value, fit.value, guess.unit) for name, (guess, fit) in self.pairs.items()}
        centred = [name for name in rows if name.startswith(("mean", "x_0")) and _is_velocity(rows[name][2])]
        first = next(iter(rows.values()))[1]
        where = np.isfinite(first) if first.ndim == 2 else None
        return plot_comparison(rows, wcs=self.wcs, centred=centred, where=where)


def compare(fit: CubeFit, moments: Moments) -> Comparison:
    """Guess and fit of each parameter of a single line that moments say something of, and of the integral.

    Parameters
    ----------
    fit
        The fit; only its good spectra count.
    moments
        Moments of the same cube.

    Raises
    ------
    InputError
        The moments are those of another cube.
    """
    shape = moments["peak"].shape
    if shape != fit.shape:
        raise InputError(f"The moments have the shape {shape}, the fit {fit.shape}. Give the moments of its cube.")
    pairs = {}
    for name, parameter in _parameters(fit):
        moment, factor = GUESSES[parameter]
        pairs[name] = _pair(factor * moments[moment], fit[name], fit.good)
    try:
        pairs["integrated"] = _pair(moments["moment0"], fit.integrated(), fit.good)
    except InputError:
        if not pairs:
            raise
    return Comparison(pairs, fit.wcs)


def _parameters(fit: CubeFit) -> Iterator[tuple[str, str]]:
    """Names of the parameters of the only line of the model; nothing if it has more than one."""
    lines = [(part, suffix) for part, suffix in parts_of(known(fit.result.template)) if type(part).__name__ in LINES]
    if len(lines) == 1:
        part, suffix = lines[0]
        yield from ((f"{name}{suffix}", name) for name in part.param_names if name in GUESSES)


def _pair(guess: Quantity, fitted: Quantity, good: Any) -> tuple[Quantity, Quantity]:
    """Both in the unit of the fit, NaN where the fit is not good."""
    guess = guess.to(fitted.unit)
    known_both = good & np.isfinite(guess.value)
    return tuple(np.where(known_both, q.value, np.nan) * q.unit for q in (guess, fitted))


def _is_velocity(unit: Any) -> bool:
    return unit is not None and bool(unit.is_equivalent("m/s"))

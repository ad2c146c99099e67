"""Models with parameters and coordinates at which they are well determined, for kernels and solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from astropy.modeling import Model
from astropy.modeling import models as m

from manyfit.kernels import Formula
from manyfit.models import formula


@dataclass(frozen=True)
class Case:
    """A model at its true parameters, its coordinates (inputs, points), and how far off a fit starts."""

    model: Model
    x: np.ndarray
    away: float = 0.05

    @property
    def formula(self) -> Formula:
        return _formula(self.model)

    @property
    def truth(self) -> np.ndarray:
        return self.model.parameters.copy()

    @property
    def values(self) -> np.ndarray:
        return self.at(self.truth)

    def at(self, parameters: Any) -> np.ndarray:
        """Astropy's own values, not those of the expression."""
        with np.errstate(all="ignore"):
            if self.model.n_submodels == 1:
                return np.asarray(self.model.evaluate(*self.x, *np.reshape(parameters, (-1, 1))), float).ravel()
            twin = self.model.copy()
            twin.parameters = parameters
            return np.asarray(twin(*self.x), float)

    def packed(self, parameters: Any = None) -> np.ndarray:
        """Parameters in the order of a kernel: the free ones, then the fixed ones."""
        values = dict(zip(self.model.param_names, self.truth if parameters is None else parameters, strict=True))
        return np.array([values[name] for name in (*self.formula.free, *self.formula.fixed)])

    def at_free(self, free: Any) -> np.ndarray:
        """Values for some free parameters, the fixed ones as they are."""
        known = dict(zip(self.model.param_names, self.truth, strict=True)) | dict(
            zip(self.formula.free, free, strict=True)
        )
        return self.at([known[name] for name in self.model.param_names])

    def times(self, factor: float) -> Case:
        """The same shape, higher or lower; the model compiles to the same kernel."""
        twin = self.model.copy()
        linear = ("amplitude", "slope", "intercept", *(f"c{i}" for i in range(6)))
        for name in twin.param_names:
            if name.split("_")[0] in linear:
                setattr(twin, name, getattr(twin, name).value * factor)
        return Case(twin, self.x, self.away)

    def start(self) -> np.ndarray:
        signs = np.where(np.arange(self.truth.size) % 2, -1.0, 1.0)
        return self.truth * (1 + self.away * signs)


@cache
def _formula(model: Model) -> Formula:
    return formula(model)


def line(low: float, high: float, n: int = 80) -> np.ndarray:
    return np.linspace(low, high, n)[None]


def square(n: int = 15) -> np.ndarray:
    return np.stack([a.ravel() for a in np.meshgrid(np.linspace(-5, 5, n), np.linspace(-4, 6, n))])


CASES = {
    "Gaussian1D": Case(m.Gaussian1D(10, 5, 1.2), line(0, 10)),
    "Lorentz1D": Case(m.Lorentz1D(8, 5, 1.7), line(0, 10)),
    "Voigt1D": Case(m.Voigt1D(5.0, 8.0, 1.1, 1.3), line(0, 10)),
    "Moffat1D": Case(m.Moffat1D(9, 5, 1.6, 2.2), line(0, 10)),
    "PowerLaw1D": Case(m.PowerLaw1D(7, 2.0, 1.4, fixed={"x_0": True}), line(0.5, 6)),
    "BrokenPowerLaw1D": Case(m.BrokenPowerLaw1D(6, 2.93, 0.7, 1.9), line(0.5, 9)),
    "Polynomial1D": Case(m.Polynomial1D(5, c0=9, c1=1, c2=0.5, c3=0.1, c4=-0.2, c5=0.3), line(-1, 1)),
    "Chebyshev1D": Case(m.Chebyshev1D(4, c0=9, c1=1, c2=0.5, c3=0.4, c4=-0.6), line(-1, 1)),
    "Sersic1D": Case(m.Sersic1D(4, 3.1, 2.2), line(0.3, 9)),
    "Sine1D": Case(m.Sine1D(3, 0.3, 0.1) + m.Const1D(7.0), line(0, 10), 0.02),
    "Line and slope": Case(m.Gaussian1D(10, 5, 0.8) + m.Linear1D(0.2, 3), line(0, 10)),
    "Two lines": Case(m.Gaussian1D(10, 3, 0.8) + m.Gaussian1D(6, 7, 1.0), line(0, 10)),
    "Three lines and slope": Case(
        m.Gaussian1D(10, 2.5, 0.6)
        + m.Gaussian1D(6, 5, 0.5)
        + m.Gaussian1D(8, 8, 0.7)
        + m.Polynomial1D(1, c0=2, c1=0.3),
        line(0, 10, 120),
        0.03,
    ),
    "Gaussian2D": Case(m.Gaussian2D(9, 0.3, 0.8, 1.6, 1.1, 0.5), square()),
    "Polynomial2D": Case(m.Polynomial2D(2, c0_0=9, c1_0=0.5, c2_0=0.1, c0_1=0.3, c0_2=0.2, c1_1=0.1), square()),
}

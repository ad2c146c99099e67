"""Values and errors of all parameters, free, fixed and tied, from the solution for the free ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manyfit.kernels import Solution
from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import Node, evaluate, is_const

from ._work import Columns


@dataclass(frozen=True)
class Parameters:
    """Parameters of all elements as plain numbers in the units of the fit.

    Attributes
    ----------
    columns
        Names of the parameters by kind.
    solution
        Results for the free parameters; NumPy or dask arrays.
    fixed
        Values of the fixed parameters, each of a shape that broadcasts to the iterating shape.
    tied
        Expressions of the tied parameters.
    absolute_sigma
        Whether the covariance of the solution is absolute; if not it is scaled by statistic / dof.
    stored
        Values and errors of parameters for which they are known instead of an expression.
    n_free
        Number of free parameters of each element, where some do without a part of them; None for all.
    """

    columns: Columns
    solution: Solution
    fixed: Mapping[str, Any]
    tied: Mapping[str, Node]
    absolute_sigma: bool
    stored: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    n_free: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The iterating shape."""
        return tuple(self.solution.status.shape)

    @property
    def fitted(self) -> Any:
        """Where there are values at all."""
        return np.isfinite(self.solution.statistic)

    @property
    def dof(self) -> Any:
        """Valid points minus free parameters, at least zero."""
        n_free = len(self.columns.free) if self.n_free is None else self.n_free
        return np.maximum(self.solution.n_points - n_free, 0)

    def value(self, name: str) -> Any:
        """Values of one parameter; NaN where there is no fit."""
        if name in self.stored:
            return self.stored[name][0]
        if name in self.columns.free:
            return self.solution.values[..., self.columns.free.index(name)]
        if name in self.columns.fixed:
            return np.where(self.fitted, np.broadcast_to(self.fixed[name], self.shape), np.nan)
        return np.where(self.fitted, evaluate(self.tied[name], self._known), np.nan)

    def error(self, name: str) -> Any:
        """Standard deviation of one parameter: 0 if it is fixed, NaN if it is on a bound or undetermined."""
        if name in self.stored:
            return self.stored[name][1]
        if name in self.columns.free:
            i = self.columns.free.index(name)
            return np.sqrt(self.covariance_of(i, i))
        if name in self.columns.fixed:
            return np.where(self.fitted, 0.0, np.nan)
        nodes = {i: derivative(self.tied[name], free) for i, free in enumerate(self.columns.free)}
        slopes = {i: evaluate(node, self._known) for i, node in nodes.items() if not is_const(node, 0.0)}
        variance = sum(a * b * self.covariance_of(i, j) for i, a in slopes.items() for j, b in slopes.items())
        return np.where(self.fitted, np.sqrt(variance), np.nan)

    def covariance_of(self, i: int, j: int) -> Any:
        """Covariance of two free parameters."""
        i, j = max(i, j), min(i, j)
        return self.solution.covariance[..., i * (i + 1) // 2 + j] * self.variance_factor

    @property
    def covariance(self) -> Any:
        """Covariance matrices of the free parameters, (..., free, free)."""
        n = len(self.columns.free)
        rows = [np.stack([self.covariance_of(i, j) for j in range(n)], axis=-1) for i in range(n)]
        return np.stack(rows, axis=-2) if rows else np.empty((*self.shape, 0, 0))

    @property
    def variance_factor(self) -> Any:
        """What the covariance is scaled by: 1, or statistic / dof where the noise is not known."""
        if self.absolute_sigma:
            return 1.0
        return np.where(self.dof > 0, self.solution.statistic / np.maximum(self.dof, 1), np.nan)

    @property
    def _known(self) -> dict[str, Any]:
        return {name: self.value(name) for name in (*self.columns.free, *self.columns.fixed)}

"""SciPy's minimisers on the expressions of the table's models: the answers that the solver must reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import evaluate
from tests.kernels.table import Case


@dataclass(frozen=True)
class Answer:
    """Free parameters, their covariance (not scaled) and the statistic at a minimum."""

    values: np.ndarray
    covariance: np.ndarray
    statistic: float

    @property
    def errors(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))


class Problem:
    """One element: values, first and second derivatives of the model at its valid points."""

    def __init__(self, case: Case, y: np.ndarray, w: np.ndarray | None = None) -> None:
        self.valid = np.isfinite(y) if w is None else np.isfinite(y) & np.isfinite(w) & (w > 0)
        self.y = y[self.valid]
        self.w = np.ones_like(self.y) if w is None else w[self.valid]
        self.formula = case.formula
        self.known: dict[str, Any] = {f"x[{i}]": x[self.valid] for i, x in enumerate(case.x)}
        self.known |= dict(zip(case.model.param_names, case.truth, strict=True))
        self.free = self.formula.free
        self.first = [derivative(self.formula.value, name) for name in self.free]

    def _at(self, node: Any, p: np.ndarray) -> np.ndarray:
        return np.broadcast_to(evaluate(node, self.known | dict(zip(self.free, p, strict=True))), self.y.shape)

    def value(self, p: np.ndarray) -> np.ndarray:
        return self._at(self.formula.value, p)

    def jacobian(self, p: np.ndarray) -> np.ndarray:
        return np.stack([self._at(node, p) for node in self.first], axis=-1)

    def residuals(self, p: np.ndarray) -> np.ndarray:
        return np.sqrt(self.w) * (self.value(p) - self.y)

    def chi2(self, start: np.ndarray, lower: Any = -np.inf, upper: Any = np.inf) -> Answer:
        """The least-squares minimum by SciPy, as exact as it gets."""

        def jacobian(p: np.ndarray) -> np.ndarray:
            return np.sqrt(self.w)[:, None] * self.jacobian(p)

        bounded = np.any(np.isfinite(lower)) or np.any(np.isfinite(upper))
        found = optimize.least_squares(
            self.residuals,
            start,
            jacobian,
            bounds=(lower, upper),
            method="trf" if bounded else "lm",
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            x_scale="jac",
            max_nfev=1000,
        )
        matrix = jacobian(found.x).T @ jacobian(found.x)
        return Answer(found.x, np.linalg.pinv(matrix), 2 * found.cost)

    def cash_at(self, p: np.ndarray) -> float:
        f = self.value(p)
        with np.errstate(all="ignore"):
            total = 2 * np.sum(f - np.where(self.y > 0, self.y * np.log(f), 0.0))
        return total if np.isfinite(total) and np.all(f >= 0) else np.inf

    def cash_gradient(self, p: np.ndarray) -> np.ndarray:
        return 2 * self.jacobian(p).T @ (1 - self.y / self.value(p))

    def cash_hessian(self, p: np.ndarray) -> np.ndarray:
        f, d = self.value(p), self.jacobian(p)
        slope = 1 - self.y / f
        result = (d * (self.y / f**2)[:, None]).T @ d
        for i, first in enumerate(self.first):
            for j, name in enumerate(self.free):
                result[i, j] += slope @ self._at(derivative(first, name), p)
        return 2 * result

    def cash(self, start: np.ndarray) -> Answer:
        """The minimum of the Cash statistic: a trust region, then Newton's steps to the last digit."""
        scale = np.maximum(np.abs(start), 0.1)
        found = optimize.minimize(
            lambda q: self.cash_at(q * scale),
            start / scale,
            jac=lambda q: self.cash_gradient(q * scale) * scale,
            hess=lambda q: self.cash_hessian(q * scale) * np.outer(scale, scale),
            method="trust-exact",
            options={"gtol": 1e-8},
        )
        p = found.x * scale
        for _ in range(3):
            p = p - np.linalg.solve(self.cash_hessian(p), self.cash_gradient(p))
        return Answer(p, 2 * np.linalg.inv(self.cash_hessian(p)), self.cash_at(p))

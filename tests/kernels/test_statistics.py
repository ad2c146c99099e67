"""The terms of a statistic against its definition and derivatives."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import ONE, evaluate, symbol
from manyfit.kernels._statistics import STATISTICS

F = symbol("f")


def values(node, f, y, w=1.0):
    return float(evaluate(node, {"f": f, "y[i]": y, "w[i]": w}))


def exact(name: str, f: float, y: float, w: float) -> mpmath.mpf:
    if name == "chi2":
        return w * (f - y) ** 2
    return 2 * (f - y * mpmath.log(f)) if y > 0 else 2 * f


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize(("f", "y"), [(3.0, 5.0), (0.2, 0.0), (1e-3, 4.0), (1e4, 1.0), (2.5, 2.5)])
def test_terms(name, f, y):
    w = 0.7 if name == "chi2" else 1.0
    terms = STATISTICS[name](F, symbol("w[i]"))
    term = values(terms.factor, f, y, w) * (values(terms.slope, f, y, w) if terms.has_slope else 1.0)
    with mpmath.workdps(40):
        point = mpmath.mpf(f)
        assert term == pytest.approx(float(exact(name, point, y, w)), rel=1e-14)
        slope = mpmath.diff(lambda t: exact(name, t, y, w), point) / 2
        curvature = mpmath.diff(lambda t: exact(name, t, y, w), point, 2) / 2
        # The expected curvature is that for counts equal to the model.
        expected = mpmath.diff(lambda t: exact(name, t, f if name == "cash" else y, w), point, 2) / 2
    assert values(terms.slope, f, y, w) == pytest.approx(float(slope), rel=1e-13, abs=1e-15)
    assert values(terms.curvature, f, y, w) == pytest.approx(float(curvature), rel=1e-13, abs=1e-15)
    assert values(terms.weight, f, y, w) == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("name", STATISTICS)
def test_slope_is_the_derivative_of_the_term_symbolically(name):
    terms = STATISTICS[name](F, ONE)
    for f, y in [(2.0, 3.0), (4.0, 0.0)]:
        slope = values(derivative(terms.slope, "f"), f, y)
        assert slope == pytest.approx(values(terms.curvature, f, y), rel=1e-14)


def test_which_statistics_need_the_observed_information():
    assert {name for name, make in STATISTICS.items() if make(F, ONE).is_curved} == {"cash"}


@pytest.mark.parametrize(("f", "y", "finite"), [(0, 0, True), (0, 1, False), (-1, 0, False), (-1, 2, False)])
def test_cash_of_models_that_are_not_positive(f, y, finite):
    assert np.isfinite(values(STATISTICS["cash"](F, ONE).factor, float(f), float(y))) == finite

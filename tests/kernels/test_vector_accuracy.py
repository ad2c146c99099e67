"""Largest errors of the vector functions against mpmath, inside a kernel with fastmath flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from manyfit.kernels.targets import vector
from manyfit.kernels.targets.vector._constants import PI, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._twofold import exact_product, exact_sum
from tests.kernels.vector_loop import apply

N = 150
RNG = np.random.default_rng(20261120)


def uniform(low: float, high: float) -> np.ndarray:
    return RNG.uniform(low, high, N)


def sizes(low: float, high: float, *, signed: bool = True) -> np.ndarray:
    size = np.exp(RNG.uniform(np.log(low), np.log(high), N))
    return size * RNG.choice([-1.0, 1.0], N) if signed else size


def near_one() -> np.ndarray:
    return 1.0 + sizes(1e-15, 0.1)


@dataclass(frozen=True)
class Case:
    """A function, its true values and its inputs (in float64; in float32 where that differs)."""

    name: str
    truth: Callable[..., Any]
    inputs: list[tuple[np.ndarray, ...]]
    inputs32: list[tuple[np.ndarray, ...]] | None = None
    limit: float = 2.7  # ulp

    def sample(self, dtype: type) -> tuple[np.ndarray, ...]:
        chosen = self.inputs32 if dtype is np.float32 and self.inputs32 else self.inputs
        return tuple(np.concatenate(arrays).astype(dtype) for arrays in zip(*chosen, strict=True))


def one(*arrays: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return [(a,) for a in arrays]


HALF_TURNS = np.arange(1, N) * np.pi / 2
POSITIVE = one(sizes(1e-307, 1e308, signed=False), uniform(0.5, 2), near_one(), sizes(5e-324, 1e-308, signed=False))
POSITIVE32 = one(sizes(1e-37, 1e38, signed=False), uniform(0.5, 2), near_one(), sizes(1e-44, 1e-38, signed=False))
ANGLES = one(uniform(-1e5, 1e5), uniform(-4, 4), HALF_TURNS, sizes(1e-300, 1))
ANGLES32 = one(uniform(-1e4, 1e4), uniform(-4, 4), HALF_TURNS, sizes(1e-35, 1))
SINES = one(uniform(-1, 1), sizes(1e-30, 1), 1 - sizes(1e-15, 1, signed=False))
SMALL = (uniform(-2, 2), sizes(1e-30, 1))
POINTS = [(uniform(-3, 3), uniform(-3, 3)), (sizes(1e-30, 1e30), sizes(1e-30, 1e30))]
CASES = [
    Case("exp", mp.exp, one(uniform(-708.3, 709.78), *SMALL), one(uniform(-87.3, 88.7), *SMALL)),
    Case("exp_nonpositive", mp.exp, one(uniform(-708, 0), uniform(-1, 0)), one(uniform(-87, 0), uniform(-1, 0))),
    Case("exp2", lambda x: mp.mpf(2) ** x, one(uniform(-1022, 1024), *SMALL), one(uniform(-126, 128), *SMALL)),
    Case(
        "exp2_nonpositive",
        lambda x: mp.mpf(2) ** x,
        one(uniform(-1022, 0), uniform(-1, 0)),
        one(uniform(-126, 0), uniform(-1, 0)),
    ),
    Case("expm1", mp.expm1, one(uniform(-40, 709.7), *SMALL), one(uniform(-20, 88.7), *SMALL)),
    Case("log", mp.log, POSITIVE, POSITIVE32, limit=1.0),
    Case("log2", lambda x: mp.log(x, 2), POSITIVE, POSITIVE32, limit=2.0),
    Case("log10", mp.log10, POSITIVE, POSITIVE32, limit=2.0),
    Case(
        "log1p",
        mp.log1p,
        one(uniform(-1, 2), sizes(1e-300, 0.9), sizes(1e-3, 1e300, signed=False)),
        one(uniform(-1, 2), sizes(1e-35, 0.9), sizes(1e-3, 1e35, signed=False)),
        limit=1.5,
    ),
    Case(
        "pow",
        mp.power,
        [
            (sizes(1e-300, 1e300, signed=False), uniform(-1, 1)),
            (uniform(0.5, 2), uniform(-1000, 1000)),
            (1 + sizes(1e-7, 0.1), sizes(1, 7e3)),
            (-uniform(0.1, 4), np.rint(uniform(-300, 300))),
        ],
        [
            (sizes(1e-37, 1e37, signed=False), uniform(-1, 1)),
            (uniform(0.5, 2), uniform(-120, 120)),
            (-uniform(0.5, 2), np.rint(uniform(-100, 100))),
        ],
        limit=1.8,
    ),
    Case("sin", mp.sin, ANGLES, ANGLES32, limit=1.5),
    Case("cos", mp.cos, ANGLES, ANGLES32, limit=1.5),
    Case("tan", mp.tan, ANGLES, ANGLES32, limit=3.0),
    Case("arcsin", mp.asin, SINES, limit=2.5),
    Case("arccos", mp.acos, SINES, limit=1.5),
    Case("arctan", mp.atan, one(uniform(-3, 3), sizes(1e-30, 1e30)), limit=2.0),
    Case("arctan2", mp.atan2, POINTS, limit=1.5),
    Case("sinh", mp.sinh, one(uniform(-710.4, 710.4), *SMALL), one(uniform(-89.4, 89.4), *SMALL)),
    Case("cosh", mp.cosh, one(uniform(-710.4, 710.4), *SMALL), one(uniform(-89.4, 89.4), *SMALL), limit=3.0),
    Case("tanh", mp.tanh, one(uniform(-25, 25), *SMALL)),
    Case("erf", mp.erf, one(uniform(-6.5, 6.5), *SMALL), limit=1.5),
    Case("erfc", mp.erfc, one(uniform(-6, 26.5), *SMALL), one(uniform(-4, 9), *SMALL), limit=3.8),
    Case("hypot", mp.hypot, [(sizes(1e-300, 1e300), sizes(1e-300, 1e300)), *POINTS], POINTS, limit=1.0),
    Case("sqrt", mp.sqrt, POSITIVE, POSITIVE32, limit=0.5),
]


def ulp_error(got: np.floating, inputs: list[mp.mpf], truth: Callable[..., Any]) -> float:
    """Distance from the truth in units of its last place; 0 where the truth is not a normal number."""
    info = np.finfo(got.dtype)
    true = truth(*inputs)
    if not float(info.tiny) <= abs(true) <= float(info.max):
        return 0.0
    unit = mp.mpf(2) ** (mp.frexp(abs(true))[1] - 1 - info.nmant)
    return float(abs(mp.mpf(float(got)) - true) / unit)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_error_stays_below_its_limit(case, dtype):
    inputs = case.sample(dtype)
    got = apply(getattr(vector, case.name), *inputs)
    assert got.dtype == dtype
    assert np.isfinite(got).all()
    with mp.workdps(45):
        rows = zip(*(map(float, values) for values in inputs), strict=True)
        errors = [ulp_error(g, [mp.mpf(v) for v in row], case.truth) for g, row in zip(got, rows, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= case.limit, (case.name, [v[worst] for v in inputs])


@pytest.mark.parametrize("fastmath", [True, False])
@pytest.mark.parametrize("name", ["exp", "log", "pow", "sin", "erfc", "log1p"])
def test_error_does_not_depend_on_the_flags_of_the_caller(name, fastmath):
    case = next(case for case in CASES if case.name == name)
    inputs = case.sample(np.float64)
    function = getattr(vector, name)
    assert np.array_equal(apply(function, *inputs, fastmath=fastmath), apply(function, *inputs))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_element_does_not_depend_on_its_place_in_the_array(case, dtype):
    inputs = case.sample(dtype)
    function = getattr(vector, case.name)
    alone = [apply(function, *(v[i : i + 1] for v in inputs))[0] for i in range(0, inputs[0].size, 7)]
    assert np.array_equal(apply(function, *inputs)[::7], alone)


def test_integers_have_exact_powers_of_two():
    n = np.arange(-1022.0, 1024.0)
    assert np.array_equal(apply(vector.exp2, n), np.ldexp(1.0, n.astype(int)))
    assert np.array_equal(apply(vector.log2, np.ldexp(1.0, n.astype(int))), n)
    assert np.array_equal(apply(vector.pow, np.full_like(n, 2.0), n), np.ldexp(1.0, n.astype(int)))


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_large_angles_lose_no_more_than_rounding(name):
    x = sizes(1e5, 1e15)
    truth = np.array([float(getattr(mp, name)(mp.mpf(v))) for v in x])
    assert np.allclose(apply(getattr(vector, name), x), truth, rtol=4e-16, atol=1e-16)


@elementary(lambda x, y: None)
def error_of_sum(x, y):
    return exact_sum(x, y)[1]


@elementary(lambda x, y: None)
def error_of_product(x, y):
    return exact_product(x, y)[1]


@pytest.mark.parametrize("fastmath", [True, False])
def test_twofold_arithmetic_is_exact_whatever_the_flags(fastmath):
    x, y = sizes(1e-5, 1e5), sizes(1e-5, 1e5)
    exact = [(Fraction(a), Fraction(b)) for a, b in zip(x, y, strict=True)]
    sums = [float(a + b - Fraction(float(a + b))) for a, b in exact]
    products = [float(a * b - Fraction(float(a * b))) for a, b in exact]
    assert np.array_equal(apply(error_of_sum, x, y, fastmath=fastmath), sums)
    assert np.array_equal(apply(error_of_product, x, y, fastmath=fastmath), products)


@pytest.mark.parametrize(("width", "digits"), [(64, 47), (32, 20)])
def test_parts_add_up_and_keep_their_bits(width, digits):
    high, middle, low = parts(PI, width, 3, bits=20)
    left = abs(PI - sum(map(Fraction, (high, middle, low))))
    assert left < Fraction(1, 10 ** (digits // 2))
    assert (high * 2**18).is_integer()
    with mp.workdps(60):
        assert abs(mp.mpf(PI.numerator) / PI.denominator - mp.pi) < mp.mpf("1e-50")

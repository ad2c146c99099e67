"""Tracers do what NumPy's arrays do, or refuse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as sp

from manyfit.errors import ModelNotCompiled
from manyfit.kernels._expression import evaluate, symbol
from manyfit.models import _array_functions as _  # noqa: F401  registers the functions
from manyfit.models._tracer import Tracer, node_of
from manyfit.models._ufuncs import NUMPY, SCIPY

A = np.array([-2.5, -1.0, -0.3, 0.0, 0.4, 1.0, 1.7, 3.2, 2.0, -2.0])
B = np.array([0.7, -1.0, 2.2, 0.5, 0.4, -3.1, 1.1, 0.9, -0.8, 1.5])
P, Q, R = np.abs(A) + 0.2, np.abs(B) + 0.1, np.abs(A - B) + 0.3
UNIT = A / 3.3


def traced(function, *arrays):
    """The values of a function's trace."""
    names = "abc"[: len(arrays)]
    tracers = [Tracer(symbol(name)).reshape(1) for name in names]
    node = node_of(function(*tracers))
    return evaluate(node, dict(zip(names, arrays, strict=True))) + np.zeros(len(A))


ARGUMENTS = {
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (UNIT,)),
    **dict.fromkeys(["sqrt", "log", "log2", "log10", "log1p", "reciprocal"], (P,)),
    **dict.fromkeys(["power", "float_power"], (P, B)),
    "arccosh": (P + 1.0,),
    **dict.fromkeys(["divide", "fmod", "remainder", "floor_divide"], (A, B)),
    **dict.fromkeys(["gamma", "gammaln", "psi", "erfcx"], (P,)),
    "gammaincinv": (P, np.abs(UNIT)),
    "xlogy": (np.maximum(A, 0), Q),
    "voigt_profile": (A, P, Q),
    **dict.fromkeys(["logical_not", "invert"], (A > 0,)),
}


def arguments(ufunc):
    return ARGUMENTS.get(ufunc.__name__, (A, B, R)[: ufunc.nin])


UFUNCS = [getattr(np, name) for name in NUMPY] + [getattr(sp, name) for name in SCIPY]
BITWISE = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"}


@pytest.mark.parametrize("ufunc", [u for u in UFUNCS if u.__name__ not in BITWISE], ids=lambda u: u.__name__)
def test_universal_functions(ufunc):
    arrays = arguments(ufunc)
    expected = ufunc(*arrays)
    np.testing.assert_allclose(traced(ufunc, *arrays), expected.astype(float), rtol=1e-13, atol=1e-15)


def test_every_universal_function_of_numpy_for_floats_is_known_or_left_out_on_purpose():
    left_out = {
        # of two results, of whole numbers, of dates, of text, of the bits of a float
        *("divmod", "modf", "frexp", "gcd", "lcm", "bitwise_count", "left_shift", "right_shift", "isnat"),
        *("ldexp", "nextafter", "spacing", "signbit", "matmul", "vecdot", "matvec", "vecmat"),
    }
    ufuncs = {u.__name__ for u in vars(np).values() if isinstance(u, np.ufunc)}
    assert ufuncs - left_out - set(NUMPY) == set()


def in_place(a, b):
    c = a.copy()
    c += b
    c *= 2
    c **= 2
    c /= 3
    c -= a
    return c


def masks(a, b):
    c = np.empty_like(a)
    c[:] = b
    high = a > 0.5
    c[high] = np.exp(a[high]) * b[high]
    c[~high & (b > 0)] *= 2
    return c


def masks_with_numbers(a):
    c = a * 1
    c[a < 0] = 0
    c[c > 1] = 1.0
    return c


CLIP_HAS_KEYWORDS = np.lib.NumpyVersion(np.__version__) >= "2.1.0"

EXPRESSIONS = {
    "arithmetic": lambda a, b: (2 * a - b / 3) ** 2 + 1 - (-a),
    "reflected": lambda a, b: 2 - a + 3 / (b + 5) + 2**a,
    "float power": lambda a, b: np.abs(a) ** 1.5 + np.abs(a) ** 0.5 + b**3,
    "in place": in_place,
    "conditions": lambda a, b: ((a > 0) & (b > 0) | ~(a < b)) * a,
    "conditions are numbers": lambda a, b: (a > 0) * b + (a <= 0) * a,
    "sum of conditions": lambda a, b: np.where((a > 0) + (b > 0), a, b),
    "xor": lambda a, b: np.where((a > 0) ^ (b > 0), a, b),
    "equality": lambda a, b: np.where(a == b, 1.0, np.where(a != b, 2.0, 3.0)),
    "where of a number": lambda a, b: np.where(a, b, 7.0),
    "select": lambda a, b: np.select([a > 1, a > 0, b > 0], [a, b, 2.0], -1.0),
    "piecewise": lambda a, b: np.piecewise(a, [a < -1, a > 1], [lambda t: t**2, 3.0, lambda t: -t]),
    "clip": lambda a, b: np.clip(a, -1.0, 1.0),
    "clip from below": lambda a, b: np.clip(a, b, None),
    **({"clip by keyword": lambda a, b: np.clip(a, min=b)} if CLIP_HAS_KEYWORDS else {}),
    "sinc": lambda a, b: np.sinc(a),
    "nan_to_num": lambda a, b: np.nan_to_num(a / np.where(b > 0, 1.0, 0.0) * np.where(a == 0, np.nan, 1), nan=3),
    "round": lambda a, b: np.round(a) + np.round(b, 1),
    "polyval": lambda a, b: np.polyval([1.0, 2.0, 3.0], a),
    "likes": lambda a, b: np.ones_like(a) + np.zeros_like(a) + np.full_like(a, 3.0) + a,
    "real": lambda a, b: np.real(a) + a.real + np.imag(b) + b.imag,
    "mask": masks,
    "mask and number": lambda a, b: masks_with_numbers(a),
    "sum over constants": lambda a, b: np.sum(np.array([1.0, 2.0]) * a[:, None] ** np.array([1, 2]), axis=1),
    "mean over constants": lambda a, b: np.mean(np.array([1.0, 2.0]) + a[:, None], axis=-1),
    "prod over constants": lambda a, b: np.prod(np.array([1.0, 2.0]) + a[:, None], axis=1),
    "max over constants": lambda a, b: np.max(np.array([0.5, 2.0]) * a[:, None], axis=1),
    "any over constants": lambda a, b: np.any(np.array([0.5, 2.0]) > a[:, None], axis=1) * b,
    "keepdims": lambda a, b: np.sum(np.ones(3) * a[:, None], axis=1, keepdims=True)[:, 0],
    "stack": lambda a, b: np.stack([a, b]).sum(axis=0) + np.concatenate([[a], [b]]).sum(axis=0),
    "list": lambda a, b: np.sum([a, b, a * b], axis=0),
    "array of objects": lambda a, b: np.exp(np.asarray(a)) * b + np.sqrt(np.asarray(b) ** 2),
    "dot": lambda a, b: np.dot(np.array([1.0, 2.0]), np.stack([a, b])),
    "matmul": lambda a, b: np.array([1.0, 2.0]) @ np.stack([a, b]),
    "shapes": lambda a, b: np.atleast_1d(a).reshape(-1).ravel().T.copy().astype(float)[...] + np.shape(b)[0] * 0,
    "radians": lambda a, b: np.radians(a) + np.deg2rad(b) + np.degrees(a) + np.rad2deg(b),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name):
    function = EXPRESSIONS[name]
    with np.errstate(all="ignore"):
        expected = function(A, B)
    np.testing.assert_allclose(traced(function, A, B), expected, rtol=1e-13, atol=1e-15)


def test_assignment_leaves_other_names_alone():
    a = Tracer(symbol("a")).reshape(1)
    b = a.copy()
    b[b > 0] = 0.0
    b += 1.0
    assert node_of(a) is symbol("a")


def test_numbers_that_do_not_depend_on_data_are_numbers():
    one = Tracer(symbol("a")).reshape(1) * 0.0 + 1.0
    assert bool(one > 0.5)
    assert float(one) == 1.0
    assert [1, 2, 3][one] == 2
    assert one.item() == 1.0


MISUSES = {
    "if": (lambda a: 1 if a > 0 else 2, "a branch"),
    "and": (lambda a: (a > 0) and (a < 1), "a branch"),
    "chained comparison": (lambda a: 0 < a < 1, "a branch"),
    "float": (float, r"float\(\)"),
    "int": (int, "whole number"),
    "range": (range, "whole number"),
    "complex": (lambda a: a * 1j, "complex128"),
    "len": (len, "number of points"),
    "loop": (list, "Python loop"),
    "unpacking": (lambda a: [*a], "Python loop"),
    "positions": (lambda a: np.where(a > 0), "positions"),
    "sum of all": (np.sum, r"np\.sum looks at all points"),
    "mean of all": (lambda a: a - a.mean(), r"np\.sum looks at all points"),
    "max of all": (lambda a: a / a.max(), r"np\.max looks at all points"),
    "any": (lambda a: np.any(a > 0), r"np\.any looks at all points"),
    "all": (lambda a: (a > 0).all(), r"np\.all looks at all points"),
    "accumulate": (np.add.accumulate, "accumulate"),
    "interpolation": (lambda a: np.interp(a, [0, 1], [0, 1]), r"np\.interp"),
    "unknown ufunc": (sp.zeta, "zeta"),
    "ufunc of the user": (np.frompyfunc(lambda v: v + 1, 1, 1), "no compiled counterpart"),
    "bits of numbers": (lambda a: ~a, "conditions"),
    "to whole numbers": (lambda a: a.astype(int), "int64"),
    "text": (lambda a: a + "x", "type <U1"),
    "output array": (lambda a: np.exp(a, out=np.zeros(1)), "np.zeros_like"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_refused(name):
    function, reason = MISUSES[name]
    with pytest.raises(ModelNotCompiled, match=reason):
        function(Tracer(symbol("a")).reshape(1))


def test_attributes_are_those_of_one_point():
    a = Tracer(symbol("a")).reshape(1)
    assert (a.shape, a.ndim, a.size, a.dtype) == ((1,), 1, 1, np.float64)
    assert not hasattr(a, "unit")

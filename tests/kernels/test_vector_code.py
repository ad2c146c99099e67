"""Special values, types and machine code of the vector functions."""

from __future__ import annotations

import inspect
import math
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from manyfit.kernels.targets import vector
from tests.kernels.vector_loop import FLAGS, apply, compiled

NAMES = sorted(name for name in vars(vector) if inspect.isfunction(getattr(vector, name)) and name != "select")
TWO = {"arctan2", "copysign", "hypot", "maximum", "minimum", "pow", "wofz_im", "wofz_re"}
NONPOSITIVE = {"exp_nonpositive", "exp2_nonpositive"}
SINGLE_INSTRUCTIONS = {"copysign", "fabs", "floor", "maximum", "minimum", "rint", "sqrt"}
SPECIAL = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    -7.5,
    30.0,
    -30.0,
    750.0,
    -750.0,
]


def extremes(dtype):
    info = np.finfo(dtype)
    return [info.max, -info.max, info.tiny, -info.tiny, info.smallest_subnormal]


def nan_of_all_ones(dtype):
    """The NaN that CFITSIO writes: its low bits are set, too."""
    integer = np.int64 if dtype is np.float64 else np.int32
    return np.array([-1], integer).view(dtype)


def inputs_of(name, dtype):
    values = np.concatenate([np.array(SPECIAL + extremes(dtype), dtype), nan_of_all_ones(dtype)])
    if name in NONPOSITIVE:
        values = values[~(values > 0)]
    if name in TWO:
        return tuple(grid.ravel().copy() for grid in np.meshgrid(values, values))
    return (values,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("wofz")])
def test_special_values_are_those_of_numpy(name, dtype):
    function = getattr(vector, name)
    inputs = inputs_of(name, dtype)
    got, expected = apply(function, *inputs), function(*inputs)
    if name in {"sin", "cos", "tan"}:  # documented: no result where neighbours are a quarter apart
        expected = np.where(abs(inputs[0]) > 2.0**21, np.nan, expected)
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(got, expected, rtol=8 * np.finfo(dtype).eps, atol=tiny)
    kept = expected != 0 if name in {"sin", "tan"} else ~np.isnan(expected)
    kept &= (abs(expected) >= tiny) | (expected == 0)
    assert np.array_equal(np.signbit(got[kept]), np.signbit(expected[kept]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_code_is_packed_and_calls_no_library(name, dtype):
    n = 2 if name in TWO else 1
    kernel = compiled(getattr(vector, name), n)
    values = np.linspace(-0.9, -0.1, 40).astype(dtype)
    kernel(*[values] * n, np.empty_like(values))
    code = kernel.inspect_asm((*[numba.from_dtype(np.dtype(dtype))[::1]] * (n + 1),))
    assert not re.search(r"\$\.?(exp|log|pow|sin|cos|tan|fma|floor|rint|sqrt|erf|hypot|atan)", code)
    if platform.machine() in {"x86_64", "AMD64"} and name not in SINGLE_INSTRUCTIONS:
        assert re.search(r"v(fn?m(add|sub)\d+|mul)p[ds]\s.*%[yz]mm", code)


@pytest.mark.parametrize("name", NAMES)
def test_python_call_is_an_independent_reference(name):
    function = getattr(vector, name)
    inputs = [np.array([-0.75, -0.25, 0.0]) if name in NONPOSITIVE else np.array([0.125, 0.5, 0.875])]
    inputs *= 2 if name in TWO else 1
    oracle = getattr(
        math, {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2"}.get(name, name), None
    )
    if oracle is not None and name not in TWO:
        np.testing.assert_allclose(function(*inputs), [oracle(v) for v in inputs[0]], rtol=1e-15)
    np.testing.assert_allclose(apply(function, *inputs), function(*inputs), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_select_chooses_and_keeps_the_type(dtype):
    @numba.njit(fastmath=set(FLAGS))
    def kernel(x, out):
        for i in range(x.size):
            out[i] = vector.select(x[i] > 0, x[i], -2 * x[i])

    x = np.array([-3.0, 4.0], dtype)
    out = np.empty_like(x)
    kernel(x, out)
    assert out.tolist() == [6.0, 4.0]
    assert vector.select(x > 0, x, -2 * x).tolist() == [6.0, 4.0]


def test_types_are_kept_and_the_widest_wins():
    @numba.njit
    def types(x32, x64):
        return vector.pow(x32, 2), vector.pow(x32, x32), vector.pow(x32, x64), vector.exp(2), vector.exp(x32)

    signature = (numba.float32, numba.float64)
    types.compile(signature)
    kinds = types.overloads[signature].signature.return_type.types
    assert [str(kind) for kind in kinds] == ["float32", "float32", "float64", "float64", "float32"]


def test_arrays_and_complex_numbers_are_refused_at_compile_time():
    @numba.njit
    def kernel(x):
        return vector.exp(x)

    with pytest.raises(numba.TypingError, match="exp"):
        kernel(1j)


def test_a_cached_kernel_is_loaded_by_another_process(tmp_path: Path):
    (tmp_path / "cached.py").write_text(
        "import numba\n"
        "from manyfit.kernels.targets.vector import exp, select\n"
        "@numba.njit(cache=True)\n"
        "def kernel(x):\n"
        "    return select(x > 0.0, exp(x), x)\n"
        "print(kernel(1.0), sum(kernel.stats.cache_hits.values()))\n"
    )
    command = [sys.executable, "cached.py"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    runs = [
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert [run.split()[1] for run in runs] == ["0", "1"]
    assert float(runs[1].split()[0]) == pytest.approx(math.e, rel=1e-15)

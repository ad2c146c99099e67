"""Tests of manyfit.fitting._transpose."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.fitting import _transpose
from manyfit.fitting._transpose import rows

DTYPES = (">f4", "<f4", ">f8", "<f8", ">i2", "<u4", "u1", "<i8", "<f2")


def naive(block, n_iterating):
    n = int(np.prod(block.shape[:n_iterating]))
    return np.array([[float(v) for v in element.ravel()] for element in block.reshape(n, -1)]) if block.size else None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_rows_hold_the_points_of_each_element(data):
    n_iterating, n_fitting = data.draw(st.sampled_from([(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (0, 2)]))
    n = n_iterating + n_fitting
    order = data.draw(st.permutations(range(n)))
    shape = [data.draw(st.sampled_from([1, 2, 5, 8, 9, 17])) for _ in range(n)]
    cut = [
        data.draw(st.sampled_from([slice(None), slice(1, None), slice(None, None, -1), slice(None, None, 2)]))
        for _ in range(n)
    ]
    values = (np.arange(np.prod(shape)) % 251).reshape(shape).astype(data.draw(st.sampled_from(DTYPES)))
    block = values[tuple(cut)].transpose(order)
    got = rows(block, n_iterating)
    assert got.dtype == np.float64
    assert got.dtype.isnative
    assert got.flags.c_contiguous
    assert got.shape == (np.prod(block.shape[:n_iterating]), np.prod(block.shape[n_iterating:]))
    if block.size:
        np.testing.assert_array_equal(got, naive(block, n_iterating))


@pytest.mark.parametrize("dtype", DTYPES[:4])
@pytest.mark.parametrize("n_points", [7, 8, 9, 20])
@pytest.mark.parametrize("n_elements", [7, 8, 127, 128, 130, 300])
def test_every_width_of_strip(dtype, n_points, n_elements):
    cube = np.random.default_rng(1).normal(size=(n_points, n_elements + 3)).astype(dtype)
    np.testing.assert_array_equal(rows(cube[:, 2:-1].T, 1), cube[:, 2:-1].T.astype(float))


def test_part_of_the_rows_of_a_cube():
    cube = np.random.default_rng(1).normal(size=(20, 30, 40)).astype(">f4")
    part = np.moveaxis(cube[:, 3:25, 5:21], 0, -1)
    np.testing.assert_array_equal(rows(part, 2), part.reshape(-1, 20).astype(float))


def test_values_that_are_not_aligned():
    raw = np.random.default_rng(1).normal(size=(20, 30)).astype(">f4").tobytes()
    cube = np.frombuffer(b"x" + raw, np.uint8)[1:].view(np.uint8)
    cube = np.ndarray((20, 30), ">f4", b"x" + raw, offset=1)
    np.testing.assert_array_equal(rows(cube.T, 1), cube.T.astype(float))


@pytest.mark.parametrize("dtype", DTYPES[:4])
def test_special_values_survive(dtype):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38, -1.5], dtype)
    cube = np.tile(special, (9, 2))
    got = rows(cube.T, 1)
    np.testing.assert_array_equal(got, cube.T.astype(float))
    assert np.array_equal(np.signbit(got), np.signbit(cube.T.astype(float)))


@pytest.mark.parametrize("shape", [(0, 5), (4, 0, 3), (5, 0)])
def test_nothing_to_turn(shape):
    assert rows(np.zeros(shape), 1).size == 0


def test_the_block_is_not_changed():
    cube = np.random.default_rng(1).normal(size=(20, 30)).astype(">f4")
    before = cube.copy()
    rows(cube.T, 1)[...] = 0
    np.testing.assert_array_equal(cube, before)


def test_repeated_values():
    np.testing.assert_array_equal(rows(np.broadcast_to(np.arange(9.0)[:, None], (9, 20)), 1)[3], np.full(20, 3.0))


def test_no_folder_for_compiled_code(monkeypatch):
    njit = numba.njit

    def cannot_cache(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function 'turn': no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", cannot_cache)
    monkeypatch.setattr(_transpose, "_kernel", _transpose._kernel.__wrapped__)
    cube = np.random.default_rng(1).normal(size=(9, 20))
    np.testing.assert_array_equal(rows(cube.T, 1), cube.T)

"""What must not matter: units, order, blocks, padding, executors, the type of the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.modeling import models as m
from hypothesis import given, settings
from hypothesis import strategies as st

import manyfit
from manyfit.fitting._fit import fit_problem
from manyfit.fitting._problem import problem
from manyfit.fitting._run import Where
from manyfit.kernels import Options, Status

X = np.linspace(0.0, 10.0, 45)
QUICK = settings(max_examples=20, deadline=None, database=None)


def line(scale: float = 1.0, shift: float = 0.0, unit: float = 1.0) -> m.Gaussian1D:
    return m.Gaussian1D(4.0 * scale, (5.0 + shift) * unit, 1.3 * unit)


def spectra(n: int = 24, seed: int = 0) -> np.ndarray:
    """Lines of different places and heights, some values masked, one element empty, one too short."""
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(4, 6, n), rng.uniform(3, 6, n)
    y = heights * np.exp(-0.5 * ((X[:, None] - centres) / 1.2) ** 2) + rng.normal(0, 0.2, (X.size, n))
    y[rng.random(y.shape) < 0.05] = np.nan
    y[:, 3], y[2:, 5] = np.nan, np.nan
    return y


def maps(result: manyfit.FitResult) -> dict[str, np.ndarray]:
    arrays = {name: result[name] for name in result.names}
    arrays |= {f"error of {name}": result.error[name] for name in result.names}
    arrays |= {"statistic": result.statistic, "status": result.status, "n_iter": result.n_iter}
    return arrays | {"n_points": result.n_points, "dof": result.dof, "covariance": result.covariance}


def assert_identical(a: manyfit.FitResult, b: manyfit.FitResult) -> None:
    """Bit for bit."""
    mine, theirs = maps(a), maps(b)
    for name, values in mine.items():
        assert values.tobytes() == theirs[name].tobytes(), name


REFERENCE = {
    "plain": {},
    "weighted": {"uncertainty": np.linspace(0.1, 0.3, X.size)},
    "mixed": {"precision": "mixed"},
}


@pytest.fixture(scope="module", params=REFERENCE)
def reference(request):
    """Keywords and the result on a single block in this thread."""
    more = REFERENCE[request.param]
    return more, manyfit.fit(line(), spectra(), world=X, scheduler="serial", **more)


# -- where and in what portions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        {"scheduler": "threads", "workers": 1},
        {"scheduler": "threads", "workers": 2},
        {"scheduler": "threads", "workers": 7, "memory": 1},
        {"scheduler": "serial", "memory": 1},
        {"scheduler": "processes", "workers": 2, "memory": 20_000},
        {"scheduler": "default"},
        {"scheduler": "synchronous", "memory": 20_000},
    ],
    ids=str,
)
def test_executor_and_memory(reference, where):
    more, expected = reference
    assert_identical(manyfit.fit(line(), spectra(), world=X, **where, **more), expected)


@QUICK
@given(st.integers(1, 30), st.sampled_from(["serial", "threads"]))
def test_any_block(n, scheduler):
    expected = manyfit.fit(line(), spectra(), world=X, scheduler="serial")
    made = problem(line(), spectra(), world=X)
    where = Where(scheduler, 3, None, n)
    assert len(where.plan(made, 3).blocks) >= 24 // n
    found = fit_problem(made, Options(), where)
    assert_identical(found, expected)


def test_lazy_is_the_same():
    expected = manyfit.fit(line(), spectra(), world=X)
    lazy = manyfit.fit(line(), spectra(), world=X, compute=False, memory=20_000)
    assert lazy.is_lazy
    assert_identical(lazy.compute(), expected)


def test_dask_chunks():
    import dask.array as da

    expected = manyfit.fit(line(), spectra(), world=X)
    for chunks in [(45, 24), (45, 5), (7, 24), (13, 11)]:
        assert_identical(manyfit.fit(line(), da.from_array(spectra(), chunks=chunks), world=X), expected)


def test_neighbours_do_not_matter():
    y = spectra()
    all_ = maps(manyfit.fit(line(), y, world=X))
    for i in (0, 3, 5, 23):
        alone = maps(manyfit.fit(line(), y[:, i], world=X))
        for name, values in alone.items():
            assert np.asarray(values).tobytes() == np.asarray(all_[name])[i].tobytes(), name


# -- layout ------------------------------------------------------------------------------------------------


@QUICK
@given(st.permutations(range(24)))
def test_order_of_elements(order):
    expected = maps(manyfit.fit(line(), spectra(), world=X))
    found = maps(manyfit.fit(line(), spectra()[:, list(order)], world=X))
    for name, values in expected.items():
        assert values[list(order)].tobytes() == found[name].tobytes(), name


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_place_of_the_fitting_axis(axis):
    y = spectra().reshape(45, 4, 6)
    expected = manyfit.fit(line(), y, world=X)
    assert_identical(manyfit.fit(line(), np.moveaxis(y, 0, axis), fitting_axes=axis, world=X), expected)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [">f4", "<f4", ">f8", "f8"])
def test_type_and_byte_order_of_the_same_values(kind, order):
    y = spectra().astype(np.float32)
    expected = manyfit.fit(line(), y.astype(float), world=X)
    assert_identical(manyfit.fit(line(), np.asarray(y, kind, order=order), world=X), expected)


def test_views_with_steps():
    y = spectra()
    expected = manyfit.fit(line(), y, world=X)
    wide = np.full((90, 48), -99.0)
    wide[::2, ::2] = y
    assert_identical(manyfit.fit(line(), wide[::2, ::2], world=X), expected)
    assert_identical(
        manyfit.fit(line(), y[::-1], world=X[::-1].copy()), manyfit.fit(line(), y[::-1].copy(), world=X[::-1])
    )


@QUICK
@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([np.nan, np.inf, 1e30]))
def test_padding_with_masked_points(before, after, filler):
    y = spectra()
    expected = manyfit.fit(line(), y, world=X)
    padded = np.full((before + X.size + after, 24), filler)
    padded[before : before + X.size] = y
    world = np.concatenate([np.arange(before) - 50.0, X, np.arange(after) + 50.0])
    mask = np.ones(padded.shape, bool)
    mask[before : before + X.size] = False
    assert_identical(manyfit.fit(line(), padded, world=world, mask=mask), expected)


def test_mask_is_nan_is_no_weight():
    y = spectra()
    bad = np.random.default_rng(9).random(y.shape) < 0.2
    ones = np.ones(y.shape)
    masked = manyfit.fit(line(), y, world=X, mask=bad, uncertainty=ones)
    assert_identical(manyfit.fit(line(), np.where(bad, np.nan, y), world=X, uncertainty=ones), masked)
    assert_identical(manyfit.fit(line(), y, world=X, uncertainty=np.where(bad, np.inf, ones)), masked)
    assert_identical(manyfit.fit(line(), np.ma.array(y, mask=bad), world=X, uncertainty=ones), masked)


# -- units -------------------------------------------------------------------------------------------------


def close(found: manyfit.FitResult, expected: manyfit.FitResult, factors: dict[str, float]) -> None:
    np.testing.assert_array_equal(found.status, expected.status)
    good = expected.good
    for name, factor in factors.items():
        error = expected.error[name][good]
        away = (found[name][good] / factor - expected[name][good]) / error
        np.testing.assert_allclose(away, 0, atol=2e-6)
        np.testing.assert_allclose(found.error[name][good] / factor, error, rtol=1e-5)


@QUICK
@given(st.floats(-25, 25), st.floats(-9, 9))
def test_scale_of_units(power_of_y, power_of_x):
    """Janskys or watts, metres or nanometres: the same fit."""
    height, width = 10.0**power_of_y, 10.0**power_of_x
    expected = manyfit.fit(line(), spectra(), world=X)
    found = manyfit.fit(line(height, unit=width), spectra() * height, world=X * width)
    close(found, expected, {"amplitude": height, "mean": width, "stddev": width})
    np.testing.assert_allclose(found.statistic / height**2, expected.statistic, rtol=1e-9)


@pytest.mark.parametrize("power", [-12, -6, 6, 12])
def test_powers_of_two_are_exact(power):
    """Such a scale changes no digit of any number."""
    factor = 2.0**power
    expected = manyfit.fit(line(), spectra(), world=X)
    found = manyfit.fit(line(factor), spectra() * factor, world=X)
    np.testing.assert_array_equal(found["amplitude"] / factor, expected["amplitude"])
    np.testing.assert_array_equal(found["mean"], expected["mean"])


@QUICK
@given(st.floats(-1e4, 1e4))
def test_origin_of_coordinates(shift):
    expected = manyfit.fit(line(), spectra(), world=X)
    found = manyfit.fit(line(shift=shift), spectra(), world=X + shift)
    close(found, expected, {"amplitude": 1.0, "stddev": 1.0})
    away = (found["mean"] - shift - expected["mean"]) / expected.error["mean"]
    np.testing.assert_allclose(away[expected.good], 0, atol=2e-6)


@QUICK
@given(st.floats(-6, 6))
def test_scale_of_weights_does_not_matter_without_sigma(power):
    """Weights are relative; uncertainties scale the errors."""
    w = np.linspace(0.5, 2.0, X.size)
    expected = manyfit.fit(line(), spectra(), world=X, weights=w)
    close(
        manyfit.fit(line(), spectra(), world=X, weights=w * 10**power),
        expected,
        dict.fromkeys(expected.names, 1.0),
    )


@QUICK
@given(st.floats(0.01, 100))
def test_errors_are_proportional_to_uncertainties(factor):
    one = manyfit.fit(line(), spectra(), world=X, uncertainty=0.2)
    other = manyfit.fit(line(), spectra(), world=X, uncertainty=0.2 * factor)
    good = one.status == Status.CONVERGED
    for name in one.names:
        np.testing.assert_allclose(other[name][good], one[name][good], rtol=1e-6)
        np.testing.assert_allclose(other.error[name][good], factor * one.error[name][good], rtol=1e-5)
    np.testing.assert_allclose(other.statistic * factor**2, one.statistic, rtol=1e-7)


@QUICK
@given(st.integers(1, 5))
def test_doubled_data_has_errors_smaller_by_the_root(times):
    y = spectra()
    one = manyfit.fit(line(), y, world=X, uncertainty=0.2)
    more = manyfit.fit(line(), np.tile(y, (times, 1)), world=np.tile(X, times), uncertainty=0.2)
    good = one.status == Status.CONVERGED
    for name in one.names:
        np.testing.assert_allclose(more[name][good], one[name][good], rtol=1e-6)
        np.testing.assert_allclose(more.error[name][good] * np.sqrt(times), one.error[name][good], rtol=1e-5)


def test_two_fitting_axes_in_either_order():
    i, j = np.mgrid[0:14, 0:12].astype(float)
    values = m.Gaussian2D(5, 6.5, 5.2, 2.0, 1.5, 0.3)(i, j)
    y = values[..., None] + np.random.default_rng(0).normal(0, 0.1, (14, 12, 3))
    start = m.Gaussian2D(4, 6, 5, 1.8, 1.6, 0.2)
    swapped = m.Gaussian2D(4, 5, 6, 1.6, 1.8, -0.2)
    a = manyfit.fit(start, y, fitting_axes=(0, 1))
    b = manyfit.fit(start, np.moveaxis(y, 0, 1), fitting_axes=(1, 0))
    assert_identical(a, b)
    c = manyfit.fit(swapped, y, fitting_axes=(1, 0))
    np.testing.assert_allclose(c["x_mean"], a["y_mean"], rtol=1e-7)
    np.testing.assert_allclose(c["theta"], -a["theta"], rtol=1e-5)

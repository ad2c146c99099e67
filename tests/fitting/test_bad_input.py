"""Wrong input to `manyfit.fit`: the message says what was given and what to do, or the status does."""

from __future__ import annotations

import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling import Fittable1DModel, Parameter, custom_model
from astropy.modeling import models as m

import manyfit
from manyfit import Status
from manyfit.errors import FallbackWarning, InputError, InputTypeError, StartWarning

X = np.arange(30.0)


def line() -> m.Gaussian1D:
    return m.Gaussian1D(3.0, 14.0, 2.5)


def data(*shape: int) -> np.ndarray:
    """Noisy lines, the spectral axis first."""
    shape = shape or (4,)
    values = line()(X).reshape(-1, *[1] * len(shape))
    return values + np.random.default_rng(4).normal(0, 0.1, (30, *shape))


CUBE = data(4, 5)

REFUSED = {
    # what is wrong: (arguments, error, words of the message)
    "axis out of range": ({"fitting_axes": 3}, InputError, ["3", "axes"]),
    "axis twice": ({"model": m.Gaussian2D(), "fitting_axes": (0, -3)}, InputError, ["axis"]),
    "too many axes": ({"fitting_axes": (0, 1)}, InputError, ["1-dimensional", "(0, 1)"]),
    "too few axes": ({"model": m.Gaussian2D()}, InputError, ["2"]),
    "axis is a float": ({"fitting_axes": 0.5}, InputTypeError, ["0.5"]),
    "axis by unknown name": ({"fitting_axes": "wavelength"}, InputError, ["wavelength"]),
    "world of another length": ({"world": np.arange(29.0)}, InputError, ["29", "30"]),
    "world of units without model's": (
        {"world": X * u.nm, "model": m.Gaussian1D(3, 14 * u.s, 2 * u.s)},
        InputError,
        ["nm", "s"],
    ),
    "two worlds for one axis": ({"world": (X, X)}, InputError, ["1"]),
    "mask of another shape": ({"mask": np.zeros((30, 4), bool)}, InputError, ["mask", "(30, 4)"]),
    "uncertainty of another shape": ({"uncertainty": np.ones(29)}, InputError, ["uncertainty", "(29,)"]),
    "weights of another shape": ({"weights": np.ones((5, 30))}, InputError, ["weights", "(5, 30)"]),
    "uncertainty and weights": ({"uncertainty": 1.0, "weights": 1.0}, InputError, ["Both"]),
    "uncertainty in another unit": ({"data_unit": u.K, "uncertainty": 0.1 * u.Jy}, InputError, ["Jy", "K"]),
    "uncertainty of text": ({"uncertainty": np.array(["a"])}, InputTypeError, ["uncertainty"]),
    "data unit that is none": ({"data_unit": "klingon"}, InputError, ["klingon"]),
    "start of another shape": ({"model": m.Gaussian1D(np.ones(7), 14, 2)}, InputError, ["amplitude", "(7,)"]),
    "bounds of no parameter": ({"bounds": {"men": (0, 1)}}, InputError, ["men", "Did you mean 'mean'?"]),
    "bounds that cross": ({"bounds": {"mean": (20, 10)}}, InputError, ["mean", "20", "10"]),
    "bounds that are no pair": ({"bounds": {"mean": 3}}, InputError, ["mean", "pair"]),
    "unknown statistic": ({"statistic": "ch2"}, InputError, ["ch2", "Did you mean 'chi2'?"]),
    "unknown precision": ({"precision": "mixd"}, InputError, ["mixd", "Did you mean 'mixed'?"]),
    "unknown scheduler": ({"scheduler": "thread"}, InputError, ["thread", "Did you mean 'threads'?"]),
    "no workers": ({"workers": 0}, InputError, ["0"]),
    "no memory": ({"memory": 0}, InputError, ["0"]),
    "no iterations": ({"max_iterations": 0}, InputError, ["max_iterations"]),
    "tolerance of text": ({"tolerance": "tight"}, (InputError, InputTypeError), ["tolerance", "tight"]),
    "cash with uncertainties": (
        {"statistic": "cash", "uncertainty": 1.0},
        InputError,
        ["cash", "uncertainty"],
    ),
    "cash with weights": ({"statistic": "cash", "weights": 1.0}, InputError, ["cash", "weights"]),
    "class of a model": ({"model": m.Gaussian1D}, InputTypeError, ["Gaussian1D", "instance"]),
    "no model": ({"model": np.exp}, InputTypeError, ["model"]),
    "model of two outputs": ({"model": m.Mapping((0, 0))}, InputError, ["2 outputs"]),
    "data of text": ({"data": np.array([["a", "b"]])}, InputTypeError, ["data"]),
    "complex data": ({"data": CUBE + 0j}, InputTypeError, ["complex"]),
    "data of objects": ({"data": np.array([[None, 1.0]])}, InputTypeError, ["data"]),
    "data of nothing": ({"data": None}, InputTypeError, ["None"]),
    "a number": ({"data": 3.0}, (InputError, InputTypeError), []),
    "no points": ({"data": np.empty((0, 4))}, InputError, ["0"]),
    "no such file": ({"data": "nowhere/cube.fits"}, (InputError, FileNotFoundError), ["nowhere/cube.fits"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    given, error, words = REFUSED[name]
    arguments = {"model": line(), "data": CUBE, **given}
    with pytest.raises(error) as caught:
        manyfit.fit(arguments.pop("model"), arguments.pop("data"), **arguments)
    text = str(caught.value)
    assert [word for word in words if word not in text] == []


def test_names_of_keywords_are_checked():
    with pytest.raises(TypeError, match="uncertanty"):
        manyfit.fit(line(), CUBE, uncertanty=1.0)


# -- values of data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0,), (4, 0), (0, 0)])
def test_no_elements(shape):
    result = manyfit.fit(line(), np.empty((30, *shape)))
    assert result["mean"].shape == shape
    assert result.status.shape == shape


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nothing_valid(value):
    result = manyfit.fit(line(), np.full((30, 3), value))
    assert result.status.tolist() == [Status.NO_VALID_POINTS] * 3
    assert result.n_points.tolist() == [0, 0, 0]
    assert all(np.isnan(result[name]).all() and np.isnan(result.error[name]).all() for name in result.names)


@pytest.mark.parametrize("value", [0.0, -0.1, np.nan, np.inf])
@pytest.mark.parametrize("keyword", ["uncertainty", "weights"])
def test_uncertainties_that_are_none(keyword, value):
    """Of some points: they are left out. Of all points of an element: nothing is valid."""
    sigma = np.full((30, 4), 0.1)
    sigma[:5, 1] = value
    sigma[:, 2] = value
    result = manyfit.fit(line(), data(), **{keyword: sigma})
    if keyword == "weights" and value == -0.1:  # the square of a weight counts
        assert result.n_points.tolist() == [30] * 4
    elif keyword == "uncertainty" and value == np.inf:
        assert result.n_points.tolist() == [30, 25, 0, 30]
    else:
        assert result.n_points.tolist() == [30, 25, 0, 30]
        assert result.status.tolist() == [
            Status.CONVERGED,
            Status.CONVERGED,
            Status.NO_VALID_POINTS,
            Status.CONVERGED,
        ]


def test_one_uncertainty_that_is_none_for_all():
    result = manyfit.fit(line(), data(), uncertainty=0.0)
    assert result.status.tolist() == [Status.NO_VALID_POINTS] * 4


def test_whole_numbers():
    """Integer data, weights and masks are numbers like others."""
    y = (1000 * data()).astype(np.int16)
    start = m.Gaussian1D(3000, 14, 2.5)
    whole = manyfit.fit(start, y, weights=np.full(y.shape, 2), mask=np.zeros(y.shape, int))
    real = manyfit.fit(start, y.astype(float), weights=np.full(y.shape, 2.0))
    for name in whole.names:
        np.testing.assert_array_equal(whole[name], real[name])
        np.testing.assert_array_equal(whole.error[name], real.error[name])


def test_fewer_points_than_parameters():
    y = data()
    y[2:, 0], y[3:, 1] = np.nan, np.nan
    result = manyfit.fit(line(), y)
    assert result.status[0] == Status.TOO_FEW_POINTS
    assert result.n_points[:2].tolist() == [2, 3]
    assert np.isnan(result["mean"][0])
    short = manyfit.fit(line(), y[:2])
    assert np.all(short.status == Status.TOO_FEW_POINTS)


def test_as_many_points_as_parameters_have_no_scatter():
    """Without degrees of freedom the errors are unknown, unless the noise was given."""
    y = data()[12:15]
    assert np.isnan(manyfit.fit(line(), y, world=X[12:15]).error["mean"]).all()
    assert np.isfinite(manyfit.fit(line(), y, world=X[12:15], uncertainty=0.1).error["mean"]).all()


def test_start_that_is_not_a_number():
    start = m.Gaussian1D(3.0, np.array([14.0, np.nan, np.inf, 14.0]), 2.5)
    result = manyfit.fit(start, data())
    assert result.status.tolist() == [Status.CONVERGED, Status.BAD_START, Status.BAD_START, Status.CONVERGED]
    assert np.isnan(result["amplitude"]).tolist() == [False, True, True, False]


def test_start_outside_of_bounds_is_moved_and_said():
    with pytest.warns(StartWarning, match=r"'mean'.*outside of their bounds.*moved") as caught:
        result = manyfit.fit(m.Gaussian1D(3, 5, 2.5), data(), bounds={"mean": (10, 20)})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_allclose(result["mean"], manyfit.fit(line(), data())["mean"], rtol=1e-6)


def test_starts_of_elements_outside_of_bounds_are_said_once():
    start = m.Gaussian1D(3.0, np.array([14.0, 9.0, 25.0, 14.0]), np.array([2.0, 2.0, 2.0, -2.0]))
    with pytest.warns(StartWarning, match="'mean', 'stddev'") as caught:
        manyfit.fit(start, data(), bounds={"mean": (10, 20), "stddev": (0.1, None)})
    assert len(caught) == 1


def test_start_on_a_bound_is_no_reason_to_warn():
    manyfit.fit(line(), data(), bounds={"mean": (14, 20)})  # warnings are errors here


def test_negative_counts_are_left_out():
    y = np.random.default_rng(1).poisson(30 * line()(X)[:, None] + 5, (30, 3)).astype(float)
    start = m.Gaussian1D(90, 14, 2.5) + m.Const1D(5)
    clean = manyfit.fit(start, np.where(np.arange(30)[:, None] == 4, np.nan, y), statistic="cash")
    y[4] = -1
    before = y.copy()
    result = manyfit.fit(start, y, statistic="cash")
    np.testing.assert_array_equal(y, before)
    assert result.n_points.tolist() == [29, 29, 29]
    np.testing.assert_array_equal(result["mean_0"], clean["mean_0"])
    assert np.all(manyfit.fit(start, -1 - y * 0, statistic="cash").status == Status.NO_VALID_POINTS)


def test_counts_where_the_model_starts_below_zero():
    y = np.random.default_rng(1).poisson(9.0, (30, 2))
    result = manyfit.fit(m.Const1D(-1.0), y, statistic="cash")
    assert result.status.tolist() == [Status.NON_FINITE] * 2


# -- files -------------------------------------------------------------------------------------------------


def test_truncated_fits(tmp_path: Path):
    path = tmp_path / "cube.fits"
    fits.writeto(path, CUBE)
    whole = path.read_bytes()
    path.write_bytes(whole[: 2880 + 900])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((InputError, OSError)) as caught:
            manyfit.fit(line(), path)
    assert "cube.fits" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no FITS file at all", bytes(2880)])
def test_file_that_is_no_fits(tmp_path: Path, content: bytes):
    path = tmp_path / "cube.fits"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((InputError, OSError)) as caught:
            manyfit.fit(line(), path)
    assert "cube.fits" in str(caught.value)


def test_fits_without_an_image(tmp_path: Path):
    path = tmp_path / "empty.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(InputError, match=r"empty\.fits"):
        manyfit.fit(line(), path)


# -- models of the user ------------------------------------------------------------------------------------


class Failing(Fittable1DModel):
    """Cannot be traced; stops for elements with a large slope."""

    slope = Parameter(default=1.0)

    @staticmethod
    def evaluate(x, slope):
        values = [float(v) for v in np.ravel(x * slope)]
        if max(map(abs, values)) > 1000:
            raise RuntimeError("the detector is on fire")
        return np.reshape(values, np.shape(x))


def test_exception_in_a_model():
    """Other elements are fitted; the one that failed has its status and the traceback."""
    y = np.outer(np.arange(10.0), [1.0, 5000.0, 2.0])
    with pytest.warns(FallbackWarning, match="Failing"):
        result = manyfit.fit(Failing(), y, scheduler="serial")
    assert result.status[1] == Status.WORKER_ERROR
    assert np.isnan(result["slope"][1])
    np.testing.assert_allclose(result["slope"][[0, 2]], [1.0, 2.0])
    assert "the detector is on fire" in result.tracebacks[1]


def test_model_that_always_fails():
    @custom_model
    def broken(x, a=1.0):
        raise ValueError("no")

    with pytest.warns(FallbackWarning, match="no"):
        result = manyfit.fit(broken(), data(), scheduler="serial")
    assert np.all(result.status == Status.WORKER_ERROR)


def test_unknown_parameter_of_a_result():
    result = manyfit.fit(line(), data())
    for ask in (result.__getitem__, result.error.__getitem__):
        with pytest.raises(InputError, match="Did you mean 'stddev'"):
            ask("stdev")


# -- nothing of the user is changed ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float64", ">f4", "int16", "masked", "quantity"])
@pytest.mark.parametrize(
    "options", [{}, {"precision": "mixed"}, {"scheduler": "serial"}], ids=["plain", "mixed", "serial"]
)
def test_inputs_are_not_changed(kind, options):
    y = 100 * data(3)
    given: dict[str, object] = {
        "world": X.copy(),
        "uncertainty": np.full((30, 3), 3.0),
        "mask": np.zeros((30, 3), bool),
        "bounds": {"mean": (np.array([5.0, 6.0, 7.0]), 25.0)},
    }
    values = {
        "float64": y,
        ">f4": y.astype(">f4"),
        "int16": y.astype(np.int16),
        "masked": np.ma.masked_greater(y, 250),
        "quantity": y * u.K,
    }[kind]
    model = m.Gaussian1D(np.array([300.0, 290.0, 310.0]), 14, 2.5)
    if kind == "quantity":
        model = m.Gaussian1D(np.array([300.0, 290.0, 310.0]) * u.K, 14, 2.5)
        given["uncertainty"] = given["uncertainty"] * u.K
        given.pop("world")
    low = given["bounds"]["mean"][0]
    arrays = [v for v in (*given.values(), low) if isinstance(v, np.ndarray)]
    before = [np.array(a) for a in arrays]
    plain = np.array(values, copy=True, subok=kind == "masked")
    parameters = model.parameters.copy()
    for array in (*arrays, values):
        array.setflags(write=False)
    manyfit.fit(model, values, **given, **options)
    np.testing.assert_array_equal(np.array(values, subok=kind == "masked"), plain)
    np.testing.assert_array_equal(model.parameters, parameters)
    assert model.bounds["mean"] == (None, None)
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(np.array(array), old)

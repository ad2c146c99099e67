"""`manyfit.parallel_fit_dask`: astropy's own tests, and each known defect of astropy's one put right."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import ModuleType

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
from astropy.modeling import custom_model
from astropy.modeling.fitting import (
    FittingWithOutlierRemoval,
    LevMarLSQFitter,
    LinearLSQFitter,
    SLSQPLSQFitter,
    TRFLSQFitter,
)
from astropy.modeling.fitting import parallel_fit_dask as astropys
from astropy.modeling.models import Chebyshev1D, Const1D, Gaussian1D, Linear1D, Planar2D
from astropy.nddata import NDData, StdDevUncertainty, VarianceUncertainty
from astropy.stats import sigma_clip
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import parallel_fit_dask
from manyfit.errors import FallbackWarning, InputError

UPSTREAM = "astropy.modeling.tests.test_fitting_parallel"
THEIRS = "    parallel_fit_dask,\n)"
OURS = ")\nfrom manyfit import parallel_fit_dask"


def upstream() -> ModuleType:
    """Astropy's test module with one import replaced."""
    spec = importlib.util.find_spec(UPSTREAM)
    text = Path(spec.origin).read_text(encoding="utf-8")
    assert text.count(THEIRS) == 1
    module = ModuleType("upstream")
    exec(compile(text.replace(THEIRS, OURS), spec.origin, "exec"), module.__dict__)
    assert module.parallel_fit_dask is parallel_fit_dask
    return module


# pytest collects them here: functions test_*, classes Test*.
globals().update({name: item for name, item in vars(upstream()).items() if name.lower().startswith("test")})


def test_all_upstream_tests_are_here():
    functions = {name for name in vars(upstream()) if name.startswith("test_")}
    classes = {name for name in vars(upstream()) if name.startswith("Test")}
    assert {"test_1d_model_fit_axes", "test_dask_scheduler", "test_support_nddata_uncert"} < functions
    assert classes == {"TestWorld", "TestDiagnostics", "TestDaskInput", "TestUnits", "TestFitInfo"}
    assert functions | classes <= set(globals())


# -- data ----------------------------------------------------------------------------------------------------

X = np.arange(20.0)


def lines(means=(8.0, 10.0, 12.0), amplitude=2.0, stddev=1.5):
    """Lines without noise, (channels, elements)."""
    return amplitude * np.exp(-0.5 * ((X[:, None] - np.array(means)) / stddev) ** 2)


def guess(**parameters):
    return Gaussian1D(**{"amplitude": 1.5, "mean": 10.5, "stddev": 2.0, **parameters})


def fit(data, model=None, **arguments):
    arguments = {"fitter": TRFLSQFitter(), "fitting_axes": 0, "scheduler": "synchronous", **arguments}
    return parallel_fit_dask(model=model or guess(), data=data, **arguments)


def astropy_fit(data, model=None, **arguments):
    arguments = {"fitter": TRFLSQFitter(), "fitting_axes": 0, "scheduler": "synchronous", **arguments}
    return astropys(model=model or guess(), data=data, **arguments)


# The kernel and the given fitter are two ways through the same call.
BOTH_WAYS = pytest.mark.parametrize("way", [{}, {"fit_info": True}], ids=["kernel", "fitter"])

# -- defects of astropy, each put right ----------------------------------------------------------------------


@BOTH_WAYS
@pytest.mark.parametrize("axis", [-1, -2, [1], (-1,)])
def test_negative_axes_and_lists_are_accepted(axis, way):
    data = lines() if axis == -2 else lines().T
    with pytest.raises((IndexError, ValueError, TypeError)):
        astropy_fit(data, fitting_axes=axis)
    assert_allclose(fit(data, fitting_axes=axis, **way).mean, [8, 10, 12])


@pytest.mark.parametrize("axis", [2, -3])
def test_axes_out_of_range(axis):
    with pytest.raises(ValueError, match=f"Fitting index {axis} out of range for 2-dimensional data"):
        fit(lines(), fitting_axes=axis)


@BOTH_WAYS
def test_mask_over_nan_rescues_the_element(way):
    data = lines()
    data[3, 1] = np.nan
    mask = np.isnan(data)
    assert np.isnan(astropy_fit(data, mask=mask).mean[1])
    assert_allclose(fit(data, mask=mask, **way).mean, [8, 10, 12])


@BOTH_WAYS
@pytest.mark.parametrize("masked", [20, 18], ids=["all", "all but two"])
def test_too_few_points_give_nan_and_not_the_guess(masked, way):
    mask = np.zeros((20, 3), bool)
    mask[:masked, 1] = True
    assert np.isfinite(astropy_fit(lines(), mask=mask).mean[1])
    assert_allclose(fit(lines(), mask=mask, **way).mean, [8, np.nan, 12])


@BOTH_WAYS
def test_inputs_are_not_changed(way):
    data, weights, mask = lines(), np.ones((20, 3)), np.zeros((20, 3), bool)
    data[5, 2], mask[5, 2] = 1e3, True
    model = guess(bounds={"stddev": (1, 3)})
    before = [data.copy(), weights.copy(), mask.copy(), model.parameters.copy(), dict(model.bounds)]
    fit(data, model, weights=weights, mask=mask, **way)
    for value, old in zip([data, weights, mask, model.parameters], before[:4], strict=True):
        assert_array_equal(value, old)
    assert dict(model.bounds) == before[4]
    astropy_fit(data, model, weights=weights, mask=mask)
    assert weights[5, 2] == 0  # what we are compared with changes it


@BOTH_WAYS
def test_integer_weights_with_mask(way):
    mask = np.zeros((20, 3), bool)
    mask[4] = True
    weights = np.ones((20, 3), int)
    with pytest.raises(TypeError):
        astropy_fit(lines(), weights=weights, mask=mask)
    assert_allclose(fit(lines(), weights=weights, mask=mask, **way).mean, [8, 10, 12])


@BOTH_WAYS
def test_masked_arrays_are_masked(way):
    data = np.ma.array(lines(), mask=False)
    data[10, 1] = 1e3
    data[10, 1] = np.ma.masked
    assert abs(astropy_fit(data).amplitude[1] - 2) > 0.5
    assert_allclose(fit(data, **way).amplitude, 2)


def test_fit_info_with_an_empty_element():
    data = lines()
    data[:, 1] = np.nan
    fitter = TRFLSQFitter()
    astropy_fit(data, fitter=fitter, fit_info=True)
    with pytest.raises(AttributeError):
        fitter.fit_info.get_property_as_array("nfev")
    fit(data, fitter=fitter, fit_info=True)
    counts = fitter.fit_info.get_property_as_array("nfev")
    assert counts[1] == 0
    assert np.all(counts[[0, 2]] > 1)
    assert fitter.fit_info[1] is None


def test_fit_info_of_fitters_that_keep_a_dictionary():
    fitter = LevMarLSQFitter()
    data = lines((8.0, 10.0, 14.0))
    fit(data, fitter=fitter, fit_info=True)
    each = [fitter.fit_info[i] for i in range(3)]
    assert len({id(info) for info in each}) == 3
    counts = fitter.fit_info.get_property_as_array("nfev")
    assert len(set(counts)) > 1
    assert each[0]["nfev"] == each[0].nfev == counts[0]
    covariances = fitter.fit_info.get_property_as_array("param_cov")
    assert covariances.shape == (3, 3, 3)


@pytest.mark.parametrize("fitter", [TRFLSQFitter(), LevMarLSQFitter(), SLSQPLSQFitter()])
def test_a_fitter_with_records_can_fit_again(fitter):
    """astropy's LevMarLSQFitter fails then: it writes into the container of the first call."""
    for _ in range(2):
        fitted = fit(lines(), fitter=fitter, fit_info=True)
        assert_allclose(fitted.mean, [8, 10, 12], rtol=1e-4)
        assert fitter.fit_info.shape == (3,)
        assert len(fitter.fit_info.properties) > 2


def test_one_name_in_fit_info_is_a_name():
    fitter = TRFLSQFitter()
    fit(lines(), fitter=fitter, fit_info="nfev")
    assert fitter.fit_info.properties == ("nfev",)


def test_unknown_name_in_fit_info():
    with pytest.raises(AttributeError, match=r"fit_info on fitter has no attribute 'k'.*nfev"):
        fit(lines(), fit_info=("nfev", "k"))


@BOTH_WAYS
@pytest.mark.parametrize("shape", [(3, 20), (1, 20)])
def test_world_of_all_axes_with_the_fitting_axis_last(shape, way):
    world = np.broadcast_to(2 * X, shape) + np.zeros(shape)
    data = lines().T
    with pytest.raises(IndexError):
        astropy_fit(data, guess(mean=21, stddev=4), fitting_axes=1, world=(world,))
    fitted = fit(data, guess(mean=21, stddev=4), fitting_axes=1, world=(world,), **way)
    assert_allclose(fitted.mean, [16, 20, 24])


@BOTH_WAYS
def test_world_that_differs_between_elements(way):
    world = X[:, None] + np.array([0.0, 100.0, -50.0])
    model = guess(mean=np.array([9.0, 111.0, -38.0]))
    assert_allclose(fit(lines(), model, world=(world,), **way).mean, [8, 110, -38])


@BOTH_WAYS
def test_world_of_one_and_of_all_dimensions_together(way):
    x, y = np.arange(6.0), np.arange(5.0)
    data = (1 + 2 * x[:, None] + 3 * y)[..., None] + np.array([0.0, 1.0])
    full = np.broadcast_to(y[:, None], (6, 5, 2))
    with pytest.raises((ValueError, IndexError)):
        astropy_fit(data, Planar2D(), fitting_axes=(0, 1), world=(x, full))
    fitted = fit(data, Planar2D(), fitting_axes=(0, 1), world=(x, full), **way)
    assert_allclose(fitted.slope_x, 2)
    assert_allclose(fitted.slope_y, 3)
    assert_allclose(fitted.intercept, [1, 2], rtol=1e-6)


@BOTH_WAYS
def test_wcs_with_swapped_fitting_axes_of_different_units(way):
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = "OFFSET", "WEIGHTS", "WAVE"
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = (1, 1, 1), (10, 0.5, 0.2), (10, 0.5, 0.2)
    wcs.wcs.cunit = "deg", "kg", "mm"
    wave, weight = (0.2 + 0.2 * np.arange(8)) * u.mm, (0.5 + 0.5 * np.arange(7)) * u.kg
    a, b, c = 2 * u.Jy / u.kg, 3 * u.Jy / u.mm, 4 * u.Jy
    data = (a * weight + b * wave[:, None] + c)[..., None] * np.ones(2)
    model = Planar2D(1.5 * a, 0.5 * b, c)
    with pytest.raises(u.UnitsError):
        astropy_fit(data, model, fitting_axes=(1, 0), world=wcs)
    fitted = fit(data, model, fitting_axes=(1, 0), world=wcs, **way)
    assert_allclose(fitted.slope_x.quantity.to_value(u.Jy / u.kg), 2)
    assert_allclose(fitted.slope_y.quantity.to_value(u.Jy / u.m), 3000)
    assert_allclose(fitted.intercept.quantity.to_value(u.Jy), 4)


def test_model_with_units_and_data_without_say_what_is_missing():
    model = guess(amplitude=1 * u.Jy, mean=10 * u.um, stddev=2 * u.um)
    with pytest.raises(TypeError, match="NoneType"):
        astropy_fit(lines(), model, world=(X * u.um,))
    with pytest.raises(InputError, match="data_unit"):
        fit(lines(), model, world=(X * u.um,))
    fitted = fit(lines(), model, world=(X * u.um,), data_unit=u.mJy)
    assert_allclose(fitted.amplitude.quantity.to_value(u.mJy), 2)


@BOTH_WAYS
def test_units_without_world(way):
    data = np.full((20, 2), 3.0) * u.Jy
    with pytest.raises(TypeError, match="NoneType"):
        astropy_fit(data, Const1D(1 * u.mJy))
    assert_allclose(fit(data, Const1D(1 * u.mJy), **way).amplitude.quantity.to_value(u.Jy), 3)


@BOTH_WAYS
@pytest.mark.parametrize(
    "uncertainty",
    [
        StdDevUncertainty([[100.0], [300.0]], unit="mJy"),
        VarianceUncertainty([[0.01], [0.09]], unit="Jy2"),
        StdDevUncertainty([[0.1], [0.3]]),
    ],
    ids=["std in mJy", "variance", "std"],
)
def test_uncertainty_has_a_unit_and_a_type(uncertainty, way):
    data = NDData([[1.0], [3.0]] * u.Jy, uncertainty=uncertainty)
    fitted = fit(data, Const1D(1 * u.Jy), **way)
    assert_allclose(fitted.amplitude.quantity.to_value(u.Jy), (9 * 1 + 1 * 3) / 10)


def test_mixed_units_of_uncertainties_change_astropys_answer():
    data = NDData([[1.0], [3.0]] * u.Jy, uncertainty=StdDevUncertainty([[100.0], [300.0]], unit="mJy"))
    fitter = LinearLSQFitter(calc_uncertainties=True)
    fit(data, Const1D(1 * u.Jy), fitter=fitter, fit_info=True)
    assert_allclose(fitter.fit_info[0]["params"], 1.2)


@pytest.mark.parametrize("mask", [np.zeros((20, 3), bool), da.zeros((20, 3), dtype=bool, chunks=(20, 1))])
def test_native_chunks_with_mask(mask):
    data = da.from_array(lines(), chunks=(20, 1))
    if isinstance(mask, np.ndarray):
        with pytest.raises(AttributeError):
            astropy_fit(data, mask=mask, preserve_native_chunks=True)
    assert_allclose(fit(data, mask=mask, preserve_native_chunks=True).mean, [8, 10, 12])


def test_diagnostics_of_one_element(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        astropy_fit(lines()[:, 0], diagnostics="all", diagnostics_path=tmp_path / "theirs")
    fit(lines()[:, 0], diagnostics="all", diagnostics_path=tmp_path / "ours")
    assert [p.name for p in (tmp_path / "ours").iterdir()] == ["0"]


@pytest.mark.parametrize("shape", [(4,), (2, 3), (3, 1, 1), (20,)])
def test_start_values_of_wrong_shape_are_refused_at_once(shape):
    with pytest.raises(InputError, match=r"'mean' has shape .* iterating shape \(3,\)"):
        fit(lines(), guess(mean=np.full(shape, 10.0)))


@BOTH_WAYS
def test_bounds_are_in_the_unit_of_the_parameter(way):
    data = lines((10.0,)) * u.Jy
    model = Gaussian1D(1 * u.Jy, 9 * u.km, 2 * u.km, bounds={"mean": (8.0, 9.5)})
    fitted = fit(data, model, world=(1000 * X * u.m,), **way)
    assert 9.49 < fitted.mean.quantity.to_value(u.km) <= 9.5


@pytest.mark.parametrize("fitter", [TRFLSQFitter(), LevMarLSQFitter()])
def test_concurrent_calls_do_not_mix(fitter):
    """astropy gives its dask arrays fixed names, and its threads share one fitter."""
    means = [np.linspace(6, 13, 40) + shift for shift in (0.0, 0.3, 0.6)]
    found = {}

    def one(k):
        found[k] = fit(lines(means[k]), fitter=fitter, scheduler="threads", fit_info=("nfev",)).mean.value

    threads = [threading.Thread(target=one, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, expected in enumerate(means):
        assert_allclose(found[k], expected, rtol=1e-6)


# -- the two ways through the call ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        guess(fixed={"stddev": True}, stddev=np.array([1.4, 1.5, 1.6])),
        guess(bounds={"mean": (9.0, 11.0)}),
        guess() + Const1D(0.1),
        Linear1D(0.1, 0.2),
    ],
    ids=["fixed per element", "bounds", "compound", "linear"],
)
def test_kernel_and_fitter_agree(model):
    data = lines() + np.random.default_rng(1).normal(0, 0.05, (20, 3))
    if "stddev_0" in model.param_names:
        model.stddev_0.max = 4
    kernel, fitter = fit(data, model), fit(data, model, fit_info=True, fitter_kwargs={"acc": 1e-12})
    for name in model.param_names:
        assert_allclose(getattr(kernel, name).value, getattr(fitter, name).value, rtol=2e-4, err_msg=name)
    assert {n: getattr(kernel, n).fixed for n in model.param_names} == model.fixed


def test_tied_parameters_reach_the_minimum():
    """The derivatives that astropy's fitters take from a model leave the tie out, so they stop beside it."""
    data = lines() + np.random.default_rng(1).normal(0, 0.05, (20, 3))
    model = guess(tied={"stddev": lambda m: m.amplitude / 2 + 0.5})

    def residuals(fitted):
        means = (fitted.amplitude.value, fitted.mean.value, fitted.stddev.value)
        return np.sum((Gaussian1D.evaluate(X[:, None], *means) - data) ** 2, axis=0)

    kernel, theirs = fit(data, model), astropy_fit(data, model)
    estimated = fit(data, model, fit_info=True, fitter_kwargs={"estimate_jacobian": True})
    assert_allclose(kernel.stddev, kernel.amplitude.value / 2 + 0.5)
    assert np.all(residuals(kernel) <= residuals(theirs))
    assert np.any(residuals(kernel) < residuals(theirs) * 0.9999)
    assert_allclose(kernel.stddev, estimated.stddev, rtol=1e-5)


def test_fitter_keeps_what_it_was_unless_asked():
    fitter = LevMarLSQFitter()
    before = dict(fitter.fit_info)
    fit(lines(), fitter=fitter)
    fit(lines(), fitter=fitter, diagnostics="error", diagnostics_path=".")
    assert fitter.fit_info == before


def test_nan_is_masked_by_the_kernel_and_left_to_the_given_fitter():
    data = lines()
    data[0, 0] = np.nan
    assert_allclose(fit(data).mean, [8, 10, 12])
    assert_allclose(fit(data, fit_info=True).mean, [np.nan, 10, 12])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        filtered = fit(data, fit_info=True, fitter_kwargs={"filter_non_finite": True})
    assert_allclose(filtered.mean, [8, 10, 12])


def test_few_iterations_stop_early():
    assert np.all(np.abs(fit(lines(), fitter_kwargs={"maxiter": 2}).mean - [8, 10, 12]) > 1e-6)


def test_linear_fitter_refuses_other_models_as_in_astropy():
    assert np.all(np.isnan(fit(lines(), fitter=LinearLSQFitter()).mean))


@BOTH_WAYS
def test_polynomials_without_domain_belong_to_the_model_that_is_returned(way):
    data = (1 + 0.5 * X - 0.02 * X**2)[:, None]
    arguments = {"fitter": LinearLSQFitter(), "model": Chebyshev1D(2)}
    assert not np.allclose(astropy_fit(data, **arguments)(X), data[:, 0])
    assert_allclose(fit(data, **arguments, **way)(X), data[:, 0])


@BOTH_WAYS
def test_compound_models_with_arrays_and_numbers(way):
    model = Gaussian1D(1.5, [8.5, 10.5, 11.5], 2.0) + Const1D(0.1)
    assert_allclose(fit(lines(), model, **way).mean_0, [8, 10, 12], rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-18, 1e-6, 1e18])
def test_data_of_any_scale(factor):
    """For data of 1e-18 astropy's TRFLSQFitter takes the start values for the minimum."""
    model = guess(amplitude=1.5 * factor)
    theirs = astropy_fit(lines() * factor, model)
    if factor == 1e-18:
        assert_allclose(theirs.mean, 10.5)
    ours = fit(lines() * factor, model)
    assert_allclose(ours.mean, [8, 10, 12])
    assert_allclose(ours.amplitude, 2 * factor)


def test_outlier_removal_runs():
    data = 2.0 * X[:, None] + np.array([0.0, 1.0])
    data[7, 1] = 500.0
    fitter = FittingWithOutlierRemoval(TRFLSQFitter(), sigma_clip, niter=3, sigma=3.0)
    with pytest.raises(AttributeError):
        astropy_fit(data, Linear1D(), fitter=fitter)
    assert_allclose(fit(data, Linear1D(), fitter=fitter).slope, 2, rtol=1e-6)


@BOTH_WAYS
def test_model_sets(way):
    model = Gaussian1D([1.0, 2.0, 3.0], [9.0, 10.0, 11.0], [1.0, 2.0, 2.0], n_models=3)
    assert_allclose(fit(lines(), model, **way).mean, [8, 10, 12])


@BOTH_WAYS
@pytest.mark.parametrize("shape", [(20, 0), (20, 0, 4)])
def test_no_elements(shape, way):
    assert fit(np.empty(shape), **way).mean.shape == shape[1:]


def test_unknown_scheduler():
    with pytest.raises(InputError, match="Did you mean 'threads'"):
        fit(lines(), scheduler="thread")


# -- models without a kernel ---------------------------------------------------------------------------------


@custom_model
def broken_line(x, slope=1.0, corner=10.0):
    return slope * (x if np.all(x < corner) else np.maximum(x - corner, 0.0))


def test_a_model_without_kernel_goes_to_the_given_fitter():
    data = 2.0 * np.maximum(X[:, None] - np.array([7.3, 9.4]), 0)
    with pytest.warns(FallbackWarning, match="branch|truth|bool|compiled"):
        fitted = fit(data, broken_line(1.0, 8.5))
    assert_allclose(fitted.corner, [7.3, 9.4], rtol=1e-5)


SCRIPT = """
import numpy as np
from astropy.modeling.fitting import TRFLSQFitter
from astropy.modeling.models import Gaussian1D
from manyfit import parallel_fit_dask
x = np.arange(20.0)[:, None]
centres = np.linspace(8, 12, 300)
data = np.exp(-0.5 * (x - centres) ** 2)
fitter = TRFLSQFitter()
arguments = dict(model=Gaussian1D(1, 10, 1.5), data=data, fitting_axes=0, fitter=fitter)
for way in (False, ("nfev",)):
    fitted = parallel_fit_dask(**arguments, fit_info=way)
    print(np.abs(fitted.mean - centres).max() < 1e-6)
print(fitter.fit_info.shape)
"""


def test_scripts_need_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["True", "True", "(300,)"], done.stderr

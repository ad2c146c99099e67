"""Figures of a cube: the right numbers at the right places."""

from __future__ import annotations

from io import BytesIO

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Const1D, Gaussian1D, Lorentz1D
from astropy.visualization.wcsaxes import WCSAxes
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import cube, datasets
from manyfit.cube import _figures
from manyfit.cube._decomposition_cubes import curve_of as curve_of_sum

SIMULATED = datasets.simulate_cube((53, 12, 15), noise=0.15)


@pytest.fixture(scope="module")
def co():
    return cube.read(SIMULATED.to_hdu(), spectral_unit="km/s")


@pytest.fixture(scope="module")
def signal(co):
    return cube.signal_mask(co, min_voxels=10, min_bright_voxels=3)


@pytest.fixture(scope="module")
def fit(co, signal):
    return cube.fit_lines(co, signal)


def images(figure):
    figure.savefig(BytesIO(), format="png")
    return {ax.get_title(): np.ma.filled(ax.images[0].get_array(), np.nan) for ax in figure.axes if ax.images}


def test_parameters_are_blank_where_there_is_no_good_fit(fit):
    figure = _figures.parameter_maps(fit.result)
    drawn = images(figure)
    expected = ["amplitude", "mean", "stddev", "chi2 / dof"]
    assert list(drawn) == [*expected, "amplitude error", "mean error", "stddev error", "status"]
    assert_array_equal(drawn["mean"], np.where(fit.good, fit["mean"].value, np.nan))
    assert_array_equal(drawn["stddev error"], np.where(fit.good, fit.error["stddev"].value, np.nan))
    assert_allclose(drawn["chi2 / dof"], np.where(fit.good, fit.statistic / fit.dof, np.nan))
    assert 0 < np.isnan(drawn["mean"]).sum() < drawn["mean"].size
    axes = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    assert axes["mean"].images[0].get_cmap().name == "RdBu_r"
    assert axes["amplitude"].images[0].get_cmap().name == "viridis"
    assert all(isinstance(ax, WCSAxes) for ax in axes.values())


def test_many_parameters_take_several_rows(co, signal):
    model = Gaussian1D(1 * u.K, 4.5 * u.km / u.s, 0.5 * u.km / u.s) + Const1D(0 * u.K)
    result = cube.fit_lines(co, signal, model=model).result
    drawn = images(_figures.parameter_maps(result))
    assert len(drawn) == 2 * (len(result.names) + 1)
    assert_array_equal(drawn["amplitude_1"], np.where(result.good, result["amplitude_1"].value, np.nan))


@pytest.mark.parametrize(
    ("name", "place"),
    [("mean", True), ("mean_0", True), ("x_0", True), ("x_0_3", True), ("means", False), ("stddev_0", False)],
)
def test_is_place(name, place):
    assert _figures.is_place(name) == place


def test_noise_and_signal(signal, co):
    drawn = images(_figures.signal_maps(signal, co.wcs))
    count = signal.mask.sum(axis=0)
    assert_array_equal(drawn["noise"], signal.noise.value)
    assert_array_equal(drawn["channels with signal"], np.where(count > 0, count, np.nan))
    assert "regions" in drawn


def test_noise_of_each_voxel(co):
    sigma = np.linspace(0.1, 0.2, 53)[:, None, None] * np.ones((53, 12, 15)) * u.K
    given = cube.signal_mask(co, noise=sigma, min_voxels=10, min_bright_voxels=3)
    drawn = images(_figures.signal_maps(given, co.wcs))
    assert_allclose(drawn["noise"], np.full((12, 15), 0.15))


def test_chosen_are_in_order_of_goodness():
    goodness = np.arange(36.0).reshape(6, 6)[::-1]
    good = np.ones((6, 6), bool)
    good[0, 0] = good[2, 3] = False
    places = _figures.chosen(goodness, good, np.ones((6, 6), bool))
    values = {kind: [goodness[place] for place in some] for kind, some in places.items()}
    assert values["best"] == [0, 1, 2, 3]
    assert values["worst"] == [35, 34, 33, 32]
    assert np.median(goodness[good]) == pytest.approx(np.mean(values["median"]), abs=1)
    assert places["failed"] == [(0, 0), (2, 3)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 12, 13])
def test_no_spectrum_is_shown_twice(count):
    good = np.arange(20).reshape(4, 5) < count
    places = _figures.chosen(np.arange(20.0).reshape(4, 5), good, good)
    shown = [place for some in places.values() for place in some]
    assert len(shown) == len(set(shown))
    assert bool(shown) == (count > 0)
    assert not places["failed"]


def test_examples_show_data_model_and_noise(co, fit):
    place = tuple(np.argwhere(fit.good)[0])
    figure = _figures.example_spectra(
        co,
        fit.result,
        {"best": [place]},
        goodness=fit.statistic / fit.dof,
        curve=_figures.curve_of(fit.result),
        noise=fit.noise,
    )
    (ax,) = figure.axes
    _, data, model = ax.lines
    assert_array_equal(data.get_ydata(), co.values()[(slice(None), *place)])
    assert_allclose(model.get_ydata(), fit.result.evaluate()[(slice(None), *place)].value, rtol=1e-12)
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert_allclose(edges.max() - model.get_ydata().max(), fit.noise[place].value)
    assert ax.get_xlabel() == (u.km / u.s).to_string("latex_inline")


def test_curve_of_a_compound_model_and_of_no_fit(co, signal):
    fit = cube.fit_lines(co, signal, model=Lorentz1D() + Const1D())
    curve = _figures.curve_of(fit.result)
    place = tuple(np.argwhere(fit.good)[0])
    assert_allclose(
        curve(place, co.spectral_axis.value), fit.result.evaluate()[(slice(None), *place)].value, rtol=1e-12
    )
    assert curve(tuple(np.argwhere(~fit.selected)[0]), co.spectral_axis.value) is None


def test_components(co, signal):
    found = cube.decompose(co, signal, max_components=2)
    drawn = images(_figures.component_maps(found))
    assert_array_equal(drawn["mean 1"], found["mean"][1].value)
    assert "number of components" in drawn
    curve = curve_of_sum(found)
    model = found.model_cube().data.compute()
    for number in (1, 2):
        for place in np.argwhere(found.n_components == number)[:3]:
            expected = model[(slice(None), *place)]
            assert_allclose(curve(tuple(place), co.spectral_axis.value), expected, atol=1e-12)


def test_one_component(co, signal):
    images(_figures.component_maps(cube.decompose(co, signal, max_components=1)))

"""Pictures of results: the right numbers in the right place; how they look is for people."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling import models as m
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import fit
from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.fitting._pictures import plot_all
from manyfit.kernels import Status

from .results import LINE, gaussian, result_of

CUBE = simulate_cube((4, 6, 5))


def sky(model=None):
    return replace(result_of(model or gaussian(), (6, 5), **LINE), wcs=CUBE.wcs.celestial)


@pytest.mark.parametrize(
    ("name", "values", "title", "colours"),
    [
        ("amplitude", lambda r: r["amplitude"].value, "amplitude", "viridis"),
        ("mean", lambda r: r["mean"].value, "mean", "RdBu_r"),
        ("stddev", lambda r: r["stddev"].value, "stddev", "viridis"),
        ("error:mean", lambda r: r.error["mean"].value, "mean error", "viridis"),
        ("statistic", lambda r: r.statistic, "chi2", "viridis"),
        ("n_iter", lambda r: r.n_iter, "n_iter", "viridis"),
    ],
)
def test_maps(name, values, title, colours):
    result = sky()
    ax = result.plot(name)
    shown = ax.images[0].get_array()
    assert_array_equal(shown.filled(np.nan), np.where(result.good, values(result), np.nan))
    assert ax.get_title() == title
    assert ax.images[0].get_cmap().name == colours
    assert [coord.get_axislabel() for coord in ax.coords] == ["Right ascension", "Declination"]


def test_a_velocity_is_centred_also_in_a_sum_and_anything_else_is_not():
    sums = sky(gaussian() + m.Const1D(0 * u.K))
    assert sums.plot("mean_0").images[0].get_cmap().name == "RdBu_r"
    wavelength = replace(result_of(m.Gaussian1D(1, 2 * u.AA, 3 * u.AA), (6, 5)))
    assert wavelength.plot("mean").images[0].get_cmap().name == "viridis"
    assert result_of(m.Gaussian1D(), (6, 5)).plot("mean").images[0].get_cmap().name == "viridis"


def test_status_has_a_legend_of_what_occurs():
    result = sky()
    names = [text.get_text() for text in result.plot("status").get_legend().get_texts()]
    assert names == [Status(code).name.lower() for code in np.unique(result.status)]


def test_unknown_map():
    with pytest.raises(InputError, match=r"Map 'error:men' is not known\..*Did you mean 'error:mean'"):
        sky().plot("error:men")


def test_one_page():
    figure = plot_all(sky())
    figure.savefig(BytesIO(), format="png")
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == [
        *("amplitude", "mean", "stddev", "chi2 / dof"),
        *("amplitude error", "mean error", "stddev error", "status"),
    ]


@pytest.mark.parametrize("shape", [(7,), (6, 5)])
def test_pages_of_many_parameters_and_of_lines(shape):
    figure = plot_all(result_of(m.Polynomial1D(5), shape))
    figure.savefig(BytesIO(), format="png")
    assert sum(bool(ax.get_title()) for ax in figure.axes) == 14


@pytest.mark.parametrize("shape", [(), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    result = result_of(gaussian(), shape, **LINE)
    with pytest.raises(InputError, match="one or two axes"):
        plot_all(result)
    with pytest.raises(InputError, match="two axes, a line one"):
        result.plot("mean")


def test_no_elements():
    with pytest.raises(InputError, match=r"no elements to draw: the maps have the shape \(0, 3\)\."):
        plot_all(result_of(gaussian(), (0, 3), **LINE))


def test_all_failed():
    result = sky()
    solution = result.parameters.solution
    bad = replace(solution, status=np.full((6, 5), Status.BAD_START, np.int8))
    plot_all(replace(result, parameters=replace(result.parameters, solution=bad))).savefig(BytesIO(), format="png")


# -- spectra -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    model = m.Gaussian1D(1 * u.K, 4.5 * u.km / u.s, 0.4 * u.km / u.s)
    mask = np.zeros((40, 3, 2), bool)
    mask[7] = True
    cube = simulate_cube((40, 3, 2), noise=0.1)
    return cube, fit(model, cube.data, world=cube.wcs, uncertainty=cube.noise, mask=mask)


def test_spectrum(fitted):
    cube, result = fitted
    ax, residual_ax = result.plot_spectrum((2, -1)).axes
    data, model = ax.lines[:2]
    velocity = cube.wcs.spectral.pixel_to_world(np.arange(40)).to_value(u.km / u.s)
    expected = np.where(np.arange(40) == 7, np.nan, cube.data[:, 2, 1].value)
    assert_allclose(data.get_ydata(), expected)
    assert_allclose(model.get_xdata(), velocity)
    assert_allclose(model.get_ydata(), result.evaluate()[:, 2, 1].value)
    assert "km" in residual_ax.get_xlabel()
    assert "K" in ax.get_ylabel()
    assert residual_ax.get_ylabel() == "residual / σ"
    residual = residual_ax.lines[-1].get_ydata()
    assert_allclose(residual, (expected - model.get_ydata()) / 0.1, rtol=1e-6)


@pytest.mark.parametrize("index", [0, (0,), (3, 0), (0, -3), (0, 0, 0)])
def test_no_such_spectrum(index, fitted):
    with pytest.raises(InputError, match=r"not inside of the maps of shape \(3, 2\)\. Give 2 numbers"):
        fitted[1].plot_spectrum(index)


def test_spectra_need_data(fitted):
    with pytest.raises(InputError, match=r"plot_spectrum\(\) needs the data"):
        replace(fitted[1], problem=None).plot_spectrum((0, 0))


def test_images_are_no_spectra():
    result = fit(m.Planar2D(), np.zeros((4, 5, 6)), fitting_axes=(1, 2))
    with pytest.raises(InputError, match="2 coordinates; only one can be drawn"):
        result.plot_spectrum(0)

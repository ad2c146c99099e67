"""What a fit of a cube offers: maps, lazy cubes, cost, comparison, table and file."""

from __future__ import annotations

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
from astropy.modeling.models import Gaussian1D

import manyfit
from manyfit import FitResult, cube, datasets
from manyfit.cube._cost import _size
from manyfit.errors import InputError, OutputExists

SIM = datasets.simulate_cube((40, 9, 11), rng=3, noise=0.2)
SOME = np.zeros((9, 11), bool)
SOME[2:7, 3:9] = True


@pytest.fixture(scope="module")
def co():
    return cube.read(SIM.to_hdu(), spectral_unit="km/s")


@pytest.fixture(scope="module")
def fit(co):
    return cube.fit_lines(co, SOME, noise=0.2 * u.K)


def test_is_a_mapping_of_maps(fit):
    assert list(fit) == ["amplitude", "mean", "stddev"]
    assert len(fit) == 3
    assert dict(fit)["mean"].shape == fit.shape == (9, 11)
    with pytest.raises(InputError, match="Did you mean 'mean'"):
        fit["men"]
    with pytest.raises(InputError, match="Did you mean 'mean'"):
        fit.error["men"]


def test_offers_what_the_result_knows(fit):
    for name in ("status", "statistic", "dof", "good", "n_iter", "n_points", "covariance"):
        np.testing.assert_array_equal(getattr(fit, name), getattr(fit.result, name))
    assert fit.model.mean.unit == u.km / u.s
    assert fit.wcs is fit.cube.wcs
    assert "30 spectra" in repr(fit)
    text = fit.summary()
    assert "not_fitted" in text
    assert "spatial coherence" in text


def test_model_and_residual_cubes_are_those_of_the_result(fit, co):
    model, residual = fit.model_cube(), fit.residual_cube()
    assert isinstance(model.data, da.Array)
    assert model.shape == co.shape
    assert model.unit == co.unit
    assert model.wcs is co.wcs
    np.testing.assert_array_equal(np.asarray(model.data), fit.result.evaluate().value)
    np.testing.assert_array_equal(residual.values(), fit.result.residual().value)
    y, x = 4, 5
    expected = fit.model.copy()
    one = Gaussian1D(*(getattr(expected, n).quantity[y, x] for n in expected.param_names))
    np.testing.assert_allclose(model.values()[:, y, x], one(co.spectral_axis).value, rtol=1e-12)
    assert np.isnan(model.values()[:, ~SOME]).all()


def test_only_the_asked_part_of_a_model_cube_is_computed(co, monkeypatch):
    from manyfit.cube import _lazy_cubes

    seen = []
    monkeypatch.setattr(_lazy_cubes, "values_of", lambda r, block, x, **k: seen.append(block) or np.zeros((1, 40)))
    monkeypatch.setattr(_lazy_cubes, "plan", lambda shape, **k: manyfit.blocks.plan(shape, max_elements=1, **k))
    model = cube.fit_lines(co, SOME, coherence=False).model_cube()
    assert seen == []
    model.data[:, 4, 5].compute()
    assert seen == [(slice(4, 5), slice(5, 6))]


def test_cubes_of_masked_data_and_of_an_axis_of_each_spectrum():
    v = np.linspace(-10, 10, 50)
    shift = np.arange(12.0).reshape(3, 4)
    data = np.exp(-0.5 * (v[:, None, None] / 2) ** 2) + np.zeros((50, 3, 4))
    data[5] = np.nan
    co = cube.read(data * u.K, spectral_axis=(v[:, None, None] + shift) * u.km / u.s)
    fit = cube.fit_lines(co, noise=0.1)
    np.testing.assert_allclose(fit["mean"].value, shift, atol=1e-6)
    residual = fit.residual_cube().values()
    assert np.isnan(residual[5]).all()
    assert np.nanmax(np.abs(residual)) < 1e-6


def test_lazy_fits_have_no_cubes_and_no_file(co, tmp_path):
    lazy = cube.fit_lines(co, SOME, compute=False)
    for action in (
        lazy.model_cube,
        lazy.residual_cube,
        lambda: lazy.to_fits(tmp_path / "a.fits"),
        lambda: lazy.report("a"),
    ):
        with pytest.raises(InputError, match=r"compute\(\)"):
            action()


def test_cost(co):
    cost = cube.fit_lines(co, SOME, baseline=1, compute=False).cost
    assert cost.shape == (40, 9, 11)
    assert (cost.n_spectra, cost.n_parameters, cost.n_measured) == (30, 5, 30)
    assert cost.bytes_read == 30 * 40 * 4
    assert cost.bytes_of_maps == 99 * 8 * (5 + 15 + 2)
    assert 0 <= cost.seconds < 1
    assert "estimated time" in str(cost)
    assert cube.fit_lines(co, np.zeros((9, 11), bool), noise=0.1, compute=False).cost.seconds == 0


def test_time_is_that_of_one_spectrum_for_each_and_worker(co, monkeypatch):
    def seconds(problem, lazy):
        return 1e-3 * np.prod(problem.shape)

    monkeypatch.setattr("manyfit.cube._cost._seconds", seconds)
    monkeypatch.setattr("manyfit.cube._cost.SAMPLE", 20)
    one = cube.fit_lines(co, compute=False, workers=1).cost
    assert one.n_measured == 20
    assert one.seconds == pytest.approx(99 * 1e-3)
    two = cube.fit_lines(co, compute=False, workers=2, memory=60_000).cost
    assert two.n_blocks > 2
    assert two.seconds == pytest.approx(99 * 1e-3 / 2)


def test_time_is_measured_by_the_processor(co):
    assert 0 < cube.fit_lines(co, compute=False, workers=1).cost.seconds < 5


def test_sizes():
    assert [_size(n) for n in (0, 999, 1000, 314_572_800, 3 * 10**12)] == ["0 B", "999 B", "1 kB", "315 MB", "3 TB"]


def test_table_has_the_fitted_spectra(fit):
    table = fit.to_table()
    assert len(table) == SOME.sum()
    np.testing.assert_array_equal(table["mean"], fit["mean"][SOME])


def test_file_comes_back(fit, tmp_path):
    path = tmp_path / "fit.fits"
    fit.to_fits(path)
    read = FitResult.read(path)
    for name in fit:
        np.testing.assert_array_equal(read[name], fit[name])
    with pytest.raises(OutputExists):
        fit.to_fits(path)


def test_report(fit, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("manyfit.cube._report.write_report", lambda *a, **k: asked.append((a, k)))
    fit.report(tmp_path / "fit.html", overwrite=True)
    assert asked == [((fit, tmp_path / "fit.html"), {"moments": None, "overwrite": True})]


def test_figures(fit):
    assert fit.plot("mean").figure.axes
    assert fit.plot_spectrum((4, 5)).axes


# -- comparison ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maps(co):
    return cube.moments(co, cube.signal_mask(co, low=2, high=3, min_voxels=5, min_bright_voxels=2))


def test_comparison(fit, maps):
    compared = fit.compare(maps)
    assert list(compared) == ["amplitude", "mean", "stddev", "integrated"]
    guess, fitted = compared["stddev"]
    known = fit.good & np.isfinite(maps["equivalent_width"].value)
    assert 5 < known.sum() <= SOME.sum()
    np.testing.assert_array_equal(guess[known], maps["equivalent_width"][known])
    np.testing.assert_array_equal(fitted[known], fit["stddev"][known])
    assert np.isnan(guess[~known]).all()
    np.testing.assert_array_equal(compared.difference("mean")[known], (maps["moment1"] - fit["mean"])[known])
    integral = np.sqrt(2 * np.pi) * fit["amplitude"] * fit["stddev"]
    np.testing.assert_allclose(compared["integrated"][1][known], integral[known], rtol=1e-12)
    text = str(compared).splitlines()
    assert len(text) == 5
    assert text[4].endswith("K km / s")
    with pytest.raises(InputError, match="Did you mean 'mean'"):
        compared["men"]


def test_comparison_figure_has_rows_of_three(fit, maps):
    figure = fit.compare(maps).plot()
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert sum("guess" in title for title in titles) == 8
    assert "mean: fit" in titles


def test_comparison_of_other_models(co, maps):
    from astropy.modeling.models import Lorentz1D

    lorentz = cube.fit_lines(co, SOME, model=Lorentz1D(), noise=0.2).compare(maps)
    assert list(lorentz) == ["amplitude", "x_0", "fwhm", "integrated"]
    based = cube.fit_lines(co, SOME, baseline=1, noise=0.2).compare(maps)
    assert list(based) == ["amplitude_0", "mean_0", "stddev_0", "integrated"]
    two = Gaussian1D(1, 4, 0.3) + Gaussian1D(1, 5, 0.3)
    assert list(cube.fit_lines(co, SOME, model=two, noise=0.2).compare(maps)) == ["integrated"]


def test_comparison_with_other_moments(fit, co):
    with pytest.raises(InputError, match=r"moments have the shape \(4, 5\), the fit \(9, 11\)"):
        fit.compare(cube.moments(co[:, :4, :5]))

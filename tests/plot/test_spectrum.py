"""One spectrum: data, model, residuals."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from manyfit.errors import InputError
from manyfit.plot import plot_fit

X = np.linspace(-3, 3, 31)
MODEL = np.exp(-0.5 * X**2)
Y = MODEL + 0.1 * np.cos(40 * X)


def residual(residual_ax):
    return residual_ax.lines[-1].get_ydata()


def test_data_model_and_words(pixels):
    ax, residual_ax = plot_fit(X, Y, MODEL, x_label="velocity (km/s)", y_label="T (K)", title="pixel (1, 2)")
    data, model = ax.lines[:2]
    np.testing.assert_array_equal(data.get_ydata(), Y)
    assert data.get_drawstyle() == "steps-mid"
    np.testing.assert_array_equal(model.get_ydata(), MODEL)
    assert (ax.get_title(), ax.get_ylabel()) == ("pixel (1, 2)", "T (K)")
    assert (residual_ax.get_xlabel(), residual_ax.get_ylabel()) == ("velocity (km/s)", "residual")
    np.testing.assert_allclose(residual(residual_ax), Y - MODEL)
    assert pixels(ax.figure).std() > 0


@pytest.mark.parametrize("sigma", [0.2, np.full(31, 0.2)])
def test_residuals_in_units_of_sigma(pixels, sigma):
    ax, residual_ax = plot_fit(X, Y, MODEL, sigma=sigma)
    np.testing.assert_allclose(residual(residual_ax), (Y - MODEL) / 0.2)
    assert residual_ax.get_ylabel() == "residual / σ"
    low, high = np.array([bar[:, 1] for bar in ax.containers[0].lines[2][0].get_segments()]).T
    np.testing.assert_allclose((high - low) / 2, 0.2)
    pixels(ax.figure)


def test_missing_points_leave_a_gap(pixels):
    y = np.ma.masked_array(Y, mask=X < -2, copy=True)
    y[20] = np.nan
    sigma = np.where(X > 2, 0.0, 0.1)
    ax, residual_ax = plot_fit(X, y, MODEL, sigma=sigma)
    missing = (X < -2) | (np.arange(31) == 20)
    np.testing.assert_array_equal(np.isnan(ax.lines[0].get_ydata()), missing)
    np.testing.assert_array_equal(np.isnan(residual(residual_ax)), missing | (X > 2))
    pixels(ax.figure)


def test_panel_lies_below_and_shares_x(pixels):
    ax = Figure().subplots()
    given, residual_ax = plot_fit(X, Y, MODEL, ax=ax)
    pixels(ax.figure)
    assert given is ax
    upper, lower = ax.get_position(), residual_ax.get_position()
    assert 0 < lower.y0 < lower.y1 < upper.y0
    assert (lower.x0, lower.x1) == pytest.approx((upper.x0, upper.x1))
    ax.set_xlim(0, 1)
    assert residual_ax.get_xlim() == (0, 1)


def test_inputs_are_kept():
    y, sigma = Y.copy(), np.zeros(31)
    plot_fit(X, y, MODEL, sigma=sigma)
    assert np.array_equal(y, Y)
    assert not sigma.any()


@pytest.mark.parametrize("arrays", [(X, Y[1:], MODEL), (X[None], Y[None], MODEL[None]), (X, Y, 1.0)])
def test_wrong_shapes(arrays):
    with pytest.raises(InputError, match=r"have shapes .* three one-dimensional arrays of one length"):
        plot_fit(*arrays)

"""Figures show what they say: the numbers that are drawn are those of the model and its validation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from manyfit.cannon import (
    one_to_one,
    pulls,
    residual_map,
    scatter_spectrum,
    simulate_stars,
    theta_spectra,
    train,
    validate,
)
from manyfit.errors import InputError


@pytest.fixture(scope="module")
def stars():
    return simulate_stars(150, 300)


@pytest.fixture(scope="module")
def small(stars):
    return train(stars, hidden=0)


@pytest.fixture(scope="module")
def validation(stars):
    return validate(stars, partial(train, hidden=0), n_folds=3)


def test_one_to_one(validation):
    figure = one_to_one(validation)
    assert len(figure.axes) == 6
    for k, name in enumerate(validation.label_names):
        ax = figure.axes[k]
        assert ax.get_title() == f"{name}: {validation.used[:, k].sum()} stars"
        drawn = ax.containers[0].lines[0]
        np.testing.assert_array_equal(drawn.get_xdata(), validation.truth[validation.used[:, k], k])
        np.testing.assert_array_equal(drawn.get_ydata(), validation.table.labels[validation.used[:, k], k])
    figure.canvas.draw()


def test_pulls(validation):
    figure = pulls(validation)
    for k, ax in enumerate(figure.axes):
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert f"calibrated: width {validation.summary()['pull_after'][k]:.2f}" in texts
        assert f"formal: width {validation.summary()['pull_before'][k]:.2f}" in texts


def test_theta(small):
    figure = theta_spectra(small, ["TEFF", "TEFF*FE_H"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["TEFF", "TEFF*FE_H"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), small.theta[:, 1])
    with pytest.raises(InputError, match="Did you mean 'TEFF'"):
        theta_spectra(small, ["TEF"])


def test_scatter(small):
    (ax,) = scatter_spectrum(small).axes
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.sqrt(small.s2))


def test_residuals_are_in_the_order_of_a_label(stars, small):
    image = residual_map(small, stars, by="FE_H").axes[0].collections[0].get_array()
    order = np.argsort(stars.labels[:, 2])
    with np.errstate(divide="ignore"):
        expected = (stars.flux - small.predict(stars.labels)) / np.sqrt(1 / stars.ivar.astype(float) + small.s2)
    known = stars.ivar[order] > 0
    np.testing.assert_allclose(np.asarray(image)[known], expected[order][known])
    assert not np.isfinite(np.ma.filled(image, np.nan)[~known]).any()
    with pytest.raises(InputError, match="Did you mean"):
        residual_map(small, stars, by="FEH")


def test_stars_without_a_label_are_not_in_the_map(stars, small):
    labels = stars.labels.copy()
    labels[:50, 0] = np.nan
    image = residual_map(small, replace(stars, labels=labels)).axes[0].collections[0].get_array()
    assert image.shape == (100, 300)

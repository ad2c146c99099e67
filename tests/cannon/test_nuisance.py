"""Velocity, broadening and continuum of stars beside their labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manyfit.cannon import Nuisance, TrainingSet, train
from manyfit.cannon._moved import moved, pixel_velocity
from manyfit.errors import InputError

N_PIXELS, UNIT = 600, 1.4e-5  # pixels, and the width of one in the logarithm of wavelength
KMS = 299792.458 * UNIT
RNG = np.random.default_rng(5)
LINES = RNG.uniform(0, N_PIXELS, 70)
STRENGTH = RNG.uniform(0.05, 0.3, 70)
BY_LABEL = RNG.normal(0, 0.5, (70, 2))


def spectra(x, shift=0.0, width=0.0):
    """Gaussian lines whose depth depends on two labels, moved and broadened exactly, (N, P)."""
    depth = STRENGTH * (1 + x @ BY_LABEL.T + 0.3 * (x[:, :1] * x[:, 1:]))
    sigma = np.hypot(3.0, np.broadcast_to(width, len(x)))[:, None, None]
    offset = np.arange(N_PIXELS)[None, :, None] - LINES - np.broadcast_to(shift, len(x))[:, None, None]
    return 1 - np.sum(depth[:, None] * 3.0 / sigma * np.exp(-0.5 * (offset / sigma) ** 2), axis=2)


@pytest.fixture(scope="module")
def lines():
    """A model of stars at rest with sharp lines, almost without noise."""
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    flux = spectra(x) + np.random.default_rng(1).normal(0, 1e-4, (200, N_PIXELS))
    wavelength = 15100 * np.exp(UNIT * np.arange(N_PIXELS))
    return train(TrainingSet(wavelength, flux, np.full(flux.shape, 1e8), x, ("A", "B")))


@pytest.fixture(scope="module")
def truth():
    return np.random.default_rng(2).uniform(-0.8, 0.8, (40, 2))


def noisy(flux, sigma=1e-3):
    return flux + np.random.default_rng(3).normal(0, sigma, flux.shape), np.full(flux.shape, sigma**-2)


def test_pixel_velocity(lines):
    assert pixel_velocity(lines) == pytest.approx(KMS, rel=1e-9)


def test_moved_model_is_that_of_moved_stars(lines, truth):
    """Also that pixels from beyond the edge are not known."""
    at = moved(lines, 3.3, 4.0)
    flux = lines.vectorizer.design(lines.scaling.to_scaled(truth)) @ at.theta.T
    known = np.isfinite(at.s2)
    assert np.flatnonzero(~known).tolist() == [0, 1, 2, 3]
    inner = slice(12, -12)  # broadening does not know what lies beyond the edge
    assert np.abs(flux - spectra(truth, 3.3, 2.0))[:, inner].max() < 2e-3


def test_velocities_are_recovered(lines, truth):
    """From less than a pixel to several: labels are as good as at rest."""
    shift = np.linspace(-6, 6, 40)
    flux, ivar = noisy(spectra(truth, shift))
    table = lines.infer(flux, ivar, nuisance=Nuisance(radial_velocity=True))
    assert table.good.all()
    pulls = (table.nuisance["rv"] - shift * KMS) / table.nuisance_error["rv"]
    assert np.abs(pulls).max() < 4.5
    assert 0.7 < pulls.std() < 1.35
    label_pulls = (table.labels - truth) / np.sqrt(np.einsum("nii->ni", table.covariance))
    assert np.abs(label_pulls).max() < 5
    at_rest = lines.infer(flux, ivar)
    assert np.std(at_rest.labels - truth) > 5 * np.std(table.labels - truth)


def test_broadening_is_recovered(lines, truth):
    width = np.linspace(0, 4, 40)
    flux, ivar = noisy(spectra(truth, 0.0, width))
    table = lines.infer(flux[:, :], ivar, nuisance=Nuisance(broadening=True))
    wide = width > 1.5
    np.testing.assert_allclose(table.nuisance["broadening"][wide] / KMS, width[wide], rtol=0.05)
    assert np.abs(table.labels - truth)[wide].max() < 0.05
    assert table.nuisance["broadening"][0] < 1.5
    assert np.abs(lines.infer(flux, ivar).labels - truth)[wide].max() > 0.1


def test_continuum_is_recovered(lines, truth):
    position = np.linspace(-1, 1, N_PIXELS)
    level = 1.04 - 0.03 * position
    flux, ivar = noisy(spectra(truth) * level)
    table = lines.infer(flux, ivar, nuisance=Nuisance(continuum=1))
    np.testing.assert_allclose(table.nuisance["continuum_0"], 0.04, atol=0.002)
    np.testing.assert_allclose(table.nuisance["continuum_1"], -0.03, atol=0.002)
    assert np.abs(table.labels - truth).max() < 0.02
    assert np.median(table.reduced_chi2) < 1.2
    own = lines.infer(flux, ivar, nuisance=Nuisance(continuum=np.stack([np.ones(N_PIXELS), position])))
    np.testing.assert_allclose(own.labels, table.labels, atol=1e-8)


def test_all_together(lines, truth):
    level = 1 + 0.02 * np.linspace(-1, 1, N_PIXELS)
    flux, ivar = noisy(spectra(truth, 2.4, 2.0) * level)
    table = lines.infer(flux, ivar, nuisance=Nuisance(radial_velocity=True, broadening=True, continuum=1))
    assert table.good.all()
    np.testing.assert_allclose(table.nuisance["rv"], 2.4 * KMS, atol=0.5)
    np.testing.assert_allclose(table.nuisance["broadening"], 2.0 * KMS, atol=0.6)
    assert np.abs(table.labels - truth).max() < 0.05
    assert table.dof.tolist() == (table.n_pixels - 6).tolist()


def test_a_star_depends_on_nothing_but_itself(lines, truth):
    flux, ivar = noisy(spectra(truth, np.linspace(-3, 3, 40)))
    nuisance = Nuisance(radial_velocity=True)
    table = lines.infer(flux, ivar, nuisance=nuisance)
    part = lines.infer(flux[31:35], ivar[31:35], nuisance=nuisance)
    assert np.array_equal(part.labels, table.labels[31:35])
    assert np.array_equal(part.nuisance["rv"], table.nuisance["rv"][31:35])


def test_bad_spectra(lines, truth):
    flux, ivar = noisy(spectra(truth))
    flux[0] = np.nan
    table = lines.infer(flux, ivar, nuisance=Nuisance(radial_velocity=True, continuum=0))
    assert np.isnan(table.nuisance["rv"][0])
    assert not np.isnan(table.nuisance["rv"][1:]).any()
    columns = table.to_table()
    assert {"rv", "rv_err", "continuum_0"} <= set(columns.colnames)


def test_basis_is_by_chip(lines):
    split = replace(lines, chips=((0, 200), (200, 600)))
    basis = Nuisance(continuum=2).basis(split)
    assert basis.shape == (6, 600)
    assert not basis[:3, 200:].any()
    assert not basis[3:, :200].any()


@pytest.mark.parametrize(
    ("options", "words"), [({}, "Nuisance is empty"), ({"radial_velocity": True, "rounds": 0}, "rounds is 0")]
)
def test_nuisances_that_cannot_be(options, words):
    with pytest.raises(InputError, match=words):
        Nuisance(**options)


@pytest.mark.parametrize(("continuum", "words"), [(-1, "continuum is -1"), (np.ones((2, 5)), r"shape \(2, 5\)")])
def test_continua_that_cannot_be(lines, continuum, words):
    with pytest.raises(InputError, match=words):
        lines.infer(np.ones((1, N_PIXELS)), np.ones((1, N_PIXELS)), nuisance=Nuisance(continuum=continuum))

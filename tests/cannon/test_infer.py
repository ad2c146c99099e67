"""Labels of stars against the published program, their errors against simulation, and bad spectra."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from manyfit.cannon import Calibration, LabelStatus, LabelTable, train
from manyfit.cannon._expansion import Expansion, SearchOptions
from manyfit.cannon._label_status import LABEL_STATUS_TABLE
from manyfit.errors import InputError
from tests.cannon.stars import simulate


@pytest.fixture(scope="module")
def reference_model(semireal, reference):
    """The model with the coefficients and scatter of the reference."""
    trained = train(semireal[0], scatter="median")
    return replace(trained, theta=reference[0]["theta"], s2=reference[0]["s2"])


@pytest.fixture(scope="module")
def reference_table(reference_model, semireal):
    return reference_model.infer(*semireal[1][:2])


def test_labels_are_those_of_the_reference(reference_table, reference):
    difference = np.abs(reference_table.labels - reference[1]["labels"])
    assert np.all(difference.max(axis=0) < [1e-5, 1e-5, 1e-2])
    np.testing.assert_allclose(reference_table.chi2, reference[1]["chi_sq"], rtol=1e-9)
    np.testing.assert_allclose(reference_table.reduced_chi2 * (reference_table.dof) / (reference_table.dof - 1),
                               reference[1]["r_chi_sq"], rtol=1e-9)  # it counts one more parameter  # fmt: skip
    assert reference_table.good.all()


def test_covariance_is_that_of_the_reference_in_label_units(reference_table, reference, reference_model):
    theirs = reference[1]["cov_scaled"] * np.outer(reference_model.scaling.scale, reference_model.scaling.scale)
    np.testing.assert_allclose(reference_table.covariance, theirs, rtol=1e-4)


def test_likely_scatter_gives_better_labels_than_the_convention(reference_table, semireal):
    """Better in surface gravity and temperature; in metallicity they agree within the error of the comparison."""
    flux, ivar, truth = semireal[1]
    table = train(semireal[0], hidden=0).infer(flux, ivar)
    ours, theirs = (np.std(t.labels - truth, axis=0) for t in (table, reference_table))
    assert np.all(ours < theirs * [1.03, 0.95, 1.0])
    assert np.median(table.reduced_chi2) == pytest.approx(1.04, abs=0.03)
    assert np.median(reference_table.reduced_chi2) > 1.5


def test_minimum_against_scipy(model, simulated):
    table = model.infer(simulated.flux[:5], simulated.ivar[:5])
    weight = np.sqrt(simulated.ivar[:5] / (1 + simulated.ivar[:5] * model.s2))
    for n in range(5):

        def residual(x, n=n):
            return weight[n] * (model.predict(model.scaling.to_labels(x))[0] - simulated.flux[n])

        fit = least_squares(residual, model.scaling.to_scaled(simulated.labels[n]), xtol=1e-15, ftol=1e-15, gtol=1e-15)
        np.testing.assert_allclose(model.scaling.to_scaled(table.labels[n]), fit.x, atol=1e-7)
        assert table.chi2[n] == pytest.approx(2 * fit.cost, rel=1e-11)


def test_pulls_of_labels_have_unit_width():
    """Without hidden labels the formal covariance is the true one, correlations included."""
    model = train(simulate(n_stars=2000, n_pixels=60, seed=1))
    coefficients = np.random.default_rng(1)
    truth = coefficients.uniform([4100, 0.2], [4900, 2.8], (4000, 2))
    flux, sigma = model.predict(truth), coefficients.uniform(0.005, 0.02, (4000, 60))
    noise = np.sqrt(sigma**2 + model.s2)
    table = model.infer(flux + noise * coefficients.normal(size=flux.shape), 1 / sigma**2)
    offset = table.labels - truth
    pulls = offset / np.sqrt(np.einsum("nii->ni", table.covariance))
    np.testing.assert_allclose(pulls.std(axis=0), 1, atol=0.04)
    distance = np.einsum("ni,nij,nj->n", offset, np.linalg.inv(table.covariance), offset)
    assert distance.mean() == pytest.approx(2.0, abs=0.12)
    assert table.reduced_chi2.mean() == pytest.approx(1.0, abs=0.02)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 299), min_size=1, max_size=150), st.integers(1, 3))
def test_a_star_depends_on_nothing_but_itself(model, simulated, rows, workers):
    """Any selection of stars, in any order and any number of threads, bit for bit."""
    alone = _alone(model, simulated)
    table = model.infer(simulated.flux[rows], simulated.ivar[rows], workers=workers)
    assert np.array_equal(table.labels, alone.labels[rows])
    assert np.array_equal(table.covariance, alone.covariance[rows])
    assert np.array_equal(table.chip_chi2, alone.chip_chi2[rows])


_kept: dict[int, LabelTable] = {}


def _alone(model, stars):
    """Each star in a call of its own."""
    if id(model) not in _kept:
        tables = [model.infer(f, i, scheduler="serial") for f, i in zip(stars.flux, stars.ivar, strict=True)]
        _kept[id(model)] = LabelTable.concatenate(tables)
    return _kept[id(model)]


def test_more_stars_than_a_block(reference_model, semireal, reference_table):
    flux, ivar = (np.tile(a, (4, 1))[13:] for a in semireal[1][:2])
    table = reference_model.infer(flux, ivar)
    assert np.array_equal(table.labels, np.tile(reference_table.labels, (4, 1))[13:])
    assert np.array_equal(table.covariance, np.tile(reference_table.covariance, (4, 1, 1))[13:])


def test_bad_spectra_do_not_stop_the_batch(model, simulated):
    flux, ivar = simulated.flux[:8].copy(), simulated.ivar[:8].copy()
    flux[0], ivar[1], ivar[2] = np.nan, 0, -1
    ivar[3, 1:] = 0
    flux[4] = 1e200
    flux[5, ::7], ivar[5, 1::7], ivar[5, 2::7] = np.nan, np.inf, -4
    table = model.infer(flux, ivar)
    names = [LabelStatus(s).name for s in table.status]
    assert names[:4] == ["NO_VALID_PIXELS"] * 3 + ["TOO_FEW_PIXELS"]
    assert names[4] == "NON_FINITE"
    assert names[5:] == ["CONVERGED"] * 3
    assert np.isnan(table.labels[:5]).all()
    assert np.isnan(table.covariance[:5]).all()
    assert not table.flags[:5].any()
    assert table.n_pixels[5] == 120 - 18 - 17 - 17
    assert np.array_equal(table.labels[6:], model.infer(flux[6:], ivar[6:]).labels)


def test_mask_is_the_same_as_no_weight(model, simulated):
    mask = np.random.default_rng(0).random((10, 120)) < 0.2
    flux, ivar = simulated.flux[:10], simulated.ivar[:10]
    masked = model.infer(flux, ivar, mask=mask)
    assert np.array_equal(masked.labels, model.infer(flux, np.where(mask, 0, ivar)).labels)
    assert np.array_equal(masked.n_pixels, 120 - mask.sum(axis=1))


def test_number_formats(model, simulated):
    flux, ivar = simulated.flux[:9].astype("f4"), simulated.ivar[:9].astype("f4")
    native = model.infer(flux, ivar)
    assert np.array_equal(native.labels, model.infer(flux.astype(">f4"), ivar.astype("f8")).labels)


def test_newton_and_gauss_newton_end_at_the_same_place(model, simulated):
    one, two = (model.infer(simulated.flux, simulated.ivar, second_derivatives=s) for s in (True, False))
    np.testing.assert_allclose(model.scaling.to_scaled(one.labels), model.scaling.to_scaled(two.labels), atol=1e-7)
    assert one.n_iter.max() <= 15


def test_calibration_is_used(model, simulated):
    calibrated = replace(model, calibration=Calibration(np.array([2.0, 3.0]), np.array([10.0, 0.1])))
    table, formal = (m.infer(simulated.flux[:4], simulated.ivar[:4]) for m in (calibrated, model))
    assert np.array_equal(table.formal_covariance, formal.covariance)
    np.testing.assert_allclose(table.error("TEFF"), np.hypot(2 * formal.error("TEFF"), 10))
    np.testing.assert_allclose(table.covariance[:, 0, 1], 6 * formal.covariance[:, 0, 1])


def test_limit_on_iterations_is_a_status(model, simulated):
    table = model.infer(simulated.flux[:3], simulated.ivar[:3], max_iterations=1, n_starts=1)
    assert np.all(table.status == LabelStatus.MAX_ITERATIONS)
    assert not table.good.any()


def test_undetermined_labels_are_a_status(simulated):
    """All pixels censored in one label: it has no error."""
    model = train(simulated, censors={"LOGG": np.ones(120, bool)})
    table = model.infer(simulated.flux[:2], simulated.ivar[:2])
    assert np.all(table.status == LabelStatus.SINGULAR)
    assert np.isnan(table.covariance).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"flux": np.ones((2, 119))}, r"flux has the shape \(2, 119\); give \(stars, 120\)"),
        ({"ivar": np.ones((3, 120))}, "ivar has the shape"),
        ({"mask": np.ones((3, 120), bool)}, "mask has the shape"),
        ({"wavelength": np.linspace(15000, 15101, 120)}, "wavelength differs from that of the model"),
        ({"wavelength": np.zeros(0)}, "wavelength differs"),
        ({"n_starts": 0}, "n_starts is 0"),
    ],
)
def test_bad_input(model, options, words):
    with pytest.raises(InputError, match=words):
        model.infer(**{"flux": np.ones((2, 120)), "ivar": np.ones((2, 120))} | options)


def test_no_stars_are_an_empty_table(model):
    assert len(model.infer(np.ones((0, 120)), np.ones((0, 120)))) == 0


def test_table(model, simulated):
    table = model.infer(simulated.flux[:6], simulated.ivar[:6])
    columns = table.to_table()
    assert columns["TEFF"].tolist() == table["TEFF"].tolist()
    assert columns["LOGG_ERR"].tolist() == table.error("LOGG").tolist()
    assert np.array_equal(table.select([3, 1])["TEFF"], table["TEFF"][[3, 1]])
    with pytest.raises(InputError, match="Did you mean 'TEFF'"):
        table["TEF"]


def test_every_status_has_words():
    assert set(LABEL_STATUS_TABLE) == set(LabelStatus)
    assert all(t.sentence.endswith(".") and t.remedy.endswith(".") for t in LABEL_STATUS_TABLE.values())


def test_forms_are_chi2(model, simulated):
    """The sums over pixels give chi-squared for any labels, chip by chip."""
    from manyfit.cannon._sums_kernel import label_sums

    split = replace(model, chips=((0, 50), (50, 120)))
    e = Expansion.of(split, split.theta, split.s2, split.vectorizer.powers)
    forms = label_sums(simulated.flux[:70], simulated.ivar[:70], e.base, e.theta, e.products, e.s2, e.chips)
    labels = np.array([4321.0, 0.7])
    v = split.vectorizer.design(split.scaling.to_scaled(labels))[1:]
    rows, columns = np.triu_indices(5)
    twice = np.where(rows == columns, 1, 2) * v[rows] * v[columns]
    chi2 = forms[0] @ twice - 2 * forms[1] @ v + forms[2]
    weight = simulated.ivar[:70] / (1 + simulated.ivar[:70] * model.s2)
    residual = weight * (simulated.flux[:70] - model.predict(labels)) ** 2
    np.testing.assert_allclose(chi2, np.stack([residual[:, :50].sum(1), residual[:, 50:].sum(1)], 1), rtol=1e-10)
    found = e.solve(simulated.flux[:70], simulated.ivar[:70], SearchOptions())
    np.testing.assert_allclose(found.chip_chi2.sum(1), model.infer(simulated.flux[:70], simulated.ivar[:70]).chi2)

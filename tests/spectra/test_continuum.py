"""Continua: the published numbers, masks, clipping, and errors that are right."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.spectra import (
    APOGEE_REGIONS,
    Clip,
    ContinuumStatus,
    Spectra,
    chebyshev_continuum,
    normalize,
    quantile_continuum,
    read_regions,
    sinusoidal_continuum,
)

PUBLISHED_REGIONS = ((3000, 10000), *APOGEE_REGIONS)
X = np.linspace(15100, 16900, 1200)
KINDS = {
    "sinusoidal": lambda x, f, w, **more: sinusoidal_continuum(x, f, w, **{"regions": None} | more),
    "chebyshev": chebyshev_continuum,
    "quantile": quantile_continuum,
}


def smooth(x, a=1.0):
    return a * (100 + 8 * np.cos(2 * np.pi * x / 1400) - 5 * np.sin(4 * np.pi * x / 1400))


@pytest.fixture
def published(real):
    return np.load(real("ref_continuum.npz"))


class TestPublished:
    @pytest.fixture(params=[2, 3])
    def order(self, request):
        return request.param

    @pytest.fixture
    def continuum(self, published, order):
        return sinusoidal_continuum(
            published["wavelength"],
            published["flux"],
            published["ivar"],
            regions=PUBLISHED_REGIONS,
            order=order,
            continuum_regions=published["continuum_regions"],
            fill=1.0,
        )

    def test_continuum(self, published, order, continuum):
        np.testing.assert_allclose(continuum.values, published[f"continuum_o{order}"], rtol=1e-9, atol=0)

    def test_amplitudes(self, published, order, continuum):
        # The matrix is damped to a condition of 1e6: single small amplitudes carry rounding of more than 1e-9 of
        # their size in both (see the next test), so it is the vector of a region that agrees to 1e-9.
        expected = published[f"amplitudes_o{order}"]
        size = np.linalg.norm(expected, axis=2, keepdims=True)
        np.testing.assert_allclose(continuum.amplitudes / size, expected / size, rtol=0, atol=1e-9)
        assert np.isnan(continuum.amplitudes[:, 0]).all()

    def test_spectra_and_stacks(self, published, order, continuum):
        flux, ivar = continuum.divide(published["flux"], published["ivar"])
        np.testing.assert_allclose(flux, published[f"norm_flux_o{order}"], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(ivar, published[f"norm_ivar_o{order}"], rtol=1e-9, atol=0)
        for name, rows in (("stack", slice(None)), ("stack_visits_only", slice(2, None))):
            weight = ivar[rows].sum(axis=0)
            np.testing.assert_allclose(weight, published[f"{name}_ivar_o{order}"], rtol=1e-9)
            stacked = (flux[rows] * ivar[rows]).sum(axis=0) / weight
            np.testing.assert_allclose(stacked, published[f"{name}_flux_o{order}"], rtol=1e-9, atol=1e-15)

    def test_rounding_of_both_against_more_digits(self, published, continuum, order):
        x, pixel = published["wavelength"], 0
        first, last = APOGEE_REGIONS[1]
        low, high = np.searchsorted(x, (first, last))
        chosen = np.zeros(x.size, bool)
        for a, b in published["continuum_regions"]:
            chosen[slice(*np.searchsorted(x, (a, b)))] = True
        c = np.flatnonzero(chosen)
        c = c[(c >= low) & (c <= high)]
        phases = [2 * np.pi * k * x[c] / 1400 for k in range(1, order + 1)]
        terms = np.stack([np.ones(c.size), *(f(p) for p in phases for f in (np.cos, np.sin))]).astype(np.longdouble)
        weight, flux = (published[name][pixel, c].astype(np.longdouble) for name in ("ivar", "flux"))
        matrix, right = (terms * weight) @ terms.T, terms @ (weight * flux)
        with mpmath.workdps(40):
            exact = mpmath.matrix([[mpmath.mpf(str(v)) for v in row] for row in matrix])
            exact += mpmath.eye(len(terms)) * mpmath.mpf(1e-6 * np.linalg.eigvalsh(matrix.astype(float)).max())
            truth = mpmath.lu_solve(exact, mpmath.matrix([mpmath.mpf(str(v)) for v in right]))
            truth = np.array([float(v) for v in truth])
        ours = np.abs(continuum.amplitudes[pixel, 2] - truth).max()
        theirs = np.abs(published[f"amplitudes_o{order}"][pixel, 2] - truth).max()
        assert ours < 1e-9 * np.linalg.norm(truth)
        assert ours < 20 * theirs + 1e-11 * np.linalg.norm(truth)

    def test_regions_of_the_survey(self, real, published):
        regions = read_regions(real("masks/continuum-regions.list"))
        np.testing.assert_array_equal(regions, published["continuum_regions"])


@pytest.mark.parametrize("kind", KINDS)
class TestAnyKind:
    def test_each_spectrum_by_itself(self, kind):
        rng = np.random.default_rng(3)
        flux = smooth(X, rng.uniform(1, 9, (70, 1))) + rng.normal(size=(70, X.size))
        ivar = rng.uniform(0, 1, flux.shape) * (rng.uniform(size=flux.shape) > 0.1)
        together = KINDS[kind](X, flux, ivar)
        for i in (0, 31, 32, 69):
            alone = KINDS[kind](X, flux[i], ivar[i])
            np.testing.assert_allclose(together.values[i], alone.values[0], rtol=1e-10)
            np.testing.assert_allclose(together.variance[i], alone.variance[0], rtol=1e-8)

    def test_bad_pixels_do_not_count(self, kind):
        flux, ivar = smooth(X)[None].repeat(2, 0), np.ones((2, X.size))
        bad = np.zeros(X.size, bool)
        bad[::7] = True
        flux[1, bad] = [*[np.nan, np.inf, 1e30] * 57, 0.0]
        mask = np.stack([bad, bad])
        c = KINDS[kind](X, flux, ivar, mask=mask)
        np.testing.assert_allclose(c.values[1], c.values[0], rtol=1e-12)
        ivar[:, bad] = [[0], [-1]]
        np.testing.assert_allclose(KINDS[kind](X, flux, ivar).values, c.values, rtol=1e-12)
        np.testing.assert_allclose(KINDS[kind](X, flux, np.ones(flux.shape), mask=bad).values, c.values, rtol=1e-12)

    def test_inputs_stay(self, kind):
        flux, ivar, mask = smooth(X)[None].copy(), np.ones((1, X.size)), np.zeros((1, X.size), bool)
        flux[0, 3] = np.nan
        before = [each.copy() for each in (flux, ivar, mask, X)]
        c = KINDS[kind](X, flux, ivar, mask=mask)
        c.divide(flux, ivar, propagate=True)
        for now, then in zip((flux, ivar, mask, X), before, strict=True):
            np.testing.assert_array_equal(now, then)

    def test_a_spectrum_that_cannot_be_fitted(self, kind):
        flux, ivar = smooth(X)[None].repeat(4, 0), np.ones((4, X.size))
        ivar[1], ivar[2, 2:], flux[3] = 0, 0, -5
        c = KINDS[kind](X, flux, ivar)
        assert c.status[:, 0].tolist() == [0, ContinuumStatus.NO_PIXELS, ContinuumStatus.TOO_FEW_PIXELS, 4]
        assert np.isnan(c.values[1:3]).all()
        new_flux, new_ivar = c.divide(flux, ivar)
        assert np.isfinite(new_flux).all()
        assert np.isfinite(new_ivar).all()
        assert (new_ivar[1:] == 0).all()
        assert (new_flux[1:] == 1).all()
        assert (new_ivar[0] > 0).all()
        assert "NOT_POSITIVE" in repr(c)
        assert ContinuumStatus(4).sentence.endswith(".")

    def test_outside_of_the_regions(self, kind):
        c = KINDS[kind](X, smooth(X), np.ones(X.size), regions=[(15200, 15900), (16000, 16500), (17000, 18000)])
        inside = ((X >= 15200) & (X <= 15900)) | ((X >= 16000) & (X <= 16500))
        np.testing.assert_array_equal(np.isfinite(c.values[0]), inside)
        assert c.status[0].tolist() == [0, 0, ContinuumStatus.OUTSIDE]
        np.testing.assert_array_equal(c.divide(smooth(X), np.ones(X.size))[1][0] > 0, inside)

    @given(scale=st.floats(1e-12, 1e12))
    @settings(max_examples=10, deadline=None)
    def test_units_of_the_flux_do_not_matter(self, kind, scale):
        flux = smooth(X) + np.random.default_rng(1).normal(size=X.size)
        one = KINDS[kind](X, flux, np.full(X.size, 0.5))
        other = KINDS[kind](X, flux * scale, np.full(X.size, 0.5) / scale**2)
        np.testing.assert_allclose(other.values / scale, one.values, rtol=1e-9)
        np.testing.assert_allclose(other.variance / scale**2, one.variance, rtol=1e-8)

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"ivar": np.ones(5)}, "do not fit 1200 wavelengths"),
            ({"mask": np.ones(5, bool)}, "mask is bool"),
            ({"mask": np.ones(X.size, int)}, "mask is int64.*Give bool"),
            ({"regions": [(2, 1)]}, "increasing wavelengths"),
            ({"wavelength": X[::-1]}, "increasing"),
        ],
    )
    def test_what_does_not_fit(self, kind, change, match):
        given = {"wavelength": X, "flux": smooth(X), "ivar": np.ones(X.size)} | change
        x, f, w = (given.pop(name) for name in ("wavelength", "flux", "ivar"))
        with pytest.raises(InputError, match=match):
            KINDS[kind](x, f, w, **given)

    def test_error_of_the_continuum(self, kind):
        # pulls of the continuum of pure noise on a known continuum
        rng = np.random.default_rng(5)
        truth, sigma = smooth(X), rng.uniform(0.5, 2, X.size)
        n = 1000
        flux = truth + sigma * rng.normal(size=(n, X.size))
        if kind == "quantile":
            truth, flux, more = truth * 0 + 100, flux - truth + 100, {"quantile": 0.5}
        else:
            more = {"ridge": 1e-12} if kind == "sinusoidal" else {"order": 16}
        c = KINDS[kind](X, flux, np.tile(sigma**-2.0, (n, 1)), **more)
        pulls = (c.values - truth) / np.sqrt(c.variance)
        nodes = slice(150, 1050, 100)
        # the order statistics of a quantile are a rough measure, and interpolation between windows averages
        tolerance = 0.35 if kind == "quantile" else 0.08
        np.testing.assert_allclose(pulls[:, nodes].std(axis=0), 1, atol=tolerance)
        if kind != "quantile":
            np.testing.assert_allclose(pulls[:, nodes].mean(axis=0), 0, atol=0.2)


def test_covariance_of_the_amplitudes_with_the_ridge():
    rng = np.random.default_rng(7)
    n, sigma = 2000, 1.0
    c = sinusoidal_continuum(
        X, smooth(X) + rng.normal(size=(n, X.size)), np.ones((n, X.size)) / sigma**2, regions=None, ridge=0.05
    )
    found = np.cov(c.amplitudes[:, 0].T)
    expected = c.covariance[0, 0]
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=0.12)


def test_propagated_errors():
    c = chebyshev_continuum(X, smooth(X), np.full(X.size, 4.0), order=6)
    flux, ivar = smooth(X)[None] * 0.9, np.full((1, X.size), 4.0)
    _, plain = c.divide(flux, ivar)
    _, propagated = c.divide(flux, ivar, propagate=True)
    expected = 1 / (4 * c.values**2) + flux**2 * c.variance / c.values**4
    np.testing.assert_allclose(1 / propagated, expected, rtol=1e-12)
    np.testing.assert_allclose(plain, 4 * c.values**2)


@pytest.mark.parametrize("kind", ["sinusoidal", "chebyshev"])
def test_clipping_finds_the_continuum_between_lines_and_spikes(kind):
    rng = np.random.default_rng(11)
    truth = smooth(X)
    lines = sum(0.4 * np.exp(-0.5 * ((X - at) / 1.5) ** 2) for at in rng.uniform(15100, 16900, 40))
    flux = truth * (1 - lines) + rng.normal(size=X.size)
    flux[rng.integers(0, X.size, 10)] += 300
    more = {"order": 12} if kind == "chebyshev" else {}
    plain, clipped = (KINDS[kind](X, flux, np.ones(X.size), clip=clip, **more) for clip in (None, Clip(iterations=20)))
    errors = [np.sqrt(np.mean((c.values[0] / truth - 1)[20:-20] ** 2)) for c in (plain, clipped)]
    assert errors[1] < 0.004 < errors[0]
    assert clipped.n_points[0, 0] < plain.n_points[0, 0] == X.size
    assert clipped.chi2[0, 0] / clipped.n_points[0, 0] < 2


def test_clipping_without_outliers_changes_nothing():
    flux = np.full((3, X.size), 10.0)
    a, b = (chebyshev_continuum(X, flux, np.ones(flux.shape), clip=clip) for clip in (None, Clip()))
    np.testing.assert_array_equal(a.values, b.values)


def test_weights_that_leave_a_term_undetermined():
    ivar = np.full((2, X.size), 1e-40)
    ivar[0, :3] = 1
    ivar[1] = 1e-300
    c = chebyshev_continuum(X, smooth(X)[None].repeat(2, 0), ivar)
    assert c.status[:, 0].tolist() == [ContinuumStatus.TOO_FEW_PIXELS, 0]
    assert np.isnan(c.values[0]).all()


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.93])
def test_quantile_against_numpy(quantile):
    rng = np.random.default_rng(2)
    x = np.arange(5000.0, 5201.0)
    flux = rng.normal(10, 1, (3, x.size))
    ivar = (rng.uniform(size=flux.shape) > 0.2).astype(float)
    c = quantile_continuum(x, flux, ivar, width=40, quantile=quantile)
    for at in (0, 50, 100, 200):
        window = (x >= x[at] - 20) & (x < x[at] + 20)
        for row in range(3):
            expected = np.quantile(flux[row][window & (ivar[row] > 0)], quantile)
            assert c.values[row, at] == pytest.approx(expected, rel=1e-12)


def test_normalize():
    s = Spectra(X, smooth(X)[None] * 3, np.full((1, X.size), 0.25), frame="rest", unit="Jy")
    n = normalize(s, sinusoidal_continuum(s.wavelength, s.flux, s.ivar, regions=None, ridge=0))
    np.testing.assert_allclose(n.flux, 1, rtol=1e-9)
    np.testing.assert_allclose(n.ivar, 0.25 * s.flux**2, rtol=1e-9)
    assert (str(n.unit), n.frame) == ("", "rest")
    with pytest.raises(InputError, match="need the continuum's shape"):
        normalize(s[[0, 0]], sinusoidal_continuum(s.wavelength, s.flux, s.ivar))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sinusoidal_continuum(X, X, X, order=-1), "order=-1"),
        (lambda: sinusoidal_continuum(X, X, X, length=0), "length=0"),
        (lambda: chebyshev_continuum(X, X, X, order=-1), "order is -1"),
        (lambda: quantile_continuum(X, X, X, quantile=1.5), "quantile=1.5"),
    ],
)
def test_numbers_that_make_no_sense(call, match):
    with pytest.raises(InputError, match=match):
        call()


def test_regions_file_of_another_shape(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text("1 2 3\n")
    with pytest.raises(InputError, match="pairs"):
        read_regions(path)
    path.write_text("one two\n")
    with pytest.raises(InputError, match="not a table"):
        read_regions(path)

"""Fits of some elements: the same numbers as the fit of all, nothing read for the others."""

from __future__ import annotations

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import zarr
from astropy.io import fits
from astropy.modeling import custom_model
from astropy.modeling.models import Gaussian1D, Gaussian2D
from astropy.wcs import WCS

import manyfit
from manyfit import Status
from manyfit.errors import FallbackWarning, InputError

SHAPE = (24, 9, 11)
X = np.linspace(-10, 10, 24)
RNG = np.random.default_rng(5)
CENTRE = RNG.uniform(-3, 3, SHAPE[1:])
DATA = 3 * np.exp(-0.5 * ((X[:, None, None] - CENTRE) / 1.5) ** 2) + RNG.normal(0, 0.1, SHAPE)
START = Gaussian1D(2.0, np.where(CENTRE > 0, 1.0, -1.0), 2.0)
SOME = RNG.random(SHAPE[1:]) < 0.3
MAPS = ("statistic", "n_points", "n_iter", "status")


def same(part, whole, where):
    """Bit for bit where selected; NaN and a status elsewhere."""
    for name in whole.names:
        np.testing.assert_array_equal(part[name][where], whole[name][where])
        np.testing.assert_array_equal(part.error[name][where], whole.error[name][where])
        assert np.isnan(part[name][~where]).all()
        assert np.isnan(part.error[name][~where]).all()
    for name in MAPS:
        np.testing.assert_array_equal(getattr(part, name)[where], getattr(whole, name)[where])
    assert (part.status[~where] == Status.NOT_FITTED).all()
    assert (part.n_points[~where] == 0).all()
    assert part.shape == whole.shape


NOISE = RNG.uniform(0.05, 0.2, SHAPE)
BAD = RNG.random(SHAPE) < 0.05
CASES = {
    "plain": {},
    "error of the voxel": {"uncertainty": NOISE},
    "error of the channel": {"uncertainty": NOISE[:, 0, 0]},
    "error of the element": {"uncertainty": NOISE[0]},
    "error of the row": {"uncertainty": NOISE[:1, :, :1]},
    "mask of the voxel": {"mask": BAD},
    "mask of the element": {"mask": BAD[0]},
    "weights": {"weights": 1 / NOISE},
    "world of the voxel": {"world": (X[:, None, None] + 0.1 * CENTRE,)},
    "world of the row": {"world": (X[:, None, None] + 0.1 * CENTRE[:, :1],)},
    "bounds of the element": {"bounds": {"mean": (np.minimum(CENTRE - 0.02, START.mean.value), None)}},
    "serial": {"scheduler": "serial"},
    "small blocks": {"memory": 4000},
}


@pytest.mark.parametrize("name", CASES)
def test_same_numbers_as_the_fit_of_all(name):
    given = {"world": X, **CASES[name]}
    same(manyfit.fit(START, DATA, select=SOME, **given), manyfit.fit(START, DATA, **given), SOME)


@pytest.mark.parametrize("axes", [(2, 0, 1), (1, 2, 0), (1, 0, 2)])
def test_any_order_of_axes(axes):
    data, axis = DATA.transpose(axes), axes.index(0)
    model = START if axes != (2, 0, 1) else Gaussian1D(2.0, 0.5, 2.0)
    some = SOME if axes != (2, 0, 1) else SOME.T
    given = {"world": X, "fitting_axes": axis}
    same(manyfit.fit(model, data, select=some, **given), manyfit.fit(model, data, **given), some)


def test_two_fitting_axes_and_one_iterating():
    y, x = np.mgrid[:7, :8]
    planes = np.array([Gaussian2D(1 + k, 3, 4, 1.5, 1.5)(x, y).T for k in range(5)])
    where = np.array([True, False, True, True, False])
    given = {"fitting_axes": (1, 2)}
    model = Gaussian2D(1, 3.2, 3.8, 1.4, 1.6)
    same(manyfit.fit(model, planes, select=where, **given), manyfit.fit(model, planes, **given), where)


@pytest.fixture
def stored(tmp_path):
    fits.writeto(tmp_path / "cube.fits", DATA.astype(">f4"))
    array = zarr.create_array(tmp_path / "cube.zarr", shape=SHAPE, chunks=(24, 4, 3), dtype="f4")
    array[:] = DATA
    return {
        "fits": tmp_path / "cube.fits",
        "zarr": array,
        "dask": da.from_array(DATA.astype("f4"), chunks=(10, 3, 4)),
    }


@pytest.mark.parametrize("kind", ["fits", "zarr", "dask"])
@pytest.mark.parametrize("memory", [None, 3000])
def test_stored_data(stored, kind, memory):
    given = {"world": X, "memory": memory}
    same(manyfit.fit(START, stored[kind], select=SOME, **given), manyfit.fit(START, stored[kind], **given), SOME)


def test_chunks_without_selected_elements_are_not_read():
    def block(values, block_info):
        seen.append(block_info[0]["chunk-location"][1:])
        return values

    seen: list[tuple[int, ...]] = []
    data = da.from_array(DATA, chunks=(24, 3, 11)).map_blocks(block, dtype=float, meta=np.empty((0, 0, 0)))
    where = np.zeros(SHAPE[1:], bool)
    where[4, ::2] = True
    manyfit.fit(START, data, world=X, select=where)
    assert set(seen) == {(1, 0)}


def test_wcs_that_differs_between_elements():
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["LINEAR"] * 3
    wcs.wcs.pc = [[1, 0, 0], [0, 1, 0], [0.02, 0.03, 1]]
    wcs.wcs.cdelt = [1, 1, X[1] - X[0]]
    wcs.wcs.crval = [0, 0, -10]
    wcs.wcs.crpix = [1, 1, 1]
    given = {"world": wcs}
    same(manyfit.fit(START, DATA, select=SOME, **given), manyfit.fit(START, DATA, **given), SOME)


def test_maps_keep_the_wcs_and_the_data_of_all():
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "VRAD"]
    wcs.wcs.cunit = ["deg", "deg", "m/s"]
    wcs.wcs.cdelt = [-0.01, 0.01, 870.0]
    part = manyfit.fit(Gaussian1D(2, 3000, 1000), DATA * u.K, world=wcs, select=SOME)
    assert part.wcs.pixel_n_dim == 2
    assert part["mean"].unit == u.m / u.s
    model = part.evaluate()
    assert model.shape == SHAPE
    assert np.isfinite(model[:, SOME & part.good]).all()
    assert np.isnan(model[:, ~SOME]).all()


def test_lazy():
    part = manyfit.fit(START, DATA, world=X, select=SOME, compute=False)
    assert part.is_lazy
    assert part.shape == SHAPE[1:]
    same(part.compute(), manyfit.fit(START, DATA, world=X), SOME)


def test_fixed_and_tied_parameters():
    model = Gaussian1D(2.0, 0.3, np.where(CENTRE > 0, 1.4, 1.6), fixed={"stddev": True})
    model.amplitude.tied = lambda m: 3.0 + 0.01 * m.mean
    same(manyfit.fit(model, DATA, world=X, select=SOME), manyfit.fit(model, DATA, world=X), SOME)


def test_a_model_that_falls_back():
    @custom_model
    def stepped(x, height=1.0, centre=0.0):
        if np.sum(x) > 1e9:
            raise ArithmeticError
        return height * np.exp(-((x - centre) ** 2))

    where = np.zeros(SHAPE[1:], bool)
    where[2, 3:6] = True
    with pytest.warns(FallbackWarning):
        part = manyfit.fit(stepped(), DATA[:, :3], world=X, select=where[:3])
    with pytest.warns(FallbackWarning):
        whole = manyfit.fit(stepped(), DATA[:, :3], world=X)
    same(part, whole, where[:3])


def test_no_element_and_all_elements():
    none = manyfit.fit(START, DATA, world=X, select=False)
    assert (none.status == Status.NOT_FITTED).all()
    assert "not_fitted" in str(none.summary())
    same(manyfit.fit(START, DATA, world=X, select=True), manyfit.fit(START, DATA, world=X), np.ones(SHAPE[1:], bool))


def test_summary_counts_what_was_fitted():
    summary = manyfit.fit(START, DATA, world=X, select=SOME).summary()
    assert summary.n_fitted == SOME.sum()
    assert summary.evaluations > 2


def test_wrong_shape():
    with pytest.raises(InputError, match=r"select has shape \(4,\), which does not broadcast.*\(9, 11\)"):
        manyfit.fit(START, DATA, world=X, select=np.ones(4, bool))


def test_input_is_not_changed():
    before = DATA.copy(), SOME.copy()
    manyfit.fit(START, DATA, world=X, select=SOME)
    np.testing.assert_array_equal(DATA, before[0])
    np.testing.assert_array_equal(SOME, before[1])

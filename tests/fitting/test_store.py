"""Fits into a store: the numbers of a fit in memory, whoever dies, and no other fit's numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import zarr
from astropy.io import fits
from astropy.modeling import custom_model
from astropy.modeling.models import Const1D, Gaussian1D, Gaussian2D, Linear1D
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import FitResult, Status, fit
from manyfit.blocks import BlockStore, Field, Layout
from manyfit.blocks._kinds import check_kind, kind_of
from manyfit.datasets import simulate_cube
from manyfit.errors import FallbackWarning, InputError, OutputExists
from manyfit.fitting import _store_summary, _work
from manyfit.fitting._mapped import MappedFile

MAPS = ("statistic", "dof", "n_points", "n_iter", "status", "covariance")
MODEL = Gaussian1D(1 * u.K, 4.5 * u.km / u.s, 0.4 * u.km / u.s)
SMALL = 10_000  # bytes for blocks of some rows of the cube


@cache
def cube():
    return simulate_cube((40, 12, 10), noise=0.1)


@pytest.fixture
def path(tmp_path):
    cube().write(tmp_path / "cube.fits")
    return tmp_path / "cube.fits"


def bits(values):
    plain = np.ascontiguousarray(getattr(values, "value", values))
    return plain.dtype, plain.shape, plain.tobytes()


def assert_same(a, b):
    """Two results have the same maps to the last bit."""
    a, b = a.compute(), b.compute()
    assert (a.names, a.units, a.options) == (b.names, b.units, b.options)
    for name in a.names:
        assert bits(a[name]) == bits(b[name]), name
        assert bits(a.error[name]) == bits(b.error[name]), name
    for name in MAPS:
        assert bits(getattr(a, name)) == bits(getattr(b, name)), name


def content(store):
    """The bytes of all chunks."""
    files = [path for path in sorted(Path(store).rglob("*")) if path.name[:2] in ("c", "c.")]
    return {str(path.relative_to(store)): path.read_bytes() for path in files}


def stop_after(monkeypatch, n):
    """Let a run end with an exception when n blocks were fitted."""
    real, count = _work.KernelWork.__call__, []

    def mortal(self, block):
        if len(count) == n:
            raise KeyboardInterrupt
        count.append(block.index)
        return real(self, block)

    monkeypatch.setattr(_work.KernelWork, "__call__", mortal)
    return count


# -- the same numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["serial", "threads", "processes"])
def test_store_holds_what_memory_holds(path, tmp_path, scheduler):
    store = tmp_path / "fit.zarr"
    stored = fit(MODEL, path, store=store, memory=SMALL, scheduler=scheduler, workers=2)
    plain = fit(MODEL, path)
    assert stored.is_lazy
    assert_same(stored, plain)
    opened = FitResult.open(store)
    assert_same(opened, plain)
    assert opened.wcs.to_header() == plain.wcs.to_header()
    for name in ("evaluate", "residual"):
        lazy = getattr(stored, name)()
        assert lazy.chunks[1:] == stored.status.chunks
        assert_array_equal(lazy.compute(), getattr(plain, name)().value)
    assert len(BlockStore.open(store).plan.blocks) > 4


def test_workers_and_schedulers_write_the_same_bytes(path, tmp_path):
    for name, options in {
        "a": {"scheduler": "serial"},
        "b": {"workers": 1},
        "c": {"workers": 3},
        "d": {"scheduler": "processes", "workers": 2},
    }.items():
        # the blocks are planned for the workers; their numbers may not depend on that
        fit(MODEL, path, store=tmp_path / name, memory=SMALL, **options)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    for name in "bcd":
        assert_same(FitResult.open(tmp_path / "a"), FitResult.open(tmp_path / name))


def test_fixed_tied_and_bounded_parameters(tmp_path):
    rng = np.random.default_rng(2)
    each = np.ones(30)
    model = Gaussian1D(each, 20 * each, 3 * each, bounds={"stddev": (1, 4)}) + Const1D(rng.normal(size=30))
    model += Linear1D(0 * each, 0 * each)
    model.amplitude_1.fixed = True
    model.slope_2.tied = lambda m: m.amplitude_0 / 100
    data = rng.normal(size=(40, 30)) + 3 * np.exp(-0.5 * ((np.arange(40)[:, None] - 20) / 2) ** 2)
    plain = fit(model, data)
    assert_same(fit(model, data, store=tmp_path / "a"), plain)
    assert_same(FitResult.open(tmp_path / "a", model=model), plain)


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 2, 3, 4), (40, 0)])
def test_any_shape(tmp_path, shape):
    data = np.random.default_rng(0).normal(size=shape)
    plain = fit(Linear1D(), data)
    assert_same(fit(Linear1D(), data, store=tmp_path / "a"), plain)
    assert_same(FitResult.open(tmp_path / "a"), plain)


@custom_model
def strange(x, height=1.0, centre=20.0):
    """A model that does not compile."""
    if np.any(np.isnan(x)):
        raise ValueError
    return np.array([height / (1 + (float(v) - float(np.squeeze(centre))) ** 2) for v in x])


def test_model_that_does_not_compile(tmp_path):
    x = np.arange(40.0)[:, None]
    data = np.arange(1.0, 5.0) / (1 + (x - 19) ** 2)
    with pytest.warns(FallbackWarning):
        plain = fit(strange(), data, scheduler="serial")
    for _ in range(2):
        with pytest.warns(FallbackWarning):
            stored = fit(strange(), data, store=tmp_path / "a", scheduler="serial")
        assert_same(stored, plain)
    with pytest.raises(InputError, match=r"FitResult\.open"):
        FitResult.open(tmp_path / "a").evaluate(np.arange(3.0))
    opened = FitResult.open(tmp_path / "a", model=strange())
    assert_allclose(opened.compute().evaluate(np.array([19.0]))[:, 0], np.arange(1.0, 5.0))


def test_other_formats_of_a_stored_result(path, tmp_path):
    stored, plain = fit(MODEL, path, store=tmp_path / "a"), fit(MODEL, path)
    opened = FitResult.open(tmp_path / "a")
    opened.to_fits(tmp_path / "out.fits")
    assert_same(FitResult.read(tmp_path / "out.fits"), plain)
    table = opened.to_table()
    assert_array_equal(table["mean_error"].value, plain.to_table()["mean_error"].value)
    data = stored.to_xarray()
    assert data["mean"].chunks is not None
    assert_array_equal(data["mean"].compute().values, plain["mean"].value)


# -- some of the elements --------------------------------------------------------------------------------------------

SELECTIONS = {
    "rows": lambda rng: np.arange(12)[:, None] % 5 == 2,
    "one": lambda rng: (np.arange(120) == 77).reshape(12, 10),
    "many": lambda rng: rng.random((12, 10)) < 0.6,
    "none": lambda rng: False,
    "all": lambda rng: True,
}


@pytest.mark.parametrize(("which", "scheduler"), [*((which, "serial") for which in SELECTIONS), ("many", "processes")])
def test_selected_elements_are_those_of_memory(path, tmp_path, which, scheduler):
    select = SELECTIONS[which](np.random.default_rng(5))
    where = np.broadcast_to(select, (12, 10))
    stored = fit(MODEL, path, select=select, store=tmp_path / "a", memory=SMALL, scheduler=scheduler, workers=2)
    assert_same(stored, fit(MODEL, path, select=select))
    whole, opened = fit(MODEL, path), FitResult.open(tmp_path / "a").compute()
    for name in whole:
        assert bits(opened[name][where]) == bits(whole[name][where])
        assert np.isnan(opened[name][~where]).all()
    assert (opened.status[~where] == Status.NOT_FITTED).all()
    assert BlockStore.open(tmp_path / "a").progress().is_complete


def test_what_is_not_selected_is_neither_read_nor_written(path, tmp_path, monkeypatch):
    select = np.zeros((12, 10), bool)
    select[7, 2:4] = True
    count = stop_after(monkeypatch, 10)
    fit(MODEL, path, select=select, store=tmp_path / "a", memory=SMALL, scheduler="serial")
    assert len(count) == 1
    store = BlockStore.open(tmp_path / "a")
    assert len(store.left_out()) == len(store.plan.blocks) - 1 > 4
    assert len(content(tmp_path / "a")) == len(store.layout.fields)
    group = zarr.open_group(str(tmp_path / "a"), mode="r")
    assert_array_equal(np.isfinite(group["statistic"][:]), select)
    assert_array_equal(group["status"][:] != Status.NOT_FITTED, select)


def test_another_selection_is_refused(path, tmp_path):
    select = np.zeros((12, 10), bool)
    select[3] = True
    fit(MODEL, path, select=select, store=tmp_path / "a")
    for other in (~select, True, None):
        with pytest.raises(InputError, match=r"\n  select.* in the store, .* now"):
            fit(MODEL, path, select=other, store=tmp_path / "a")


@pytest.mark.parametrize("ends", [0, 1, 2])
def test_selection_goes_on_where_it_ended(path, tmp_path, monkeypatch, ends):
    select = np.random.default_rng(1).random((12, 10)) < 0.05
    given = {"select": select, "memory": SMALL, "scheduler": "serial"}
    stop_after(monkeypatch, ends)
    with pytest.raises(KeyboardInterrupt):
        fit(MODEL, path, store=tmp_path / "a", **given)
    monkeypatch.undo()
    assert_same(fit(MODEL, path, store=tmp_path / "a", **given), fit(MODEL, path, select=select))


def test_few_elements_of_a_file_are_read_alone(tmp_path, monkeypatch):
    """Of a block with two of 4096 elements two rows are looked at, not all that lies between them."""
    data = np.random.default_rng(0).normal(size=(20, 64, 64)).astype(np.float32)
    fits.writeto(tmp_path / "data.fits", data)
    select, read = np.zeros((64, 64), bool), []
    select[3, 5] = select[60, 40] = True
    real = MappedFile.read
    monkeypatch.setattr(
        MappedFile, "read", lambda self, slices: read.append(real(self, slices).size) or real(self, slices)
    )
    stored = fit(Linear1D(), tmp_path / "data.fits", select=select, store=tmp_path / "a", scheduler="serial")
    assert sum(n for n in read if n != 64) == 2 * 20  # rows of 64 are the samples of the fingerprint
    assert_same(stored, fit(Linear1D(), data, select=select))


@pytest.mark.parametrize("given", ["mask", "weights", "uncertainty", "start", "world"])
def test_selection_takes_its_part_of_everything(tmp_path, given):
    rng = np.random.default_rng(3)
    data, select = rng.normal(size=(20, 9, 8)), rng.random((9, 8)) < 0.3
    options = {
        "mask": {"mask": rng.random(data.shape) < 0.1},
        "weights": {"weights": rng.random((9, 8))},
        "uncertainty": {"uncertainty": rng.random(data.shape) + 1},
        "start": {"bounds": {"slope": (rng.random((9, 8)) - 1, None)}},
        "world": {"world": (np.arange(20.0)[:, None, None] + rng.random((9, 8)),)},
    }[given]
    stored = fit(Linear1D(), data, select=select, store=tmp_path / "a", memory=4000, scheduler="serial", **options)
    assert_same(stored, fit(Linear1D(), data, select=select, **options))


def test_selection_of_a_model_that_does_not_compile(tmp_path):
    data = np.arange(1.0, 8.0) / (1 + (np.arange(40.0)[:, None] - 19) ** 2)
    data[:, 5] = np.nan
    select = np.arange(7) % 2 == 1
    with pytest.warns(FallbackWarning):
        stored = fit(strange(), data, select=select, store=tmp_path / "a", scheduler="serial")
    with pytest.warns(FallbackWarning):
        assert_same(stored, fit(strange(), data, select=select, scheduler="serial"))


# -- model and residual ----------------------------------------------------------------------------------------------


def assert_kept(store, plain):
    """The store keeps model and residual of a fit in memory, in the shape of the data, for zarr too."""
    opened = FitResult.open(store)
    for name, kept, made in (
        ("model", opened.evaluate(), plain.evaluate()),
        ("residual", opened.residual(), plain.residual()),
    ):
        known = np.asarray(getattr(made, "value", made))
        assert kept.shape == known.shape
        assert_allclose(kept.compute(), known, rtol=1e-12, atol=1e-12, equal_nan=True)
        array = zarr.open_group(str(store), mode="r")[name]
        assert_array_equal(array[...], kept.compute())


@pytest.mark.parametrize("scheduler", ["serial", "threads"])
def test_model_and_residual_are_kept(path, tmp_path, scheduler):
    options = {"memory": SMALL, "scheduler": scheduler, "keep": ("residual", "model")}
    stored = fit(MODEL, path, store=tmp_path / "a", **options)
    assert_kept(tmp_path / "a", fit(MODEL, path))
    assert len(BlockStore.open(tmp_path / "a").plan.blocks) > 4
    assert zarr.open_group(str(tmp_path / "a"), mode="r")["residual"].attrs["units"] == "K"
    whole = stored.compute()  # the data may be gone by then
    assert_array_equal(whole.residual().value, stored.residual().compute())


@pytest.mark.parametrize(
    ("shape", "axes"), [((40, 5, 6), 0), ((5, 40, 6), 1), ((5, 6, 40), -1), ((40,), 0), ((40, 0), 0)]
)
def test_kept_arrays_have_the_axes_of_the_data(tmp_path, shape, axes):
    data = np.random.default_rng(0).normal(size=shape)
    data.reshape(-1)[7:9] = np.nan
    options = {"memory": 4000, "scheduler": "serial"} if data.size > 40 else {}
    fit(Linear1D(), data, fitting_axes=axes, store=tmp_path / "a", keep=("model", "residual"), **options)
    assert_kept(tmp_path / "a", fit(Linear1D(), data, fitting_axes=axes))


def test_kept_arrays_of_two_fitting_axes_of_a_selection(tmp_path):
    rng = np.random.default_rng(4)
    data, select = rng.normal(size=(9, 12, 8)), rng.random(12) < 0.5
    options = {"fitting_axes": (2, 0), "select": select, "mask": rng.random(data.shape) < 0.1}
    model = Gaussian2D(1, 4, 4, 2, 2, fixed={"theta": True})
    kept = fit(model, data, store=tmp_path / "a", keep=("model", "residual"), memory=20_000, **options)
    assert_kept(tmp_path / "a", fit(model, data, **options))
    assert_array_equal(np.isnan(kept.evaluate().compute()).all(axis=(0, 2)), np.isnan(kept.statistic.compute()))


def test_kept_arrays_of_a_model_that_does_not_compile(tmp_path):
    data = np.arange(1.0, 8.0) / (1 + (np.arange(40.0)[:, None] - 19) ** 2)
    data[:, 5] = np.nan
    with pytest.warns(FallbackWarning):
        fit(strange(), data, store=tmp_path / "a", scheduler="serial", keep=("model", "residual"))
    with pytest.warns(FallbackWarning):
        assert_kept(tmp_path / "a", fit(strange(), data, scheduler="serial"))


def test_what_is_kept_is_part_of_the_fit(path, tmp_path):
    fit(MODEL, path, store=tmp_path / "a", keep="model")
    assert set(FitResult.open(tmp_path / "a").kept) == {"model"}
    with pytest.raises(InputError, match=r"\n  keep: \['model'\] in the store, \[\] now"):
        fit(MODEL, path, store=tmp_path / "a")
    with pytest.raises(InputError, match="keep needs a store"):
        fit(MODEL, path, keep="model")
    with pytest.raises(InputError, match="keep has 'fit'"):
        fit(MODEL, path, store=tmp_path / "a", keep="fit")


def test_lazy_evaluation_of_what_is_not_computed(tmp_path):
    data = np.random.default_rng(0).normal(size=(6, 40, 5))
    for model in (Linear1D(), Linear1D(slope=0.5, fixed={"slope": True})):
        lazy = fit(model, data, fitting_axes=1, compute=False, memory=6000)
        plain = fit(model, data, fitting_axes=1)
        assert_array_equal(lazy.evaluate().compute(), plain.evaluate())
        assert_array_equal(lazy.residual()[2:4].compute(), plain.residual()[2:4])


# -- summary ---------------------------------------------------------------------------------------------------------


def test_summary_of_a_store_is_that_of_memory(path, tmp_path):
    select = np.random.default_rng(5).random((12, 10)) < 0.6
    for given in ({}, {"select": select}):
        stored = fit(MODEL, path, store=tmp_path / str(len(given)), memory=SMALL, **given)
        assert stored.summary() == replace(fit(MODEL, path, **given).summary(), seconds=None)
    tied = Gaussian1D(1, 20, 3, fixed={"mean": True}) + Const1D(0)
    tied.amplitude_1.tied = lambda m: m.amplitude_0 / 100
    data = np.random.default_rng(0).normal(size=(40, 9))
    plain, stored = fit(tied, data), fit(tied, data, store=tmp_path / "t")
    assert str(stored.summary()) == str(replace(plain.summary(), seconds=None))


def test_kinds(tmp_path):
    layout = Layout((5,), (2,), {"x": Field("float64")}, ("n",))
    store = BlockStore.make(tmp_path / "a", layout, {"kind": "ts map"})
    assert kind_of(store) == "ts map"
    check_kind(store, "ts map")
    with pytest.raises(InputError, match=r"of kind 'ts map', not 'labels'\. Open it by manyfit\.tsmap\.TSMap\.open"):
        check_kind(store, "labels")


def test_summary_of_a_sample_says_so(path, tmp_path, monkeypatch):
    stored, plain = fit(MODEL, path, store=tmp_path / "a", memory=SMALL), fit(MODEL, path).summary()
    monkeypatch.setattr(_store_summary, "SAMPLE", 40)
    found = stored.summary()
    assert (found.every, found.statuses, found.evaluations) == (3, plain.statuses, plain.evaluations)
    assert_allclose([p.median for p in found.parameters], [p.median for p in plain.parameters], rtol=0.3)
    assert "one element in 3" in str(found)


# -- other kinds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "word"), [("ts map", r"TSMap\.open"), ("strange", "manyfit info"), (None, "info")])
def test_store_of_another_kind_says_how_to_open_it(tmp_path, kind, word):
    layout = Layout((5,), (2,), {"x": Field("float64")}, ("n",))
    BlockStore.make(tmp_path / "a", layout, {} if kind is None else {"kind": kind})
    with pytest.raises(InputError, match=word):
        FitResult.open(tmp_path / "a")
    fit(Linear1D(), np.ones((5, 4)), store=tmp_path / "b")
    assert next(iter(BlockStore.open(tmp_path / "b").manifest.items())) == ("kind", "fit")


def test_file_of_a_store_is_that_of_memory(path, tmp_path):
    """Each image and each header, but for the date and the checksums of headers; whatever the blocks are."""
    select = np.random.default_rng(5).random((12, 10)) < 0.9
    plain = replace(fit(MODEL, path, select=select), seconds=None)
    plain.to_fits(tmp_path / "plain.fits")
    for memory in (SMALL // 4, SMALL, None):
        store = tmp_path / f"{memory}.zarr"
        fit(MODEL, path, select=select, store=store, memory=memory).to_fits(tmp_path / "a.fits", overwrite=True)
        with fits.open(tmp_path / "a.fits") as ours, fits.open(tmp_path / "plain.fits") as known:
            for own, other in zip(ours, known, strict=True):
                passing = ("DATE", "CHECKSUM")
                assert [(c.keyword, c.value) for c in own.header.cards if c.keyword not in passing] == [
                    (c.keyword, c.value) for c in other.header.cards if c.keyword not in passing
                ]
                assert (own.data is None) or own.data.tobytes() == other.data.tobytes()
        assert_same(FitResult.read(tmp_path / "a.fits"), plain)
    assert (tmp_path / "a.fits").stat().st_size == (tmp_path / "plain.fits").stat().st_size


@pytest.mark.parametrize("shape", [(40, 7), (40, 3, 5, 7), (40, 1)])
def test_file_of_a_store_of_any_shape(tmp_path, shape):
    data = np.random.default_rng(0).normal(size=shape)
    fit(Linear1D(), data, store=tmp_path / "a", memory=2000).to_fits(tmp_path / "a.fits")
    assert_same(FitResult.read(tmp_path / "a.fits"), fit(Linear1D(), data))


# -- going on --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 5])
def test_goes_on_where_it_ended(path, tmp_path, monkeypatch, n):
    store = tmp_path / "fit.zarr"
    first = stop_after(monkeypatch, n)
    with pytest.raises(KeyboardInterrupt):
        fit(MODEL, path, store=store, memory=SMALL, scheduler="serial")
    monkeypatch.undo()
    assert BlockStore.open(store).done() == set(first)
    partial = FitResult.open(store).compute()
    stage = BlockStore.open(store).progress()
    assert (partial.status == Status.NOT_FITTED).sum() == stage.all_elements - stage.elements
    assert_array_equal(np.isnan(partial["mean"]), partial.status == Status.NOT_FITTED)
    second = stop_after(monkeypatch, 10_000)
    reports = []
    fit(MODEL, path, store=store, progress=lambda *r: reports.append(r), workers=3)
    assert not set(first) & set(second)
    assert sorted(first + second) == list(range(len(BlockStore.open(store).plan.blocks)))
    assert reports[0] == (BlockStore.open(store).layout.extent[0] * 10 * n, 120)
    assert reports[-1] == (120, 120)
    monkeypatch.undo()
    fit(MODEL, path, store=tmp_path / "undisturbed", memory=SMALL, scheduler="serial")
    assert content(store) == content(tmp_path / "undisturbed")


def test_nothing_is_fitted_twice(path, tmp_path, monkeypatch):
    fit(MODEL, path, store=tmp_path / "a")
    before = content(tmp_path / "a")
    stop_after(monkeypatch, 0)
    fit(MODEL, path, store=tmp_path / "a")
    assert content(tmp_path / "a") == before


# -- refusal ---------------------------------------------------------------------------------------------------------


REFUSED = {
    "model.text": lambda d: {"model": Gaussian1D(2, 20, 3)},
    "model.classes": lambda d: {"model": Gaussian1D(1, 20, 3) + Const1D()},
    "start values.mean": lambda d: {"model": Gaussian1D(1, np.full(8, 20.0), 3)},
    "upper bounds.stddev": lambda d: {"bounds": {"stddev": (None, 9)}},
    "options.tolerance": lambda d: {"tolerance": 1e-6},
    "options.max_iterations": lambda d: {"max_iterations": 99},
    "options.precision": lambda d: {"precision": "mixed"},
    "options.absolute_sigma": lambda d: {"uncertainty": 1.0},
    "uncertainty": lambda d: {"weights": np.ones(40)},
    "masks": lambda d: {"mask": d > 3},
    "coordinates": lambda d: {"world": (np.arange(40.0) + 1e-9,)},
    "data.content": lambda d: {"data": np.where(np.arange(d.size).reshape(d.shape) == 77, 0.0, d)},
    "data.dtype": lambda d: {"data": d.astype(np.float32)},
    "data.shape": lambda d: {"data": d[:, :7]},
    "units.data": lambda d: {"data_unit": "K"},
    "fitting axes": lambda d: {"fitting_axes": 1},
}


@pytest.mark.parametrize("what", REFUSED)
def test_another_fit_is_refused_with_the_difference(tmp_path, what):
    data = np.random.default_rng(1).normal(size=(40, 8))
    given = {"model": Gaussian1D(1, 20, 3), "data": data}
    fit(**given, store=tmp_path / "a")
    before = content(tmp_path / "a")
    changed = given | REFUSED[what](data)
    with pytest.raises(InputError) as error:
        fit(**changed, store=tmp_path / "a")
    assert f"\n  {what}" in str(error.value)
    assert "in the store" in str(error.value)
    assert content(tmp_path / "a") == before


def test_another_version_is_refused(tmp_path, monkeypatch):
    fit(Linear1D(), np.ones((5, 4)), store=tmp_path / "a")
    monkeypatch.setattr("manyfit.__version__", "99.0")
    with pytest.raises(InputError, match=r"manyfit: .* in the store, 99\.0 now"):
        fit(Linear1D(), np.ones((5, 4)), store=tmp_path / "a")
    assert FitResult.open(tmp_path / "a").shape == (4,)  # it can be read


def test_changed_file_is_refused_and_a_copy_is_not(path, tmp_path):
    fit(MODEL, path, store=tmp_path / "a")
    copy = tmp_path / "copy.fits"
    copy.write_bytes(path.read_bytes())
    fit(MODEL, copy, store=tmp_path / "a")
    with fits.open(copy, mode="update") as hdus:
        hdus[0].data[3, 2, 1] += 1
    with pytest.raises(InputError, match=r"data\.samples"):
        fit(MODEL, copy, store=tmp_path / "a")
    with fits.open(copy, mode="update") as hdus:
        hdus[0].data[3, 2, 1] -= 1
        hdus[0].header["CRVAL1"] += 1
    with pytest.raises(InputError, match=r"data\.header"):
        fit(MODEL, copy, store=tmp_path / "a")


def test_chunked_data_is_known_by_samples(tmp_path):
    data = np.random.default_rng(0).normal(size=(20, 6, 5))
    first = zarr.create_array(str(tmp_path / "one.zarr"), data=data, chunks=(20, 2, 5))
    fit(Linear1D(), first, store=tmp_path / "a")
    for same in (tmp_path / "one.zarr", da.from_array(data, chunks=(20, 2, 5)), da.from_array(data, chunks=(20, 6, 1))):
        fit(Linear1D(), same, store=tmp_path / "a")
    with pytest.raises(InputError, match=r"data\.samples"):
        fit(Linear1D(), da.from_array(data * 2), store=tmp_path / "a")


def test_what_does_not_go_with_a_store(tmp_path):
    data = np.ones((5, 4))
    with pytest.raises(InputError, match="compute=False"):
        fit(Linear1D(), data, store=tmp_path / "a", compute=False)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.tex").write_text("")
    with pytest.raises(OutputExists, match=r"thesis\.tex"):
        fit(Linear1D(), data, store=tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="There is no store"):
        FitResult.open(tmp_path / "none")

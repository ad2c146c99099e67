"""Labels in stores: the numbers of labels in memory, whoever was killed; other labels are refused."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import threading
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from manyfit import cannon
from manyfit.blocks import BlockStore, fill
from manyfit.blocks._objects import Folder
from manyfit.cannon import FlagLimits, InferOptions, LabelStatus, LabelTable, Nuisance, export_labels, infer_file
from manyfit.cannon import _label_store as module
from manyfit.cannon._label_export import told
from manyfit.cannon._label_store import LabelWork
from manyfit.cannon._turns import Turns
from manyfit.errors import InputError, OutputExists
from tests.cannon.stars import simulate
from tests.cannon.test_stream import FLUX, IDS, IVAR, KINDS, STARS, as_npz, columns
from tests.killing import kill

MASK = np.arange(120) % 7 == np.arange(700)[:, None] % 7


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Seven blocks of a hundred stars and less."""
    real = module.plan
    monkeypatch.setattr(module, "plan", lambda *a, **k: real(*a, **k | {"max_elements": 110}))


def assert_same(found, wanted, ids=None):
    found = found.compute()
    for field in fields(LabelTable):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            assert_array_equal(one, other, err_msg=field.name)
        elif isinstance(other, dict):
            assert list(one) == list(other)
            for name in other:
                assert_array_equal(one[name], other[name])
    assert found.label_names == wanted.label_names
    assert found.ids is None if ids is None else found.ids.tolist() == ids.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask": MASK, "workers": 2},
        {"nuisance": Nuisance(radial_velocity=True, continuum=1), "n_starts": 2},
        {"limits": FlagLimits(leverage=0.01), "second_derivatives": False, "scheduler": "serial"},
    ],
)
def test_a_store_holds_what_memory_holds(tmp_path, model, options):
    wanted = model.infer(FLUX, IVAR, **options)
    found = model.infer(FLUX, IVAR, store=tmp_path / "a", **options)
    assert found.is_lazy
    assert_same(found, wanted)
    assert_same(LabelTable.open(tmp_path / "a"), wanted)
    assert_array_equal(found.compute().reduced_chi2, wanted.reduced_chi2)
    assert wanted.compute() is wanted


def test_hidden_labels_and_calibration(tmp_path):
    stars = simulate(200, 60, seed=3)
    model = cannon.train(stars, hidden=1)
    model = model.calibrated(model.validate(stars, n_folds=2))
    assert_same(model.infer(stars.flux, stars.ivar, store=tmp_path / "a"), model.infer(stars.flux, stars.ivar))


def test_a_table_of_a_store_is_lazy(tmp_path, model):
    wanted, found = model.infer(FLUX, IVAR), model.infer(FLUX, IVAR, store=tmp_path / "a")
    assert len(found) == 700
    for values, expected in (
        (found["TEFF"], wanted["TEFF"]),
        (found.error("LOGG"), wanted.error("LOGG")),
        (found.good, wanted.good),
        (found.reduced_chi2, wanted.reduced_chi2),
        (found.select(slice(5, 9)).chi2, wanted.chi2[5:9]),
    ):
        assert not isinstance(values, np.ndarray)
        assert_array_equal(values.compute(), expected)
    assert found.to_table().colnames == wanted.to_table().colnames


def test_zarr_reads_it(tmp_path, model):
    zarr = pytest.importorskip("zarr")
    infer_file(model, as_npz(tmp_path / "a.npz"), store=tmp_path / "a")
    wanted, group = model.infer(FLUX, IVAR), zarr.open_group(tmp_path / "a", mode="r")
    assert_array_equal(group["covariance"][:], wanted.covariance)
    assert_array_equal(group["errors"][:, 0], wanted.error("TEFF"))
    assert group["labels"].attrs["names"] == ["TEFF", "LOGG"]
    assert bytes(group["id"][7]).rstrip(b"\0") == b"star 7"


@pytest.mark.parametrize(("write", "name"), KINDS)
@pytest.mark.parametrize("workers", [1, 3])
def test_files(tmp_path, model, write, name, workers):
    source, options = write(tmp_path / name), InferOptions(workers=workers)
    seen = []
    summary = infer_file(model, source, store=tmp_path / "s", options=options, progress=lambda *n: seen.append(n))
    assert_same(LabelTable.open(tmp_path / "s"), model.infer(FLUX, IVAR), IDS)
    assert summary.n_stars == 700
    assert summary.statuses[LabelStatus.NO_VALID_PIXELS] == 2
    assert seen[0] == (0, 700)
    assert seen[-1] == (700, 700)


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv"])
def test_a_table_of_a_store_is_that_without_one(tmp_path, model, suffix):
    source = as_npz(tmp_path / "a.npz")
    plain = infer_file(model, source, tmp_path / f"plain{suffix}")
    through = infer_file(model, source, tmp_path / f"through{suffix}", store=tmp_path / "s")
    exported = export_labels(tmp_path / "s", tmp_path / f"exported{suffix}")
    wanted = columns(tmp_path / f"plain{suffix}")
    for name, summary in (("through", through), ("exported", exported)):
        found = columns(tmp_path / f"{name}{suffix}")
        assert list(found) == list(wanted)
        for key, values in wanted.items():
            assert_array_equal(found[key], values)
        assert (summary.statuses, summary.flagged) == (plain.statuses, plain.flagged)
    with pytest.raises(OutputExists):
        export_labels(tmp_path / "s", tmp_path / f"plain{suffix}")


def test_a_file_without_names(tmp_path, model):
    np.savez(tmp_path / "a.npz", flux=FLUX, ivar=IVAR)
    infer_file(model, tmp_path / "a.npz", tmp_path / "a.fits", store=tmp_path / "s")
    assert columns(tmp_path / "a.fits")["id"].tolist() == list(range(700))


def test_names_of_other_alphabets(tmp_path, model):
    names = np.array([f"étoile {n} ★" for n in range(700)])
    np.savez(tmp_path / "a.npz", flux=FLUX, ivar=IVAR, ids=names)
    infer_file(model, tmp_path / "a.npz", store=tmp_path / "s")
    assert LabelTable.open(tmp_path / "s").compute().ids.tolist() == names.tolist()


def test_neither_output_nor_store(tmp_path, model):
    with pytest.raises(InputError, match="Neither output nor store"):
        infer_file(model, as_npz(tmp_path / "a.npz"))
    with pytest.raises(InputError, match="Give store= for processes"):
        infer_file(model, tmp_path / "a.npz", tmp_path / "b.fits", options=InferOptions(scheduler="processes"))


# -- other labels ----------------------------------------------------------------------------------------------------


def changed(array, value=0.5):
    other = array.copy()
    other[400, 60] = value
    return other


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"flux": changed(FLUX)}, r"spectra.flux.content: "),
        ({"ivar": changed(IVAR)}, r"spectra.ivar.content: "),
        ({"mask": MASK}, r"spectra.mask"),
        ({"flux": FLUX.astype("f8")}, r"spectra.flux.dtype: <f4 in the store, <f8 now"),
        ({"flux": FLUX[:-1], "ivar": IVAR[:-1]}, r"stars: 700 in the store, 699 now"),
        ({"n_starts": 3}, r"options.search.n_starts: 4 in the store, 3 now"),
        ({"max_iterations": 9}, r"options.search.max_iterations: 50 in the store, 9 now"),
        ({"second_derivatives": False}, r"second_derivatives: True in the store, False now"),
        ({"limits": FlagLimits(gap=3.0)}, r"options.limits.gap: 25.0 in the store, 3.0 now"),
        ({"nuisance": Nuisance(continuum=1)}, r"options.nuisance: None in the store, .*continuum"),
    ],
)
def test_other_labels_are_refused_with_the_difference(whole, model, change, text):
    before = sorted(whole.rglob("*"))
    given = {"flux": FLUX, "ivar": IVAR} | change
    with pytest.raises(InputError, match=text):
        model.infer(**given, store=whole)
    assert sorted(whole.rglob("*")) == before


def test_another_model_is_refused_with_the_difference(whole, model):
    theta = model.theta.copy()
    theta[3, 1] += 1e-12
    for other, text in (
        (replace(model, theta=theta), r"model.theta: "),
        (replace(model, chips=((0, 60), (60, 120))), r"model.chips"),
        (
            replace(model, calibration=cannon.Calibration(np.ones(2), np.zeros(2))),
            r"errors: formal.* in the store, cal",
        ),
        (cannon.train(simulate(), order=1), r"model.terms"),
    ):
        with pytest.raises(InputError, match=text):
            other.infer(FLUX, IVAR, store=whole)


def test_a_saved_model_is_the_same(whole, model, tmp_path):
    model.save(tmp_path / "model.npz")
    assert_same(cannon.CannonModel.load(tmp_path / "model.npz").infer(FLUX, IVAR, store=whole), model.infer(FLUX, IVAR))


def test_another_version_is_refused(whole, model, monkeypatch):
    monkeypatch.setattr("manyfit.__version__", "0.0.1")
    with pytest.raises(InputError, match=r"manyfit: .* in the store, 0.0.1 now"):
        model.infer(FLUX, IVAR, store=whole)


def test_a_changed_file_is_refused_and_a_copy_is_not(tmp_path, model):
    source, store = as_npz(tmp_path / "a.npz"), tmp_path / "s"
    infer_file(model, source, store=store)
    copy = tmp_path / "copy.npz"
    shutil.copy(source, copy)
    os.utime(copy, (0, 0))
    infer_file(model, copy, store=store)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(InputError, match=r"spectra.samples"):
        infer_file(model, copy, store=store)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, model):
    place = tmp_path_factory.mktemp("stores") / "whole"
    model.infer(FLUX, IVAR, store=place)
    return place


def test_what_is_no_store_of_labels(tmp_path, model, whole):
    from astropy.modeling.models import Linear1D

    from manyfit import fit
    from manyfit.tsmap import TSMap

    with pytest.raises(FileNotFoundError):
        LabelTable.open(tmp_path / "none")
    fit(Linear1D(), np.ones((5, 4)), store=tmp_path / "fit")
    with pytest.raises(InputError, match="of kind 'fit', not 'labels'"):
        LabelTable.open(tmp_path / "fit")
    with pytest.raises(InputError, match="of kind 'labels', not 'ts map'"):
        TSMap.open(whole)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputExists):
        model.infer(FLUX, IVAR, store=tmp_path / "mine")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("labels", None),
        ("labels", ["__import__('os').system('touch executed')", "b"]),
        ("nuisance", ["a", "b"]),
        ("nuisance", 3),
        ("kind", "other"),
        ("kind", None),
    ],
)
def test_a_store_of_a_stranger_executes_nothing(tmp_path, whole, monkeypatch, entry, value):
    shutil.copytree(whole, tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    root = json.loads((tmp_path / "a" / "zarr.json").read_text())
    root["attributes"]["manyfit"]["manifest"][entry] = value
    (tmp_path / "a" / "zarr.json").write_text(json.dumps(root))
    with suppress(InputError):
        assert LabelTable.open(tmp_path / "a").label_names == tuple(value)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# -- what may happen -------------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path, model, monkeypatch):
    """A store whose run ended after two blocks."""
    real, count = LabelWork.__call__, []

    def mortal(self, block):
        count.append(block)
        if len(count) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(LabelWork, "__call__", mortal)
        with pytest.raises(OSError, match="No space left"):
            infer_file(
                model,
                as_npz(tmp_path / "a.npz"),
                tmp_path / "a.fits",
                store=tmp_path / "a",
                options=InferOptions(scheduler="serial"),
            )
    assert not (tmp_path / "a.fits").exists()
    return tmp_path / "a"


def test_an_unfinished_store(unfinished, tmp_path, model):
    found, wanted, n = LabelTable.open(unfinished).compute(), model.infer(FLUX, IVAR), 200
    assert_same(found.select(slice(0, n)), wanted.select(slice(0, n)), IDS[:n])
    assert np.all(found.status[n:] == LabelStatus.NOT_FITTED)
    assert np.isnan(found.labels[n:]).all()
    assert not found.good[n:].any()
    assert told(BlockStore.open(unfinished)).startswith(
        "Labels TEFF, LOGG; errors formal: noise and scatter alone\n200 s"
    )
    assert export_labels(unfinished, tmp_path / "part.fits").n_stars == n
    assert len(columns(tmp_path / "part.fits")["id"]) == n
    infer_file(model, tmp_path / "a.npz", tmp_path / "a.fits", store=unfinished)
    assert_same(LabelTable.open(unfinished), wanted, IDS)
    assert len(columns(tmp_path / "a.fits")["id"]) == 700
    assert told(BlockStore.open(unfinished)).split("\n")[1].startswith("700 stars")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("n", [1, 19, 30, 55])
def test_disk_that_fails_in_the_middle(tmp_path, model, monkeypatch, code, n):
    """The n-th file cannot be written, or only half of it."""
    real, count = Folder._place, []

    def failing(self, name, content, move):
        count.append(name)
        if len(count) >= n:
            real(self, name, content[: len(content) // 2], lambda part, path: None)
            raise OSError(code, os.strerror(code))
        real(self, name, content, move)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "_place", failing)
        with pytest.raises(OSError, match=os.strerror(code)):
            model.infer(FLUX, IVAR, store=tmp_path / "a", scheduler="serial")
    assert_same(model.infer(FLUX, IVAR, store=tmp_path / "a"), model.infer(FLUX, IVAR))


def test_read_only_store(tmp_path, model, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    wanted = model.infer(FLUX, IVAR, store=tmp_path / "a").compute()
    monkeypatch.setattr(Folder, "_place", refuse)
    assert_same(model.infer(FLUX, IVAR, store=tmp_path / "a"), wanted)  # a complete one is only read
    with pytest.raises(PermissionError):
        model.infer(FLUX, IVAR, store=tmp_path / "b")


def test_damaged_chunk(tmp_path, model):
    wanted = model.infer(FLUX, IVAR, store=tmp_path / "a").compute()
    (tmp_path / "a" / "labels" / "c.1.0").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        LabelTable.open(tmp_path / "a").compute()
    assert_same(model.infer(FLUX, IVAR, store=tmp_path / "a"), wanted)


@pytest.mark.parametrize(("write", "name"), [kind for kind in KINDS if kind[1] in {"a.npz", "b.npz", "d.h5"}])
def test_file_that_is_truncated_while_it_is_read(tmp_path, model, write, name, monkeypatch):
    source, real, count = write(tmp_path / name), LabelWork.__call__, []
    content = source.read_bytes()

    def cut(self, block):
        count.append(block)
        if len(count) == 3:
            os.truncate(source, len(content) // 3)
        return real(self, block)

    options = InferOptions(scheduler="serial")
    with monkeypatch.context() as patch:
        patch.setattr(LabelWork, "__call__", cut)
        with pytest.raises((InputError, OSError, EOFError)):
            infer_file(model, source, store=tmp_path / "s", options=options)
    assert len(BlockStore.open(tmp_path / "s").done()) >= 2
    source.write_bytes(content)
    infer_file(model, source, store=tmp_path / "s", options=options)
    assert_same(LabelTable.open(tmp_path / "s"), model.infer(FLUX, IVAR), IDS)


def test_turns_are_taken_in_order():
    turns, taken, asked = Turns(), [], threading.Semaphore(0)

    def take(index):
        asked.release()
        with turns.turn(index):
            taken.append(index)

    with turns.turn(0):
        threads = [threading.Thread(target=take, args=(index,)) for index in (5, 2, 9, 1)]
        for thread in threads:
            thread.start()
            asked.acquire()
        while len(turns._waiting) < 4:
            pass
    for thread in threads:
        thread.join()
    assert taken == [1, 2, 5, 9]


# -- survey files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def survey(tmp_path, monkeypatch):
    """Files whose spectra are those of the stars with their number; one is missing, one damaged, one has two."""
    from astropy import units as u

    from manyfit.spectra import Spectra
    from manyfit.spectra import _read_many as reading

    def read(path):
        text = path.read_text()
        if text == "damaged":
            raise InputError("It is damaged.")
        rows = [int(n) for n in text.split()]
        return Spectra(wavelength=STARS.wavelength * u.AA, flux=FLUX[rows], ivar=IVAR[rows], frame="rest")

    real = reading.read_many
    monkeypatch.setattr("manyfit.spectra.read_many", lambda paths, **k: real(paths, **k, reader=read))
    paths = [tmp_path / f"visit-{n:03}" for n in range(220)]
    for n, path in enumerate(paths):
        path.write_text({40: "damaged", 41: "1 2", 3: "0"}.get(n, str(n)))
    paths[12].unlink()
    return paths


FAILED = (5, 12, 40, 41)  # no usable pixel, missing, damaged, two spectra


def as_it_is(spectra):
    return spectra


def test_survey_files(tmp_path, model, survey):
    summary = cannon.infer_files(model, survey, tmp_path / "a.fits", prepare=as_it_is, store=tmp_path / "s", block=50)
    used = [n for n in range(220) if n not in FAILED]
    star = [0 if n == 3 else n for n in used]
    found, wanted = columns(tmp_path / "a.fits"), model.infer(FLUX, IVAR)
    assert [i.decode() for i in found["id"]] == [str(survey[n]) for n in used]
    assert_array_equal(found["chi2"], wanted.chi2[star])
    assert [name for name, _ in summary.failed_files] == [str(survey[n]) for n in FAILED]
    assert "gives 2 spectra" in dict(summary.failed_files)[str(survey[41])]
    again = export_labels(tmp_path / "s", tmp_path / "b.fits")
    assert again.failed_files == summary.failed_files
    survey[100].write_text("101")
    with pytest.raises(InputError, match=r"spectra.samples|names and sizes"):
        cannon.infer_files(model, survey, prepare=as_it_is, store=tmp_path / "s")
    survey[100].write_text("100")
    with pytest.raises(InputError, match=r"spectra.prepare.name"):
        cannon.infer_files(model, survey, prepare=lambda s: s, store=tmp_path / "s")


def test_preparations_tell_what_they_do(model):
    prepare = cannon.survey_spectra(model, velocity=3.0)
    assert prepare.fingerprint() == cannon.survey_spectra(model, velocity=3.0).fingerprint()
    assert prepare.fingerprint() != cannon.survey_spectra(model, velocity=4.0).fingerprint()
    assert prepare.fingerprint() != cannon.survey_spectra(model, continuum_regions=[(1, 2)], velocity=3.0).fingerprint()


# -- elsewhere -------------------------------------------------------------------------------------------------------


def test_store_behind_a_url(tmp_path, model):
    url = f"memory://{tmp_path.name}/labels.zarr"
    assert_same(model.infer(FLUX, IVAR, store=url), model.infer(FLUX, IVAR))


def test_workers_of_a_cluster_read_and_write_their_own_blocks(tmp_path, model, monkeypatch):
    distributed = pytest.importorskip("distributed")
    returned, real = [], fill.__globals__["run"]
    monkeypatch.setattr(
        "manyfit.blocks._fill.run",
        lambda plan, work, collect, **where: real(plan, work, collect=lambda b, r: returned.append(r), **where),
    )
    for name, array in (("flux", FLUX), ("ivar", IVAR)):
        np.save(tmp_path / f"{name}.npy", array)
    flux, ivar = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("flux", "ivar"))
    nuisance = Nuisance(continuum=0)
    with (
        distributed.LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        options = InferOptions(scheduler=client, nuisance=nuisance)
        infer_file(model, as_npz(tmp_path / "a.npz"), store=tmp_path / "file", options=options)
        model.infer(flux, ivar, store=tmp_path / "mapped", scheduler=client, nuisance=nuisance)
        in_memory = model.infer(FLUX, IVAR, scheduler=client, nuisance=nuisance)
    assert set(returned) == {None}
    wanted = model.infer(FLUX, IVAR, nuisance=nuisance)
    assert_same(LabelTable.open(tmp_path / "file"), wanted, IDS)
    assert_same(LabelTable.open(tmp_path / "mapped"), wanted)
    assert_same(in_memory, wanted)


KILLED = """
import numpy as np
from manyfit import cannon
from manyfit.cannon import _label_store as module
from tests.cannon.stars import simulate

stars = simulate(6000, 300, seed=5)
(np.savez_compressed if seed % 2 else np.savez)(folder / "stars.npz", flux=stars.flux, ivar=stars.ivar)
model = cannon.train(simulate(200, 300, seed=6))
real = module.plan
module.plan = lambda *a, **k: real(*a, **k | {"max_elements": 300})
logged(module.LabelWork)
def run(store):
    cannon.infer_file(model, folder / "stars.npz", store=store, options=cannon.InferOptions(workers=2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks")
@pytest.mark.parametrize("wanted", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_kills(tmp_path, wanted):
    kill(KILLED, tmp_path, seed=wanted, wanted=wanted, threads=2)


def test_what_the_page_shows(tmp_path, model, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "cannon.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "labels.zarr" in block]
    as_npz(tmp_path / "others.npz")
    monkeypatch.chdir(tmp_path)
    names = {"cannon": cannon, "model": model}
    exec(code, names)
    assert names["summary"].n_stars == 700
    assert names["hottest"] == np.nanmax(model.infer(FLUX, IVAR)["TEFF"])
    assert (tmp_path / "labels.parquet").exists()

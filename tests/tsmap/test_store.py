"""Maps in stores: the numbers of a map in memory, whoever was killed; another map is refused."""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from numpy.testing import assert_array_equal

from manyfit import FitResult
from manyfit.blocks import BlockStore
from manyfit.blocks._objects import Folder
from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import DetectorResponse, PowerLaw, SkyStatus, TSMap, _fit, fit, simulate
from manyfit.tsmap._fit import FitWork
from manyfit.tsmap._solution import Solution
from tests.killing import kill
from tests.tsmap.telescope import orientation, telescope
from tests.tsmap.test_fit import BACKGROUND, COUNTS, SPECTRUM

MEMORY = 256_000  # bytes, for blocks of 250 positions


def a_map(store=None, **keywords):
    keywords = {"orientation": orientation(), "spectrum": SPECTRUM, "nside": 8, "workers": 1} | keywords
    counts, background, response = (keywords.pop(*each) for each in GIVEN)
    return fit(counts, background, response, store=store, memory=MEMORY, **keywords)


GIVEN = [("counts", COUNTS), ("background", BACKGROUND), ("response", telescope())]


def assert_same(found, wanted):
    for field in fields(Solution):
        assert_array_equal(getattr(found.solution, field.name), getattr(wanted.solution, field.name))
    for name in ("lon", "lat", "uniq"):
        assert_array_equal(getattr(found.grid, name), getattr(wanted.grid, name))
    if wanted.spectral_index is not None:
        assert_array_equal(found.spectral_index, wanted.spectral_index)
    kept = ("frame", "nside", "order")
    assert [getattr(found.grid, name) for name in kept] == [getattr(wanted.grid, name) for name in kept]
    for name in ("confidence", "spectrum", "notes", "energies"):
        assert getattr(found, name) == getattr(wanted, name)


POSITIONS = SkyCoord([10.0, 70.0, 200.0], [5.0, 35.0, -40.0], unit="deg", frame="icrs")


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"workers": 2, "order": "ring", "frame": "icrs"},
        {"errors": False, "signed": True, "free_background": True},
        {"spectral_indices": [-3.0, -2.0, -1.5], "joint": False},
        {"region": (SkyCoord(70, 35, unit="deg", frame="galactic"), "20deg"), "confidence": 0.9},
        {"positions": POSITIONS, "energy_channels": (1, 3)},
        {"zero_background": 0.01, "background": np.where(np.arange(48) < 6, 0.0, BACKGROUND)},
    ],
)
def test_a_store_holds_what_memory_holds(tmp_path, keywords):
    wanted, found = a_map(**keywords), a_map(tmp_path / "a", **keywords)
    assert_same(found, wanted)
    assert_same(TSMap.open(tmp_path / "a"), wanted)
    assert found.problem is not None
    assert wanted.summary() == found.summary() == TSMap.open(tmp_path / "a").summary()


def test_what_is_in_a_store(tmp_path):
    zarr, found = pytest.importorskip("zarr"), a_map(tmp_path / "a")
    group = zarr.open_group(tmp_path / "a", mode="r")
    assert_array_equal(group["norm_ul"][:], found.norm_ul)
    assert_array_equal(group["lon"][:], found.grid.lon)
    assert group["ts"].attrs["description"].startswith("test statistic")
    assert (
        json.loads((tmp_path / "a" / "zarr.json").read_text())["attributes"]["manyfit"]["manifest"]["kind"] == "ts map"
    )


def test_a_map_of_a_store_is_refined(tmp_path):
    wanted = a_map().refine(32)
    assert_same(a_map(tmp_path / "a").refine(32), wanted)
    with pytest.raises(InputError, match="needs the data"):
        TSMap.open(tmp_path / "a").refine(32)


def test_number_of_threads_and_memory_of_the_next_run_do_not_matter(tmp_path):
    a_map(tmp_path / "a")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*") if path.is_file()}
    fit(COUNTS, BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=8, store=tmp_path / "a")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*") if path.is_file()} == before


def more(array, index):
    changed = array.copy()
    changed[index] += 1
    return changed


USED = np.argwhere(COUNTS)[0]
OTHER = orientation()


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"nside": 4}, r"positions.nside: 8 in the store, 4 now"),
        ({"order": "ring"}, r"positions.order: nested in the store, ring now"),
        ({"frame": "icrs"}, r"positions.frame: galactic in the store, icrs now"),
        ({"counts": more(COUNTS, tuple(USED))}, r"counts.total: [\d.]+ in the store"),
        ({"counts": COUNTS[:, ::-1].copy()}, r"counts.content"),
        ({"background": more(BACKGROUND, tuple(USED))}, r"background.content"),
        ({"spectrum": PowerLaw(index=-2.1)}, r"SPECTRUM: PowerLaw\(index=-2.0.* in the store, PowerLaw\(index=-2.1"),
        ({"spectral_indices": [-2.0, -2.5]}, r"spectra: \['\w+'\] in the store, \['\w+', '\w+'\] now"),
        ({"response": replace(telescope(), area=telescope().area * 2)}, r"response.content"),
        ({"orientation": replace(OTHER, livetime=OTHER.livetime * 2)}, r"exposure.seconds"),
        ({"orientation": replace(OTHER, x_pointing=np.add(OTHER.x_pointing, [0, 1e-9]))}, r"exposure.content"),
        ({"energy_channels": (0, 2)}, r"channels: \[0, 3\] in the store, \[0, 2\] now"),
        ({"joint": False}, r"joint: True in the store, False now"),
        ({"signed": True}, r"options.signed: False in the store, True now"),
        ({"errors": False}, r"options.errors: True in the store, False now"),
        ({"confidence": 0.9}, r"CONFID: 0.95 in the store, 0.9 now"),
        ({"free_background": True}, r"sum if its scale is free: 0.0 in the store"),
        ({"positions": POSITIONS}, r"positions.number: 768 in the store, 3 now"),
    ],
)
def test_another_map_is_refused_with_the_difference(whole, keywords, text):
    before = sorted(whole.rglob("*"))
    with pytest.raises(InputError, match=text):
        a_map(whole, **keywords)
    assert sorted(whole.rglob("*")) == before


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = tmp_path_factory.mktemp("stores") / "whole"
    a_map(place)
    return place


def test_another_version_is_refused(tmp_path, monkeypatch):
    a_map(tmp_path / "a")
    monkeypatch.setattr("manyfit.__version__", "0.0.1")
    with pytest.raises(InputError, match=r"manyfit: .* in the store, 0.0.1 now"):
        a_map(tmp_path / "a")


def test_a_copy_of_the_response_is_the_same_and_a_changed_one_is_not(tmp_path):
    sky, store = simulate(tmp_path / "sky"), tmp_path / "a"
    wanted = {"orientation": sky.orientation, "spectrum": sky.spectrum, "nside": 4, "store": store}
    fit(sky.counts, sky.background_model, sky.response, **wanted)
    copy = tmp_path / "copy.h5"
    copy.write_bytes(sky.response.path.read_bytes())
    fit(sky.counts, sky.background_model, DetectorResponse.open(copy), **wanted)
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    with pytest.raises(InputError, match=r"response.samples"):
        fit(sky.counts, sky.background_model, DetectorResponse.open(copy), **wanted)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputExists):
        a_map(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


# -- what may happen -------------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path, monkeypatch):
    """A store whose run ended after two blocks."""
    real, count = FitWork.__call__, []

    def mortal(self, tile):
        count.append(tile)
        if len(count) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, tile)

    with monkeypatch.context() as patch:
        patch.setattr(FitWork, "__call__", mortal)
        with pytest.raises(OSError, match="No space left"):
            a_map(tmp_path / "a", workers=None, scheduler="serial")
    return tmp_path / "a"


def test_an_unfinished_store_is_the_map_of_what_is_done(unfinished):
    found, wanted = TSMap.open(unfinished), a_map()
    assert 0 < len(found) == BlockStore.open(unfinished).progress().elements < len(wanted)
    assert_array_equal(found.ts, wanted.ts[: len(found)])
    assert_array_equal(found.grid.uniq, wanted.grid.uniq[: len(found)])
    assert not np.any(found.status == SkyStatus.NOT_FITTED)
    assert found.peak.ts == np.max(wanted.ts[: len(found)])
    assert "peak: TS" in found.summary()
    assert_same(a_map(unfinished), wanted)


def test_a_store_without_any_block(tmp_path, monkeypatch):
    def fails(self, tile):
        raise OSError("at once")

    with monkeypatch.context() as patch:
        patch.setattr(FitWork, "__call__", fails)
        with pytest.raises(OSError, match="at once"):
            a_map(tmp_path / "a")
    found = TSMap.open(tmp_path / "a")
    assert len(found) == 0
    assert "0 pixels" in found.summary()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("n", [1, 13, 20, 31])
def test_disk_that_fails_in_the_middle(tmp_path, monkeypatch, code, n):
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
            a_map(tmp_path / "a", scheduler="serial")
    assert_same(a_map(tmp_path / "a"), a_map())


def test_read_only_store(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    wanted = a_map(tmp_path / "a")
    monkeypatch.setattr(Folder, "_place", refuse)
    assert_same(a_map(tmp_path / "a"), wanted)  # a complete one is only read
    with pytest.raises(PermissionError):
        a_map(tmp_path / "b")


def test_damaged_chunk(tmp_path):
    wanted = a_map(tmp_path / "a")
    (tmp_path / "a" / "ts" / "c.1").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        TSMap.open(tmp_path / "a")
    assert_same(a_map(tmp_path / "a"), wanted)


def test_what_is_no_store_of_a_map(tmp_path, whole):
    from astropy.modeling.models import Linear1D

    from manyfit import fit as fit_model

    with pytest.raises(FileNotFoundError):
        TSMap.open(tmp_path / "none")
    fit_model(Linear1D(), np.ones((5, 4)), store=tmp_path / "fit")
    with pytest.raises(InputError, match="of kind 'fit', not 'ts map'"):
        TSMap.open(tmp_path / "fit")
    with pytest.raises(InputError):
        FitResult.open(whole)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("map", None),
        ("map", {"CONFID": "x"}),
        ("map", {"SPECTRUM": "__import__('os').system('touch executed')"}),
        ("positions", {}),
        ("positions", []),
        ("kind", "other"),
    ],
)
def test_a_store_of_a_stranger_executes_nothing(tmp_path, whole, monkeypatch, entry, value):
    monkeypatch.chdir(tmp_path)
    for path in whole.rglob("*"):
        if path.is_file():
            target = tmp_path / "a" / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    root = json.loads((tmp_path / "a" / "zarr.json").read_text())
    root["attributes"]["manyfit"]["manifest"][entry] = value
    (tmp_path / "a" / "zarr.json").write_text(json.dumps(root))
    try:
        found = TSMap.open(tmp_path / "a")
    except InputError:
        pass
    else:
        assert found.photon_flux is None  # the text is shown, not run
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# -- elsewhere -------------------------------------------------------------------------------------------------------


def test_store_behind_a_url(tmp_path):
    url = f"memory://{tmp_path.name}/map.zarr"
    assert_same(a_map(url), a_map())
    assert_same(TSMap.open(url), a_map())


def test_workers_of_a_cluster_write_their_own_blocks(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    returned, real = [], _fit.run
    monkeypatch.setattr(
        "manyfit.blocks._fill.run",
        lambda plan, work, collect, **where: real(plan, work, collect=lambda b, r: returned.append(r), **where),
    )
    with (
        distributed.LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        a_map(tmp_path / "a", scheduler=client, workers=None, spectral_indices=[-3.0, -2.0])
        in_memory = a_map(scheduler=client, workers=None, spectral_indices=[-3.0, -2.0])
    assert set(returned) == {None}
    assert_same(TSMap.open(tmp_path / "a"), a_map(spectral_indices=[-3.0, -2.0]))
    assert_same(in_memory, a_map(spectral_indices=[-3.0, -2.0]))


KILLED = """
from manyfit.tsmap import fit
from manyfit.tsmap._fit import FitWork
from tests.tsmap.telescope import orientation, telescope
from tests.tsmap.test_fit import BACKGROUND, COUNTS, SPECTRUM

logged(FitWork)
def run(store):
    keywords = dict(orientation=orientation(), spectrum=SPECTRUM, nside=64, memory=3_000_000, workers=2)
    fit(COUNTS, BACKGROUND, telescope(), store=store, **keywords)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks")
@pytest.mark.parametrize("wanted", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_kills(tmp_path, wanted):
    kill(KILLED, tmp_path, seed=wanted, wanted=wanted, threads=2)

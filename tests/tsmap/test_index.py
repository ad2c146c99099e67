from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import warnings

import h5py
import numpy as np
import pytest

from manyfit.errors import InputError, ManyfitWarning
from manyfit.tsmap import DetectorResponse, PointSourceResponse, ResponseIndex, write_detector_response
from manyfit.tsmap import _index as module
from manyfit.tsmap import _index_build as building
from manyfit.tsmap._index import index_path, indexed
from manyfit.tsmap._index_build import BuildPlan
from manyfit.tsmap._index_file import MAGIC, Fingerprint

from .files import real
from .test_response import AREA, axes, check_reduced, stored, version_1


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.delenv("MANYFIT_INDEX", raising=False)


@pytest.fixture
def response(tmp_path):
    return write_detector_response(tmp_path / "a.h5", axes(), stored(), AREA)


@pytest.fixture
def small_parts(monkeypatch):
    """Many groups and segments."""
    monkeypatch.setattr(building, "GROUP_BYTES", 1)
    monkeypatch.setattr(building, "TILE_BYTES", 1)


FULL = stored() * AREA[:, None, None, None]


@pytest.mark.parametrize("top", [2, 200, 40_000, 3_000_000_000])
def test_an_index_gives_the_numbers_of_the_response(tmp_path, small_parts, top):
    numbers = stored(3, nside=2, top=top)
    dtype = "uint16" if top < 65536 else "uint32"
    response = write_detector_response(tmp_path / "a.h5", axes(nside=2), numbers, AREA, dtype=dtype)
    index = ResponseIndex.open_or_build(response)
    full = numbers * AREA[:, None, None, None]
    check_reduced(index, full)
    bins = np.array([239, 0, 5, 17])
    np.testing.assert_array_equal(index.rows(bins), full.reshape(48, 3, -1).transpose(2, 1, 0)[bins])
    assert index.axes == response.axes
    assert index.unit == "cm2"


def test_numbers_larger_than_words(tmp_path):
    numbers = stored().astype(np.uint64)
    numbers[0, 0, 0, 0, 0] = 2**40
    response = write_detector_response(tmp_path / "a.h5", axes(), numbers, AREA, dtype="uint64")
    check_reduced(ResponseIndex.open_or_build(response), numbers * AREA[:, None, None, None])


def test_an_index_of_a_response_of_real_numbers(tmp_path, small_parts):
    expected = version_1(tmp_path / "a.h5", sparse=True, order=("NuLambda", "Ei", "Em", "Phi", "PsiChi", "Dist"))
    check_reduced(ResponseIndex.open_or_build(DetectorResponse.open(tmp_path / "a.h5")), expected)


@pytest.mark.parametrize("name", ["response_v1_dense_nside1.h5", "response_v2_nside1.h5"])
def test_real_detector_responses(tmp_path, name):
    shutil.copy(real(name), tmp_path / name)
    response = DetectorResponse.open(tmp_path / name)
    check_reduced(ResponseIndex.open_or_build(response), np.array([response.read(p) for p in range(12)]))


def test_a_real_point_source_response(tmp_path):
    name = "galactic_response_nside2_unpadded.h5"
    response = PointSourceResponse.open(real(name))
    index = ResponseIndex.open_or_build(response, folder=tmp_path)
    assert index.path.parent == tmp_path
    check_reduced(index, np.array([response.read(p) for p in range(48)]))


def test_it_is_built_once(response):
    first = ResponseIndex.open_or_build(response)
    made = first.path.stat().st_mtime_ns
    assert ResponseIndex.open_or_build(response).path.stat().st_mtime_ns == made
    assert ResponseIndex.open(response).size == first.size
    assert sorted(p.name for p in first.path.parent.iterdir()) == ["a.h5", "a.h5.index"]
    assert "built in" in repr(first)


def test_rows_do_not_depend_on_parts_or_threads(response, monkeypatch):
    weights, bins = np.random.default_rng(0).random(3), np.arange(240)
    first = ResponseIndex.open_or_build(response).reduced(bins, weights)
    monkeypatch.setattr(building, "GROUP_BYTES", 1)
    monkeypatch.setattr(building, "TILE_BYTES", 1)
    for module_ in (module, building):
        monkeypatch.setattr(module_, "cpu_count", lambda: 5)
    monkeypatch.setattr(module, "COLUMNS", 9)
    monkeypatch.setattr(module, "GAP", 0)
    index_path(response.path).unlink()
    np.testing.assert_array_equal(ResponseIndex.open_or_build(response).reduced(bins, weights), first)


def test_progress_is_told(response, small_parts):
    told = []
    ResponseIndex.open_or_build(response, progress=lambda done, total: told.append((done, total)))
    plan = BuildPlan.of(response)
    total = len(plan.groups) + len(plan.segments)
    assert len(plan.groups) == 2
    assert told == [(i + 1, total) for i in range(total)]


# -- damage and change -----------------------------------------------------------------------------------------------


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (lambda path: flip(path, -100), "its tables are damaged"),
        (lambda path: flip(path, -1), "it is cut off"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "it is cut off"),
        (lambda path: path.write_bytes(path.read_bytes()[:30]), "not an index of this version"),
        (lambda path: path.write_bytes(b""), "not an index of this version"),
        (lambda path: path.write_bytes(b"OLDINDEX" + path.read_bytes()[8:]), "not an index of this version"),
    ],
)
def test_a_damaged_index_is_built_anew_and_said(response, harm, text):
    index = ResponseIndex.open_or_build(response)
    harm(index.path)
    with pytest.raises(InputError, match=rf"a.h5.index' cannot be used: .*{text}.*open_or_build"):
        ResponseIndex.open(response)
    with pytest.warns(ManyfitWarning, match=f"{text}; it is built anew"):
        again = ResponseIndex.open_or_build(response)
    check_reduced(again, FULL)


def test_every_damaged_row_is_found(response):
    index = ResponseIndex.open_or_build(response)
    whole = index.path.read_bytes()
    places = index.tables.starts[:4].ravel()
    for place in np.random.default_rng(0).choice(places, 12):
        index.path.write_bytes(whole)
        flip(index.path, int(place) + 9)
        with pytest.warns(ManyfitWarning, match="a row is damaged; it is removed, and the response is read"):
            got = index.reduced(np.arange(240), AREA)
        np.testing.assert_allclose(got, np.einsum("e,peb->pb", AREA, FULL.reshape(12, 3, -1)))
        assert not index.path.exists()


def test_an_index_of_an_earlier_version_of_the_response(response, tmp_path):
    ResponseIndex.open_or_build(response)
    time.sleep(0.01)
    other = write_detector_response(tmp_path / "a.h5", axes(), stored(9), AREA, overwrite=True)
    with pytest.warns(ManyfitWarning, match=r"a.h5 has changed since it was built; it is built anew"):
        index = ResponseIndex.open_or_build(other)
    check_reduced(index, stored(9) * AREA[:, None, None, None])


def test_a_copy_keeps_its_index_unless_a_byte_differs(response):
    index = ResponseIndex.open_or_build(response)
    os.utime(response.path, ns=(1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ResponseIndex.open_or_build(response)
    assert index.path.exists()


def test_a_change_where_no_sample_is_taken_is_seen_by_the_time(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 25))
    first = Fingerprint.of(path)
    data = bytearray(1 << 25)
    data[(1 << 20) + (1 << 18)] = 1
    time.sleep(0.01)
    path.write_bytes(bytes(data))
    second = Fingerprint.of(path)
    assert second.sampled == first.sampled
    assert second != first


def test_without_an_index(response):
    with pytest.raises(InputError, match=r"has no index at .*a.h5.index"):
        ResponseIndex.open(response)


# -- interruption ----------------------------------------------------------------------------------------------------


def test_a_build_that_was_interrupted_goes_on(response, small_parts):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 1:
            raise Stop

    with pytest.raises(Stop):
        ResponseIndex.open_or_build(response, progress=stop)
    assert not index_path(response.path).exists()
    parts = index_path(response.path).with_name("a.h5.index.parts")
    first = (parts / "0000.rows").stat().st_mtime_ns
    seen = []
    original = building._write_group

    def watch(name, *args):
        seen.append(name.name)
        return original(name, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "_write_group", watch)
        index = ResponseIndex.open_or_build(response)
    assert seen == ["0001"]
    assert first
    check_reduced(index, FULL)
    assert not parts.exists()


def test_parts_of_another_file_are_not_used(response, small_parts):
    parts = index_path(response.path).with_name("a.h5.index.parts")
    parts.mkdir()
    (parts / "source.json").write_text("{}")
    (parts / "0000.rows").write_bytes(b"x")
    check_reduced(ResponseIndex.open_or_build(response), FULL)


def test_damaged_parts_are_made_again(response, small_parts):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ResponseIndex.open_or_build(response, progress=stop)
    parts = index_path(response.path).with_name("a.h5.index.parts")
    flip(parts / "0000.rows", 20)
    check_reduced(ResponseIndex.open_or_build(response), FULL)


KILLED = """
import os, sys
from manyfit.tsmap import DetectorResponse, ResponseIndex, _index_build
_index_build.GROUP_BYTES = _index_build.TILE_BYTES = 1
response = DetectorResponse.open(sys.argv[1])
ResponseIndex.open_or_build(response, progress=lambda done, total: os._exit(9) if done == int(sys.argv[2]) else None)
"""


def test_a_killed_process_leaves_nothing_that_harms(response, small_parts):
    run = subprocess.run([sys.executable, "-c", KILLED, str(response.path), "5"], check=False)
    assert run.returncode == 9
    assert not index_path(response.path).exists()
    check_reduced(ResponseIndex.open_or_build(response), FULL)
    names = {p.name for p in response.path.parent.iterdir()}
    assert {n for n in names if not n.startswith(".")} == {"a.h5", "a.h5.index"}


@pytest.mark.slow
def test_two_processes_build_it_once(response):
    code = "import sys; from manyfit.tsmap import *; ResponseIndex.open_or_build(DetectorResponse.open(sys.argv[1]))"
    runs = [subprocess.Popen([sys.executable, "-c", code, str(response.path)]) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    check_reduced(ResponseIndex.open(response), FULL)


def test_a_response_that_changes_meanwhile(response, small_parts):
    def touch(done, total):
        with h5py.File(response.path) as file:
            where = file["DRM/EFF_AREA"].id.get_offset()
        flip(response.path, where + 3)

    with pytest.raises(InputError, match="changed while its index was built"):
        ResponseIndex.open_or_build(response, progress=touch)
    assert not index_path(response.path).exists()


# -- places ----------------------------------------------------------------------------------------------------------


def test_places(response, tmp_path, monkeypatch):
    assert index_path(response.path) == tmp_path / "a.h5.index"
    assert index_path(response.path, tmp_path / "chosen").parent == tmp_path / "chosen"
    monkeypatch.setenv("MANYFIT_INDEX", str(tmp_path / "variable"))
    assert index_path(response.path).parent == tmp_path / "variable"
    assert ResponseIndex.open_or_build(response).path.parent == tmp_path / "variable"
    monkeypatch.delenv("MANYFIT_INDEX")
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda *args: False)
    assert index_path(response.path).parent == tmp_path / "cache" / "indexes"


def test_small_responses_need_none(response, monkeypatch):
    assert indexed(response) is response
    monkeypatch.setattr(module, "SMALL", 0)
    assert isinstance(indexed(response), ResponseIndex)


def test_where_none_can_be_written_the_response_is_read(response, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 0)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "_join", full)
    with pytest.warns(ManyfitWarning, match="cannot be written .*No space"):
        assert indexed(response) is response
    assert not index_path(response.path).exists()


def test_the_file_begins_with_its_version(response):
    assert ResponseIndex.open_or_build(response).path.read_bytes()[:8] == MAGIC

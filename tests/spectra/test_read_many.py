"""Many files in blocks: a file that cannot be used never stops the others."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.errors import InputError
from manyfit.spectra import apogee_grid, read, read_many, resample
from tests.spectra import files
from tests.spectra.files import saved


@pytest.fixture
def folder(tmp_path):
    whole = saved(files.apstar(2), tmp_path / "a.fits")
    (tmp_path / "truncated.fits").write_bytes(whole.read_bytes()[:5000])
    (tmp_path / "text.fits").write_text("this is no FITS file")
    saved(files.lamost(), tmp_path / "grid.fits")
    dead = files.apstar(2)
    dead[2].data[:] = 1e10
    saved(dead, tmp_path / "dead.fits")
    nan = files.apstar(2)
    nan[1].data[0, 20] = np.nan
    saved(nan, tmp_path / "nan.fits")
    return tmp_path


NAMES = ["truncated.fits", "a.fits", "missing.fits", "text.fits", "grid.fits", "dead.fits", "nan.fits", "a.fits"]
STATUS = ["unreadable", "ok", "missing", "unreadable", "different", "empty", "ok", "ok"]


@pytest.mark.parametrize("block", [1, 3, 100])
def test_every_file_has_a_status(folder, block):
    blocks = list(read_many((folder / name for name in NAMES), block=block, prepare=lambda s: s.coadd))
    assert [status for part in blocks for status in part.files["status"]] == STATUS
    assert all(message for part in blocks for message, s in part.files["message", "status"] if s != "ok")
    found = [part.spectra for part in blocks if part.spectra is not None]
    assert sum(map(len, found)) == 3
    for part in blocks:
        for name, first, n in part.files["path", "first", "n_rows"]:
            assert n == 0 or part.spectra.rows["file"][first] == name.rpartition("/")[2]
    last = [part for part in blocks if part.spectra is not None][-1]
    assert last.files["status"][-1] == "ok"


def test_all_rows_without_prepare(folder):
    (part,) = read_many([folder / "a.fits"] * 3)
    assert len(part.spectra) == 12
    assert list(part.files["first"]) == [0, 4, 8]
    np.testing.assert_array_equal(part.spectra[8:].flux, read(folder / "a.fits").flux)


def test_nan_flux_is_one_pixel(folder):
    (part,) = read_many([folder / "nan.fits"], prepare=lambda s: s.coadd)
    assert part.spectra.ivar[0, 20] == 0
    assert part.spectra.ivar[0, 21] > 0


def test_a_step_that_refuses_a_file(folder):
    # the visits of this kind have no velocity in their file
    visit = files.apvisit()
    for card in ("VHELIO", "BC"):
        del visit[0].header[card]
    saved(visit, folder / "v.fits")
    paths = [folder / "v.fits", saved(files.apvisit(), folder / "w.fits")]

    def prepare(s):
        return resample(s, apogee_grid(), velocity=s.rows["velocity"])

    (part,) = read_many(paths, prepare=prepare)
    assert list(part.files["status"]) == ["unreadable", "ok"]
    assert "velocity" in part.files["message"][0]
    assert part.spectra.frame == "rest"


def test_other_reader(folder):
    (part,) = read_many([folder / "a.fits"], reader=lambda path: read(path, bits=()))
    assert (part.spectra.ivar[0] == 0).sum() == 2


def test_a_fault_of_the_program_is_not_hidden(folder):
    with pytest.raises(ZeroDivisionError):
        next(read_many([folder / "a.fits"], prepare=lambda s: 1 / 0))


def test_paths_are_taken_when_needed():
    taken = []

    def paths():
        for i in range(100):
            taken.append(i)
            yield f"missing{i}.fits"

    next(read_many(paths(), block=7))
    assert len(taken) == 7


def test_block_size():
    with pytest.raises(InputError, match="block is 0"):
        read_many([], block=0)

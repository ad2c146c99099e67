"""Tests of manyfit.fitting._mapped."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from manyfit.errors import InputError
from manyfit.fitting import _mapped
from manyfit.fitting._mapped import MappedFile, mapped_file

VALUES = np.arange(4 * 5 * 6, dtype=">f4").reshape(4, 5, 6)
ALL = (slice(0, 2), slice(0, 5), slice(0, 6))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "values.dat"
    file.write_bytes(b"header.." + VALUES.tobytes())
    return str(file)


def test_reads_and_pickles_by_name(path):
    mapped = MappedFile(path, 8, (4, 5, 6), VALUES.dtype)
    np.testing.assert_array_equal(mapped.read(ALL), VALUES[:2])
    sent = pickle.dumps(mapped)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).read(ALL), VALUES[:2])


@pytest.mark.parametrize("shortest", [1, 10**9])
@pytest.mark.parametrize("order", ["C", "F"])
def test_parts_are_those_of_the_array(tmp_path, monkeypatch, shortest, order):
    """Read in pieces or mapped, the part is the same."""
    monkeypatch.setattr(_mapped, "SHORTEST_PIECE", shortest)
    file = tmp_path / "values.dat"
    file.write_bytes(b"header.." + VALUES.tobytes(order))
    mapped = MappedFile(str(file), 8, VALUES.shape, VALUES.dtype, order)
    rng = np.random.default_rng(0)
    for _ in range(50):
        ends = [sorted(rng.choice(n + 1, 2, replace=False)) for n in VALUES.shape]
        part = tuple(slice(int(a), int(b)) for a, b in ends)
        np.testing.assert_array_equal(mapped.read(part), VALUES[part])


def test_a_file_that_shrinks_while_it_is_read(path, monkeypatch):
    monkeypatch.setattr(_mapped, "SHORTEST_PIECE", 1)
    mapped = MappedFile(path, 8, (6, 5, 6), VALUES.dtype)
    monkeypatch.setattr(MappedFile, "_check_size", lambda self, size: None)
    with pytest.raises(InputError, match="became shorter while it was read"):
        mapped.read((slice(0, 6), slice(0, 5), slice(0, 6)))


def test_a_file_that_is_too_short(path):
    with pytest.raises(InputError, match=r"values.dat' is truncated: it has 488 bytes and its values need 728"):
        MappedFile(path, 8, (6, 5, 6), VALUES.dtype).read(ALL)


@pytest.mark.parametrize(
    "cut",
    [np.s_[:], np.s_[1:], np.s_[2], np.s_[1:3]],
)
@pytest.mark.parametrize("offset", [0, 8, 4096, 5000])
def test_part_of_a_memory_map(tmp_path, cut, offset):
    file = tmp_path / "map.dat"
    file.write_bytes(b"h" * offset + VALUES.tobytes())
    part = np.memmap(file, ">f4", "r", offset, (4, 5, 6))[cut]
    found = mapped_file(part)
    assert found is not None
    whole = tuple(slice(0, n) for n in part.shape)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).read(whole), VALUES[cut])


def test_fortran_order(tmp_path):
    file = tmp_path / "map.dat"
    file.write_bytes(np.asfortranarray(VALUES).tobytes("F"))
    found = mapped_file(np.memmap(file, ">f4", "r", 0, (4, 5, 6), "F"))
    np.testing.assert_array_equal(found.read(ALL), VALUES[:2])


@pytest.mark.parametrize(
    "make",
    [
        lambda file: np.memmap(file, ">f4", "r", 0, (4, 5, 6))[:, 1:3],
        lambda file: np.memmap(file, ">f4", "c", 0, (4, 5, 6)),
        lambda file: np.memmap(file, ">f4", "r", 0, (4, 5, 6)) * 2,
    ],
    ids=["not contiguous", "may differ from the file", "a result in memory"],
)
def test_what_is_no_part_of_a_file(tmp_path, make):
    file = tmp_path / "map.dat"
    file.write_bytes(VALUES.tobytes())
    assert mapped_file(make(file)) is None


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="no advice on this system")
@pytest.mark.parametrize("takes_advice", [True, False])
def test_scattered_pieces_are_announced(path, monkeypatch, takes_advice):
    monkeypatch.setattr(_mapped, "SHORTEST_PIECE", 1)
    announced = []

    def advise(fd, place, length, advice):
        if not takes_advice:
            raise OSError(22, "Invalid argument")
        announced.append((place, length, advice))

    monkeypatch.setattr(os, "posix_fadvise", advise)
    part = (slice(0, 4), slice(1, 3), slice(0, 6))
    np.testing.assert_array_equal(MappedFile(path, 8, (4, 5, 6), VALUES.dtype).read(part), VALUES[part])
    pieces = [(8 + 4 * (30 * i + 6), 48, os.POSIX_FADV_WILLNEED) for i in range(4)]
    assert announced == [(0, 0, os.POSIX_FADV_RANDOM), *pieces] * takes_advice

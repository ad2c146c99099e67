"""Tests of manyfit.fitting._source."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from manyfit.errors import InputTypeError
from manyfit.fitting._source import Lock, kind_of, source_of

VALUES = np.arange(24, dtype=np.float32).reshape(4, 6)
CUT = (slice(1, 3), slice(2, 6))


def dask_array(tmp_path):
    import dask.array as da

    return da.from_array(VALUES, chunks=(4, 3))


def zarr_array(tmp_path):
    import zarr

    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=VALUES.shape, chunks=(4, 3), dtype="f4")
    array[...] = VALUES
    return array


def memory_map(tmp_path):
    VALUES.tofile(tmp_path / "a.dat")
    return np.memmap(tmp_path / "a.dat", np.float32, "r", shape=VALUES.shape)


@pytest.mark.parametrize(
    ("make", "chunks"),
    [
        (lambda _: VALUES, None),
        (lambda _: VALUES.tolist(), None),
        (lambda _: VALUES.astype(">i4"), None),
        (memory_map, None),
        (dask_array, (4, 3)),
        (zarr_array, (4, 3)),
    ],
    ids=["array", "list", "integers", "memory map", "dask", "zarr"],
)
def test_kinds_of_array(make, chunks, tmp_path):
    source = source_of(make(tmp_path))
    assert source.shape == (4, 6)
    assert source.chunks == chunks
    for again in (source, pickle.loads(pickle.dumps(source))):
        np.testing.assert_array_equal(again.read(CUT), VALUES[CUT])


class Dataset:
    """What this package uses of an HDF5 dataset."""

    shape, dtype, chunks = (4, 6), np.dtype("f4"), (2, 6)

    def __getitem__(self, slices):
        return VALUES[slices]


def test_hdf5_dataset(monkeypatch):
    monkeypatch.setattr(Dataset, "__module__", "h5py._hl.dataset")
    source = source_of(Dataset())
    assert source.chunks == (2, 6)
    np.testing.assert_array_equal(source.read(CUT), VALUES[CUT])


def test_masks_inside_a_dask_array():
    import dask.array as da

    array = da.ma.masked_greater(da.from_array(VALUES.astype(int)), 20)
    np.testing.assert_array_equal(source_of(array).read(CUT), VALUES[CUT])
    assert np.isnan(source_of(array).read((slice(3, 4), slice(3, 6)))).all()


def test_dask_runs_in_the_calling_thread():
    import threading

    import dask.array as da

    seen = []

    def note(part):
        seen.append(threading.current_thread())
        return part

    array = da.from_array(VALUES, chunks=(2, 3)).map_blocks(note, dtype=np.float32, meta=np.empty((0, 0), np.float32))
    source_of(array).read(CUT)
    assert set(seen) == {threading.current_thread()}
    assert len(seen) == 4  # the chunks that the slice touches, no others


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (VALUES.astype(complex), "dtype complex128"),
        (np.array(["a", "b"]), "dtype <U1"),
        (np.array([object()]), "dtype object"),
        ("cube.fits", "dtype <U9"),
        (None, "NoneType with dtype object"),
        ([[1, 2], [3]], "list that is no array"),
        (np.zeros(3, "M8[s]"), "dtype datetime64"),
        (np.zeros(3, [("a", "f4")]), "dtype"),
    ],
)
def test_what_is_no_array_of_numbers(array, text):
    with pytest.raises(InputTypeError, match=text):
        source_of(array, "weights")


def test_kind_of_knows_subclasses_and_packages():
    assert kind_of(np.ma.zeros(3), "numpy", "MaskedArray")
    assert not kind_of(np.zeros(3), "numpy", "MaskedArray")
    assert not kind_of(np.ma.zeros(3), "dask", "MaskedArray")


def test_a_lock_is_pickled_as_a_new_one():
    lock = Lock()
    with lock, pickle.loads(pickle.dumps(lock)):
        pass

"""A dataset in an HDF5 or NetCDF-4 file: opened once in each process, found by name, with its dimensions."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._attributes import chosen, coordinate, scaled, text, unit_in
from ._hdf5_links import check_within
from ._labelled import Labelled
from ._place import Place
from ._source import Slices

MAGIC = b"\x89HDF\r\n\x1a\n"


class Handle:
    """An open file; pickled closed, and opened again in each process: HDF5 must not be used across a fork."""

    def __init__(self) -> None:
        self._pid = 0
        self._file: Any = None

    def file(self, name: str) -> Any:
        """The file, open."""
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = open_hdf5(name), os.getpid()
        return self._file

    def __reduce__(self) -> tuple[type[Handle], tuple[()]]:
        return (Handle, ())


@dataclass(frozen=True)
class Hdf5:
    """A dataset. h5py lets one thread at a time into the HDF5 library, so it is safe in threads.

    Attributes
    ----------
    name
        Path or URL of the file.
    dataset
        Name in the file.
    shape, dtype, chunks
        Of the dataset.
    """

    name: str
    dataset: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None
    _handle: Handle = field(default_factory=Handle, compare=False, repr=False)

    @property
    def waits(self) -> bool:
        """One thread decompresses while others fit; a remote file is waited for."""
        return True

    def __getstate__(self) -> dict[str, Any]:
        """A worker may have another current folder."""
        return {**self.__dict__, "name": self.name if "://" in self.name else str(Path(self.name).absolute())}

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values of a slice."""
        try:
            return np.asarray(self._handle.file(self.name)[self.dataset][slices])
        except (OSError, KeyError) as error:
            cut = ", ".join(f"{s.start}:{s.stop}" for s in slices)
            raise InputError(
                f"{self.name!r}: {self.dataset}[{cut}] cannot be read ({error}). Copy or download the file again."
            ) from error


def open_hdf5(name: str) -> Any:
    """An HDF5 file, open to be read."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(f'{name!r} is HDF5, which needs h5py: pip install "manyfit[cube]".') from error
    place = Place(name)
    # a file system without locks is no reason not to read
    return h5py.File(place.open(), "r") if place.is_remote else h5py.File(name, "r", locking="best-effort")


def read_hdf5(place: Place, what: str = "data") -> Labelled:
    """Labelled data from an HDF5 or NetCDF-4 file.

    Parameters
    ----------
    place
        Path or URL, and which dataset.
    what
        Name of the argument, for errors.

    Raises
    ------
    InputError
        The file is damaged, or it is not clear which dataset is meant.
    """
    where = f"{what} {place.name!r}"
    try:
        with open_hdf5(place.name) as file:
            check_within(file)
            found = _datasets(file)
            name = chosen({key: tuple(item.shape) for key, item in found.items()}, place.inside, where)
            return _labelled(place.name, name, file[name])
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{where} cannot be read as HDF5 ({error}). Copy or download it again.") from error


def source_in(dataset: Any) -> Hdf5 | None:
    """The source of an open dataset, by name; None if it is not in a file that is only read."""
    file = getattr(dataset, "file", None)
    if file is None or file.mode != "r" or not os.path.isfile(str(file.filename)):  # noqa: PTH113
        return None
    return _source(str(file.filename), dataset.name, dataset)


def _datasets(file: Any) -> dict[str, Any]:
    """All datasets of numbers that are no coordinates."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        numbers = getattr(getattr(item, "dtype", None), "kind", "") in tuple("biuf")
        if numbers and item.shape and text(item.attrs.get("CLASS", b"")) != "DIMENSION_SCALE":
            found[name] = item

    file.visititems(note)
    return found


def _source(file: str, name: str, dataset: Any) -> Hdf5:
    chunks = None if dataset.chunks is None else tuple(dataset.chunks)
    return Hdf5(file, name, tuple(dataset.shape), np.dtype(dataset.dtype), chunks)


def _labelled(file: str, name: str, dataset: Any) -> Labelled:
    scales, labels = _scales(dataset), _labels(dataset)
    names = [_dimension(label, scale, i) for i, (label, scale) in enumerate(zip(labels, scales, strict=True))]
    coordinates = tuple(
        None if scale is None or _is_bare(scale) else coordinate(scale, scale.attrs, n)
        for scale, n in zip(scales, dataset.shape, strict=True)
    )
    known = any(scale is not None for scale in scales) or any(labels)
    return Labelled(
        scaled(_source(file, name, dataset), dataset.attrs),
        unit=unit_in(dataset.attrs),
        names=tuple(names) if known else None,
        coordinates=coordinates if known else None,
    )


def _scales(dataset: Any) -> list[Any]:
    """The first scale of each axis, or None. The HDF5 library's own look at a damaged list of them ends the process."""
    import h5py

    name, count = "DIMENSION_LIST", len(dataset.shape)
    if name not in dataset.attrs:
        return [None] * count
    kept = dataset.attrs.get_id(name)
    base = h5py.check_vlen_dtype(kept.dtype)
    if base is None or h5py.check_ref_dtype(base) is not h5py.Reference or kept.shape != (count,):
        raise InputError(f"{dataset.file.filename!r} is damaged: {name} of {dataset.name!r} is no list of scales.")
    return [dataset.file[listed[0]] if len(listed) and listed[0] else None for listed in dataset.attrs[name]]


def _labels(dataset: Any) -> list[str]:
    """The label of each axis, which may be empty."""
    found = [str(text(label)) for label in np.ravel(dataset.attrs.get("DIMENSION_LABELS", ()))]
    return found if len(found) == len(dataset.shape) else [""] * len(dataset.shape)


def _dimension(label: str, scale: Any, number: int) -> str:
    own = "" if scale is None else str(scale.name).rpartition("/")[2]
    return label or own or f"axis {number}"


def _is_bare(scale: Any) -> bool:
    """A dimension of NetCDF that has a length and no values."""
    return str(text(scale.attrs.get("NAME", b""))).startswith("This is a netCDF dimension but not a netCDF variable")

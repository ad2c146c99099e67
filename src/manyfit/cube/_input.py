"""What a user may give as a cube, turned into labelled data with the header it came with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._data import _unit as unit_named
from manyfit.fitting._data import data_of
from manyfit.fitting._fits import find_image, labelled, opened
from manyfit.fitting._inputs import kind_of_place
from manyfit.fitting._inputs import read as read_any
from manyfit.fitting._labelled import Labelled
from manyfit.fitting._mapped import MappedFile
from manyfit.fitting._place import Place, check_there, place_of
from manyfit.fitting._source import Chunked, Memory, Source, kind_of
from manyfit.fitting._world import low_level
from manyfit.fitting._zarr import open_zarr

NOISE_EXTENSIONS = ("ERR", "ERROR", "UNCERT", "UNCERTAINTY", "STAT", "VAR", "VARIANCE", "IVAR", "SIGMA", "NOISE")


@dataclass(frozen=True, eq=False)
class Input:
    """Labelled data and what else was in the file.

    Attributes
    ----------
    labelled
        Values, unit, WCS, mask, uncertainty.
    header
        FITS header, or None.
    file
        Path or URL of the FITS file, or None.
    notes
        What the user should know.
    """

    labelled: Labelled
    header: Mapping[str, Any] | None = None
    file: str | None = None
    notes: tuple[str, ...] = ()


def input_of(source: Any, hdu: str | int | None = None, unit: Any = None) -> Input:
    """Labelled data from whatever was given as a cube.

    Parameters
    ----------
    source
        All that `manyfit.fit` takes as data, or (data, wcs).
    hdu
        Name or number of the extension of a FITS file.
    unit
        Unit in place of that of the data.
    """
    if isinstance(source, tuple) and len(source) == 2:
        return _with_wcs(*source, unit)
    if isinstance(source, str | Path):
        with quiet, foreign(source):
            found = _file(str(source), hdu)
        return found if unit is None else replace(found, labelled=replace(found.labelled, unit=unit_named(unit)))
    if hdu is not None and not isinstance(source, list):
        raise InputError(f"hdu={hdu!r} was given, but the data is a {type(source).__name__}. It is for FITS files.")
    if isinstance(source, list) and kind_of(source, "astropy", "HDUList"):
        source = find_image(source, None if hdu is None else str(hdu), "the cube")
    header = getattr(source, "header", None)
    if kind_of(source, "zarr", "Group"):
        source = _dataset(source)
    return Input(data_of(_one_variable(source), unit), header if isinstance(header, Mapping) else None)


def _with_wcs(data: Any, wcs: Any, unit: Any) -> Input:
    """Data and a WCS, or a FITS header that has one."""
    header = None
    if low_level(wcs) is None:
        if not isinstance(wcs, Mapping) and not kind_of(wcs, "astropy", "Header"):
            raise InputTypeError(f"(data, {type(wcs).__name__}) was given. Give (data, wcs) or (data, header).")
        header, wcs = wcs, _wcs_of_header(wcs)
    return Input(replace(data_of(data, unit), wcs=wcs), header)


def _wcs_of_header(header: Any) -> Any:
    from astropy.wcs import WCS, FITSFixedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # what wcslib put right is no news to the user
        return WCS(header)


def _file(name: str, hdu: str | int | None) -> Input:
    """A FITS file, ``file[extension]``, a zarr store or an HDF5 file, here or at a URL."""
    place = place_of(name)
    check_there(place, "cube")
    match kind_of_place(place):
        case "zarr" if place.inside is None:
            return _store(place)
        case "zarr" | "hdf5":
            return Input(read_any(name, "cube"))
    extension = place.inside or (None if hdu is None else str(hdu))
    with opened(place, "cube") as (hdus, where):
        image = find_image(hdus, extension, f"cube {place.name!r}")
        return Input(labelled(image, where, hdus), image.header.copy(), place.name, _unused(hdus, image))


def _unused(hdus: Any, image: Any) -> tuple[str, ...]:
    """Notes on extensions that look like noise of the image."""
    same = [h.name for h in hdus if h is not image and h.is_image and h.shape == image.shape]
    names = [name for name in same if name.upper() in NOISE_EXTENSIONS]
    return tuple(
        f"extension {name} has the shape of the cube: uncertainty={name!r} reads it as noise" for name in names
    )


def _store(place: Place) -> Input:
    node = open_zarr(place, "cube")
    return Input(data_of(_dataset(node) if kind_of(node, "zarr", "Group") else node))


def _dataset(group: Any) -> Any:
    """A group as written by xarray with its coordinates; any other group as it is."""
    arrays = dict(group.arrays())
    if not any(getattr(a.metadata, "dimension_names", None) or "_ARRAY_DIMENSIONS" in a.attrs for a in arrays.values()):
        return group
    import xarray

    return _one_variable(xarray.open_zarr(group.store, group=group.path or None, consolidated=False))


def _one_variable(data: Any) -> Any:
    """The variable of a dataset that is the cube."""
    if not kind_of(data, "xarray", "Dataset"):
        return data
    deepest = max((v.ndim for v in data.data_vars.values()), default=0)
    names = [str(name) for name, v in data.data_vars.items() if v.ndim == deepest]
    if len(names) != 1 and "data" not in names:
        raise InputError(f"The dataset has variables {sorted(names)}. Give one of them, as dataset['name'].")
    return data["data" if "data" in names else names[0]]


def array_of(source: Source) -> Any:
    """The values as an array-like that is sliced: NumPy, memory map, dask, zarr or HDF5."""
    match source:
        case Memory() | Chunked():
            return source.array
        case MappedFile():
            return np.memmap(source.path, source.dtype, "r", source.offset, source.shape, source.order)  # type: ignore[call-overload]
    import dask.array

    chunks = source.chunks or "auto"
    return dask.array.from_array(Sliced(source), chunks=chunks, meta=np.empty((0,) * len(source.shape), source.dtype))


@dataclass(frozen=True)
class Sliced:
    """A source that is read by slicing."""

    source: Source

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.source.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.source.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.source.dtype

    def __getitem__(self, key: Any) -> Any:
        cut = tuple(slice(*part.indices(n)) for part, n in zip(key, self.shape, strict=True))
        return self.source.read(tuple(slice(c.start, c.stop) for c in cut))

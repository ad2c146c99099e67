"""What a user may give as data, turned into labelled data; packages are recognised without importing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._foreign import foreign, quiet
from ..errors import InputTypeError
from ._fits import read_fits, read_hdu
from ._hdf5 import MAGIC, read_hdf5
from ._labelled import Labelled, unit_of
from ._place import Place, check_there, place_of
from ._source import kind_of, source_of
from ._spectral_cube import read_spectral_cube
from ._zarr import read_zarr, zarr_array, zarr_group

ACCEPTED = (
    "a path or URL of a FITS file, zarr store or HDF5 file, an image HDU, a NumPy, masked, dask or zarr array, "
    "a Quantity, an HDF5 dataset, xarray.DataArray, NDData, NDCube or SpectralCube"
)


def read(data: Any, what: str = "data") -> Labelled:
    """Labelled data from anything that holds N-D real numbers.

    Parameters
    ----------
    data
        A path or URL of a FITS file, zarr store, HDF5 or NetCDF-4 file, an HDU or HDUList, a NumPy or masked array,
        Quantity, dask or zarr array, HDF5 dataset, ``xarray.DataArray``, ``NDData``, ``NDCube`` or ``SpectralCube``.
        ``cube.fits`` stands for its first image with data, ``cube.fits[ERR]`` or ``cube.fits[1]`` for a given
        one; ``store.zarr`` and ``file.h5`` for their only array, that of most dimensions or that named ``data``,
        ``store.zarr[name]``, ``store.zarr/name`` and ``file.h5[group/name]`` for a given one.
    what
        Name of the argument, for errors.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        A file that cannot be read.
    InputTypeError
        Data of another kind, or values that are not real numbers.

    Examples
    --------
    >>> import astropy.units as u
    >>> read([1.0, 2.0] * u.Jy).unit
    Unit("Jy")
    """
    for package, name, reader in KINDS:
        if kind_of(data, package, name):
            return reader(data, what)
    if data is None or isinstance(data, bytes | dict | set) or kind_of(data, "xarray", "Dataset"):
        raise InputTypeError(f"{what} is a {type(data).__name__}. Accepted: {ACCEPTED}.")
    return Labelled(source_of(data, what))


def _path(data: Any, what: str) -> Labelled:
    """A file, folder or URL, or ``file[name]`` for one of several arrays in it."""
    place = place_of(data)
    check_there(place, what)
    with quiet, foreign(place.name):
        match kind_of_place(place):
            case "zarr":
                return read_zarr(place, what)
            case "hdf5":
                return read_hdf5(place, what)
        return read_fits(place.name, place.inside, what)


def kind_of_place(place: Place) -> str:
    """``"zarr"``, ``"hdf5"`` or ``"fits"``, by what is there.

    Raises
    ------
    FileNotFoundError
        A URL at which there is nothing.
    """
    if (".zarr" in place.name or not place.is_remote) and place.is_folder():
        return "zarr"
    try:
        return "hdf5" if place.head() == MAGIC else "fits"
    except (FileNotFoundError, IsADirectoryError):
        if place.is_folder():
            return "zarr"
    raise FileNotFoundError(f"There is nothing at {place.name!r}. Check the name and the rights to read it.")


def _masked(data: Any, what: str) -> Labelled:
    return Labelled(source_of(data.data, what), mask=None if data.mask is np.ma.nomask else data.mask)


def _masked_quantity(data: Any, what: str) -> Labelled:
    return Labelled(source_of(data.unmasked, what), unit=getattr(data, "unit", None), mask=data.mask)


def _quantity(data: Any, what: str) -> Labelled:
    return Labelled(source_of(data.value, what), unit=data.unit)


def _nddata(data: Any, what: str) -> Labelled:
    inner = read(data.data, what)
    return Labelled(
        inner.source,
        unit=inner.unit if data.unit is None else data.unit,
        wcs=data.wcs,
        mask=inner.mask if data.mask is None else data.mask,
        uncertainty=data.uncertainty,
    )


def _xarray(data: Any, what: str) -> Labelled:
    inner = read(data.data, what)
    return Labelled(
        inner.source,
        unit=_unit_attribute(data) if inner.unit is None else inner.unit,
        mask=inner.mask,
        names=tuple(data.dims),
        coordinates=tuple(_coordinate(data, name) for name in data.dims),
    )


def _coordinate(data: Any, name: Any) -> Any:
    """The coordinate of a dimension with its unit; None if it has none or is not made of real numbers."""
    if name not in data.coords or data.coords[name].dtype.kind not in "iuf":
        return None
    unit = _unit_attribute(data.coords[name])
    values = np.asarray(data.coords[name].values, np.float64)
    return values if unit is None else values * unit


def _unit_attribute(array: Any) -> Any:
    return unit_of(array.attrs.get("units", array.attrs.get("unit")))


# The first that fits is taken, so a subclass comes before its parent.
KINDS: tuple[tuple[str, str, Callable[[Any, str], Labelled]], ...] = (
    ("builtins", "str", _path),
    ("pathlib", "Path", _path),
    ("astropy", "HDUList", read_hdu),
    ("astropy", "_BaseHDU", read_hdu),
    ("astropy", "NDData", _nddata),
    ("spectral_cube", "BaseSpectralCube", read_spectral_cube),
    ("astropy", "Masked", _masked_quantity),
    ("astropy", "Quantity", _quantity),
    ("numpy", "MaskedArray", _masked),
    ("xarray", "DataArray", _xarray),
    ("zarr", "Array", zarr_array),
    ("zarr", "Group", zarr_group),
)

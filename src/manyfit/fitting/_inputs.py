"""What a user may give as data, turned into labelled data; packages are recognised without importing them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError
from ._fits import read_fits, read_hdu
from ._labelled import Labelled, unit_of
from ._source import kind_of, source_of
from ._spectral_cube import read_spectral_cube

ACCEPTED = (
    "a path to a FITS file or zarr store, an image HDU, a NumPy, masked, dask or zarr array, a Quantity, "
    "an HDF5 dataset, xarray.DataArray, NDData, NDCube or SpectralCube"
)
EXTENSION = re.compile(r"^(?P<path>.+)\[(?P<extension>[^\[\]]+)\]$")


def read(data: Any, what: str = "data") -> Labelled:
    """Labelled data from anything that holds N-D real numbers.

    Parameters
    ----------
    data
        A path to a FITS file or zarr store, an HDU or HDUList, a NumPy or masked array, Quantity, dask or
        zarr array, HDF5 dataset, ``xarray.DataArray``, ``NDData``, ``NDCube`` or ``SpectralCube``.
        ``cube.fits`` stands for its first image with data, ``cube.fits[ERR]`` or ``cube.fits[1]`` for a given
        one; ``store.zarr`` for its only array or that named ``data``, ``store.zarr/name`` for a given one.
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
    """A file, or ``file[extension]``; a file whose own name ends in brackets is a file."""
    path = Path(data).expanduser()
    match = None if path.exists() else EXTENSION.match(str(path))
    file = Path(match["path"]) if match else path
    if not file.exists():
        raise FileNotFoundError(f"{what}: there is no file {str(file)!r}. Check the name and the folder.")
    if file.is_dir():
        return _zarr_folder(file, what)
    return read_fits(file, match["extension"] if match else None, what)


def _zarr_folder(path: Path, what: str) -> Labelled:
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise InputError(f"{what}: the folder {str(path)!r} is no zarr store ({error}).") from error
    return _zarr(node, what)


def _zarr(node: Any, what: str) -> Labelled:
    if kind_of(node, "zarr", "Array"):
        return Labelled(source_of(node, what), unit=unit_of(node.attrs.get("units")))
    arrays = dict(node.arrays())
    if len(arrays) != 1 and "data" not in arrays:
        raise InputError(
            f"{what}: the zarr group has arrays {sorted(arrays)}. A group with one array, or with one named "
            "'data', is accepted: give the array itself, as group['name'] or 'store.zarr/name'."
        )
    return _zarr(arrays["data"] if "data" in arrays else next(iter(arrays.values())), what)


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
    ("zarr", "Array", _zarr),
    ("zarr", "Group", _zarr),
)

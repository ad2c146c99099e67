"""What a user may give as data, turned into labelled data; packages are recognised without importing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputTypeError
from ._files import read_hdu, read_path, read_zarr
from ._labelled import Labelled, unit_of
from ._source import Cube, kind_of, source_of

ACCEPTED = (
    "a path to a FITS file or zarr store, an image HDU, a NumPy, masked, dask or zarr array, a Quantity, "
    "an HDF5 dataset, xarray.DataArray, NDData, NDCube or SpectralCube"
)


def read(data: Any, what: str = "data") -> Labelled:
    """Labelled data from anything that holds N-D real numbers.

    Parameters
    ----------
    data
        A path to a FITS file (``"cube.fits[ERR]"`` for one extension) or zarr store, an HDU or HDUList, a NumPy
        or masked array, Quantity, dask or zarr array, HDF5 dataset, ``xarray.DataArray``, ``NDData``,
        ``NDCube`` or ``SpectralCube``.
    what
        Name of the argument, for errors.

    Raises
    ------
    InputTypeError
        Data of another kind, or complex, boolean or text values.
    InputError
        A file that cannot be read.

    Examples
    --------
    >>> import astropy.units as u
    >>> read([1.0, 2.0] * u.Jy).unit
    Unit("Jy")
    """
    for module, name, reader in KINDS:
        if kind_of(data, module, name):
            return reader(data, what)
    if data is None or isinstance(data, bytes | dict | set):
        raise InputTypeError(f"{what} is {type(data).__name__}. Accepted: {ACCEPTED}.")
    return Labelled(source_of(data, what))


def _masked(data: Any, what: str) -> Labelled:
    return Labelled(source_of(data.data, what), mask=None if data.mask is np.ma.nomask else data.mask)


def _quantity(data: Any, what: str) -> Labelled:
    return Labelled(source_of(data.value, what), unit=data.unit)


def _nddata(data: Any, what: str) -> Labelled:
    inner = read(data.data, what)
    mask, unit = getattr(data, "mask", None), getattr(data, "unit", None)
    return Labelled(
        inner.source,
        unit=inner.unit if unit is None else unit,
        wcs=getattr(data, "wcs", None),
        mask=inner.mask if mask is None or mask is False else mask,
        uncertainty=getattr(data, "uncertainty", None),
    )


def _spectral_cube(data: Any, what: str) -> Labelled:
    filled = data.filled_data
    inner = filled if kind_of(filled, "dask", "Array") else None
    source = Cube(data) if inner is None else source_of(inner, what)
    return Labelled(source, unit=data.unit, wcs=data.wcs)


def _xarray(data: Any, what: str) -> Labelled:
    inner = read(data.data, what)
    unit = inner.unit if inner.unit is not None else unit_of(data.attrs.get("units", data.attrs.get("unit")))
    return Labelled(
        inner.source,
        unit=unit,
        mask=inner.mask,
        names=tuple(data.dims),
        coordinates=tuple(_coordinate(data, name) for name in data.dims),
    )


def _coordinate(data: Any, name: Any) -> Any:
    """The coordinate of a dimension with its unit; None if it has none or is not made of real numbers."""
    if name not in data.coords or data.coords[name].dtype.kind not in "iuf":
        return None
    coordinate = data.coords[name]
    unit = unit_of(coordinate.attrs.get("units", coordinate.attrs.get("unit")))
    values = np.asarray(coordinate.values, np.float64)
    return values if unit is None else values * unit


# The first that fits is taken, so subclasses come before their parents.
KINDS: tuple[tuple[str, str, Callable[[Any, str], Labelled]], ...] = (
    ("builtins", "str", read_path),
    ("pathlib", "Path", read_path),
    ("astropy", "HDUList", read_hdu),
    ("astropy", "_BaseHDU", read_hdu),
    ("astropy", "NDData", _nddata),
    ("spectral_cube", "BaseSpectralCube", _spectral_cube),
    ("astropy", "Quantity", _quantity),
    ("numpy", "MaskedArray", _masked),
    ("xarray", "DataArray", _xarray),
    ("zarr", "Array", read_zarr),
    ("zarr", "Group", read_zarr),
)

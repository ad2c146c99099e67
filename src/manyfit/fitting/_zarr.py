"""An array in a zarr store, version 2 or 3, here or remote, with the coordinates that xarray writes beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ._attributes import chosen, coordinate, scaled, unit_in
from ._labelled import Labelled
from ._place import Place
from ._source import kind_of, source_of


def read_zarr(place: Place, what: str = "data") -> Labelled:
    """Labelled data from a zarr store.

    Parameters
    ----------
    place
        Path or URL of a group or array, and which array of a group.
    what
        Name of the argument, for errors.

    Raises
    ------
    InputError
        There is no store, or it is not clear which array is meant.
    """
    node = open_zarr(place, what)
    if not kind_of(node, "zarr", "Array"):
        return zarr_group(node, what, place.inside, repr(place.name))
    above, _, name = place.name.rstrip("/").rpartition("/")
    try:
        group = open_zarr(Place(above), what) if _dimensions(node) else None
    except InputError:  # an array on its own
        group = None
    return _labelled(node, what, {} if group is None else _beside(group, name))


def open_zarr(place: Place, what: str) -> Any:
    """A zarr group or array, open to be read."""
    import zarr

    try:
        # absolute: a worker may have another current folder
        return zarr.open(place.name if place.is_remote else str(Path(place.name).absolute()), mode="r")
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
        kind = "" if place.is_remote else "the folder "
        raise InputError(f"{what}: {kind}{place.name!r} is no zarr store ({error}).") from error


def zarr_group(group: Any, what: str, inside: str | None = None, where: str = "the zarr group") -> Labelled:
    """Labelled data from a group."""
    arrays = dict(group.arrays())
    if inside is not None and "/" in inside.strip("/"):
        above, _, inside = inside.strip("/").rpartition("/")
        arrays = dict(group[above].arrays()) if above in group else {}
    names = {name for array in arrays.values() for name in _dimensions(array) or ()}
    data = {name: array for name, array in arrays.items() if name not in names and array.dtype.kind in "biuf"}
    name = chosen({name: tuple(array.shape) for name, array in data.items()}, inside, f"{what}: {where}")
    return _labelled(arrays[name], what, arrays)


def zarr_array(array: Any, what: str) -> Labelled:
    """Labelled data from an array alone."""
    return _labelled(array, what, {})


def _beside(group: Any, name: str) -> dict[str, Any]:
    return {} if kind_of(group, "zarr", "Array") or name not in group else dict(group.arrays())


def _labelled(array: Any, what: str, beside: dict[str, Any]) -> Labelled:
    names = _dimensions(array)
    source, unit = scaled(source_of(array, what), _attributes(array)), unit_in(array.attrs)
    if names is None:
        return Labelled(source, unit=unit)
    found = tuple(
        coordinate(beside[name], beside[name].attrs, n) if name in beside else None
        for name, n in zip(names, array.shape, strict=True)
    )
    return Labelled(source, unit=unit, names=names, coordinates=found)


def _attributes(array: Any) -> dict[str, Any]:
    """Attributes, with the missing value that xarray writes into zarr 2 as what fills chunks."""
    found = dict(array.attrs)
    if array.metadata.zarr_format == 2 and "_ARRAY_DIMENSIONS" in found and array.metadata.fill_value is not None:
        found.setdefault("_FillValue", array.metadata.fill_value)
    return found


def _dimensions(array: Any) -> tuple[str, ...] | None:
    """Names of the dimensions, as zarr 3 or as xarray writes them; None without."""
    given = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    whole = isinstance(given, list | tuple) and len(given) == len(array.shape) and None not in given
    return tuple(map(str, given)) if whole else None

"""Histograms in HDF5 as the COSI tools write them: dense, COO and GCXS, with and without under- and overflow."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._axes import AnyAxis, Axes, Axis, HealpixAxis
from ._hdf5 import created, member, needs_plugin, text

Index = NDArray[np.int64]
Values = NDArray[np.float64]

FORMATS = ("dense", "coo", "gcxs")
PIECE = 1 << 20  # numbers that are read at a time
FRAME_NAMES = {"spacecraftframe": "spacecraft", "g": "galactic", "c": "icrs"}  # as histpy and healpy call them
A_HISTOGRAM = "a histogram of histpy"


def read_axes(group: Any) -> Axes:
    """The axes in a group with one dataset of edges for each: '0', '1', ... by number."""
    if hasattr(group, "dtype"):
        raise InputError(f"{group.file.filename!r}: {group.name} is an array; a group of axes is needed.")
    try:
        names = sorted(group, key=int)
    except ValueError:
        raise InputError(
            f"{group.file.filename!r}: axes in {group.name} are called {list(group)}; numbers are needed."
        ) from None
    try:
        return Axes(_axis(group[name]) for name in names)
    except InputError as error:
        raise InputError(f"{group.file.filename!r}: {error}") from None


def _axis(dataset: Any) -> AnyAxis:
    attrs = dataset.attrs
    label = text(attrs.get("label", dataset.name.rsplit("/", 1)[-1]))
    if "nside" in attrs:
        scheme = text(attrs.get("scheme", "RING")).upper()
        axis = HealpixAxis(label, int(attrs["nside"]), "NESTED" if scheme == "NESTED" else "RING", _frame(attrs))
        if dataset.shape != (axis.n_bins + 1,):
            raise InputError(
                f"axis {label!r} has {dataset.shape[0] - 1} pixels; nside {axis.nside} "
                f"has {axis.n_bins}. Axes with a part of the sky are not accepted."
            )
        return axis
    from astropy import units as u

    unit = text(attrs["unit"]) if "unit" in attrs else ""
    edges = dataset[:]
    if edges.dtype.kind not in "biuf":
        raise InputError(f"axis {label!r} has edges of type {edges.dtype}. Real numbers are meant.")
    return Axis(label, u.Quantity(edges, unit) if unit else edges, text(attrs.get("scale", "linear")))


def _frame(attrs: Any) -> str | None:
    name = text(attrs["coordsys"]).lower() if "coordsys" in attrs else None
    return FRAME_NAMES.get(name, name) if name else None


def padding(path: str, axes: Axes, shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many bins of underflow come before the bins of each axis: 1 or 0, told from the shape.

    Raises
    ------
    InputError
        The shape is neither that of the axes nor, axis by axis, two larger.
    """
    extra = tuple(size - axis.n_bins for size, axis in zip(shape, axes, strict=True)) if len(shape) == len(axes) else ()
    if not extra or not set(extra) <= {0, 2}:
        raise InputError(
            f"{path!r}: contents have shape {shape}; the axes have {axes.shape} bins. Each size must be the number of "
            "bins, or two more where under- and overflow are kept."
        )
    return tuple(n // 2 for n in extra)


def open_contents(group: Any, axes: Axes) -> tuple[str, Any, tuple[int, ...]]:
    """Format, contents and padding of a histogram in a group of an open file."""
    name = text(group.attrs.get("format", "dense"))
    if name not in FORMATS:
        raise InputError(f"{group.file.filename!r}: format is {name!r}. Accepted: {', '.join(FORMATS)}.")
    contents = member(group, "contents", A_HISTOGRAM)
    if (name == "dense") != hasattr(contents, "dtype"):
        raise InputError(f"{group.file.filename!r}: format is {name!r}; {contents.name} is of another kind.")
    shape = contents.shape if name == "dense" else tuple(int(n) for n in member(contents, "shape", A_HISTOGRAM)[:])
    if name != "dense" and float(np.asarray(contents["fill_value"])) != 0:
        raise InputError(f"{group.file.filename!r}: bins that are not listed hold {contents['fill_value'][()]}, not 0.")
    return name, contents, padding(group.file.filename, axes, shape)


def pieces(name: str, contents: Any, axes: Axes, pad: tuple[int, ...]) -> Generator[tuple[Index, Values]]:
    """Bins and their values, piece by piece: indices (axis, entry) and values (entry,), without zeros and overflow."""
    read = {"dense": _dense_pieces, "coo": _coo_pieces, "gcxs": _gcxs_pieces}[name]
    bins = np.array(axes.shape)[:, None]
    for index, values in read(contents):
        index = index - np.array(pad)[:, None]  # noqa: PLW2901
        inside = ((index >= 0) & (index < bins)).all(axis=0) & (values != 0)
        yield index[:, inside], values[inside]


def _dense_pieces(contents: Any) -> Generator[tuple[Index, Values]]:
    needs_plugin(contents)
    rows = max(1, PIECE // max(1, int(np.prod(contents.shape[1:]))))
    for start in range(0, contents.shape[0], rows):
        block = contents[start : start + rows]
        index = np.array(np.nonzero(block), dtype=np.int64)
        values = block[tuple(index)].astype(np.float64)
        index[0] += start
        yield index, values


def _coo_pieces(contents: Any) -> Generator[tuple[Index, Values]]:
    coords, data = contents["coords"], contents["data"]
    for start in range(0, data.shape[0], PIECE):
        part = slice(start, start + PIECE)
        yield coords[:, part].astype(np.int64), data[part].astype(np.float64)


def _gcxs_pieces(contents: Any) -> Generator[tuple[Index, Values]]:
    """Compressed rows: axes `compressed_axes` are folded into rows, the others into columns, both in C order."""
    shape = tuple(int(n) for n in contents["shape"][:])
    compressed = [int(a) for a in contents["compressed_axes"][:]] if "compressed_axes" in contents else _default(shape)
    others = [a for a in range(len(shape)) if a not in compressed]
    indptr = contents["indptr"][:].astype(np.int64)
    for start in range(0, contents["data"].shape[0], PIECE):
        values = contents["data"][start : start + PIECE].astype(np.float64)
        columns = contents["indices"][start : start + PIECE].astype(np.int64)
        rows = np.searchsorted(indptr, np.arange(start, start + values.size), side="right") - 1
        index = np.empty((len(shape), values.size), np.int64)
        for flat, which in ((rows, compressed), (columns, others)):
            if which:
                index[which] = np.unravel_index(flat, [shape[a] for a in which])
        yield index, values


def _default(shape: tuple[int, ...]) -> list[int]:
    """The axis that the sparse package folds into rows if a file does not say: the shortest."""
    return [int(np.argmin(shape))] if len(shape) > 1 else []


def write_axes(group: Any, axes: Axes) -> None:
    """Write axes as datasets of edges '0', '1', ..."""
    for number, axis in enumerate(axes):
        if isinstance(axis, HealpixAxis):
            dataset = group.create_dataset(str(number), data=np.arange(axis.n_bins + 1))
            dataset.attrs.update({"nside": axis.nside, "scheme": axis.scheme})
            kind = ["histpy.healpix_axis", "HealpixAxis"]
            if axis.frame is not None:
                dataset.attrs["coordsys"] = "spacecraftframe" if axis.frame == "spacecraft" else axis.frame
        else:
            dataset = group.create_dataset(str(number), data=axis.edges)
            kind = ["histpy.axis", "Axis"]
            dataset.attrs["scale"] = axis.scale
            if axis.unit:
                dataset.attrs["unit"] = axis.unit
        dataset.attrs["__class__"] = kind
        dataset.attrs["label"] = axis.label


def write_dense(path: str | Path, axes: Axes, values: Any, *, unit: str, overwrite: bool) -> None:
    """Write a histogram with a value for each bin; single precision stays so."""
    single = getattr(values, "dtype", None) == np.float32
    with created(path, overwrite=overwrite) as file:
        group = file.create_group("hist")
        group.attrs.update({"format": "dense", "unit": unit})
        write_axes(group.create_group("axes"), axes)
        group.create_dataset("contents", data=np.asarray(values, dtype=np.float32 if single else np.float64))


def write_coo(
    path: str | Path, axes: Axes, index: Index, values: Values, *, attributes: dict[str, Any], overwrite: bool
) -> None:
    """Write a histogram as a list of bins, indices (axis, entry) and values (entry,)."""
    with created(path, overwrite=overwrite) as file:
        group = file.create_group("hist")
        group.attrs.update({"format": "coo", "unit": "", **attributes})
        write_axes(group.create_group("axes"), axes)
        contents = group.create_group("contents")
        zipped = {"compression": "gzip", "shuffle": True} if values.size else {}
        contents.create_dataset("coords", data=index, **zipped)
        contents.create_dataset("data", data=values, **zipped)
        contents.create_dataset("shape", data=np.array(axes.shape, np.int64))
        contents.create_dataset("fill_value", data=0.0)

"""How blocks of results are laid out as chunks of zarr arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks._plan import Block, Plan

#: Blocks of a store; each has a file or object for every array.
MOST_BLOCKS = 10**8


@dataclass(frozen=True)
class Field:
    """One array of results.

    Attributes
    ----------
    dtype
        Type of the values, such as ``"float64"``.
    trailing
        Lengths of the axes behind the iterating ones, which are never divided.
    fill
        Value of elements that are not there yet.
    dims
        Names of the trailing axes.
    attributes
        What is said about the array, for readers of zarr.
    order
        For each axis of the array as it is stored, which of (iterating..., trailing...) it is; empty for all in turn.
    """

    dtype: str
    trailing: tuple[int, ...] = ()
    fill: float = math.nan
    dims: tuple[str, ...] = ()
    attributes: Mapping[str, Any] | None = None
    order: tuple[int, ...] = ()

    def stored(self, axes: Sequence[Any]) -> tuple[Any, ...]:
        """What belongs to each of (iterating..., trailing...), for each stored axis.

        >>> Field("float64", (30,), order=(2, 0, 1)).stored(["y", "x", "channel"])
        ('channel', 'y', 'x')
        """
        return tuple(axes[axis] for axis in self.order or range(len(axes)))


@dataclass(frozen=True)
class Layout:
    """Arrays in chunks, all of one grid: each block is one whole chunk of every array.

    Attributes
    ----------
    shape
        The iterating shape.
    extent
        Lengths of a block; those at the end of an axis may be shorter.
    fields
        The arrays by name.
    dims
        Names of the iterating axes.
    """

    shape: tuple[int, ...]
    extent: tuple[int, ...]
    fields: Mapping[str, Field]
    dims: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of blocks along each axis."""
        return tuple(-(-n // e) for n, e in zip(self.shape, self.extent, strict=True))

    def plan(self, bytes_per_element: int = 1) -> Plan:
        """All blocks, in C order."""
        places = product(*map(range, self.counts))
        blocks = tuple(Block(i, self._slices(place)) for i, place in enumerate(places))
        return Plan(self.shape, blocks, math.prod(self.extent) * bytes_per_element)

    def block(self, index: int) -> Block:
        """One of all blocks."""
        place = np.unravel_index(index, self.counts) if self.shape else ()
        return Block(index, self._slices(tuple(map(int, place))))

    def _slices(self, place: tuple[int, ...]) -> tuple[slice, ...]:
        """The block at a place in the grid of blocks."""
        lengths = zip(place, self.extent, self.shape, strict=True)
        return tuple(slice(i * extent, min((i + 1) * extent, n)) for i, extent, n in lengths)

    def chunk_name(self, field: str, block: Block) -> str:
        """Name of the object that holds a block of an array.

        Raises
        ------
        ValueError
            The block is not one whole chunk: writing it would damage its neighbours.
        """
        index = tuple(s.start // e for s, e in zip(block.slices, self.extent, strict=True))
        if block.slices != self._slices(index):
            raise ValueError(f"block {block.slices} is no whole chunk of {self.extent} in {self.shape}")
        own = self.fields[field]
        return f"{field}/{'.'.join(['c', *map(str, own.stored((*index, *(0 for _ in own.trailing))))])}"

    def encoded(self, field: str, block: Block, values: NDArray[Any]) -> bytes:
        """A chunk as zarr keeps it, without compression: C order, little-endian, filled up at the end of an axis."""
        own = self.fields[field]
        shape = (*self.extent, *own.trailing)
        dtype = np.dtype(own.dtype).newbyteorder("<")
        part = np.asarray(values).reshape((*block.shape, *own.trailing))
        if part.dtype != np.dtype(own.dtype):
            raise ValueError(f"{field!r} has dtype {part.dtype}, not {own.dtype}")
        chunk = part.astype(dtype, copy=False)
        if part.shape != shape:
            chunk = np.full(shape, own.fill, dtype)
            chunk[tuple(slice(0, n) for n in part.shape)] = part
        return chunk.transpose(own.stored(range(chunk.ndim))).tobytes()

    def decoded(self, field: str, block: Block, content: bytes) -> NDArray[Any]:
        """The values of a block from its chunk."""
        own = self.fields[field]
        dtype = np.dtype(own.dtype)
        shape = (*self.extent, *own.trailing)
        stored = np.frombuffer(content, dtype.newbyteorder("<")).reshape(own.stored(shape))
        chunk = stored.transpose(np.argsort(own.stored(range(len(shape)))))
        return chunk[tuple(slice(0, n) for n in block.shape)].astype(dtype)

    def empty(self, field: str, block: Block) -> NDArray[Any]:
        """The values of a block that is not there yet."""
        own = self.fields[field]
        return np.full((*block.shape, *own.trailing), own.fill, own.dtype)

    def stored(self) -> Iterator[str]:
        """Names of the arrays that have chunks at all."""
        return (name for name, field in self.fields.items() if 0 not in field.trailing)

    def metadata(self) -> dict[str, dict[str, Any]]:
        """``zarr.json`` of each array, as version 3 of the format wants it."""
        return {name: self._array(field) for name, field in self.fields.items()}

    def _array(self, field: Field) -> dict[str, Any]:
        chunk = [max(1, n) for n in (*self.extent, *field.trailing)]
        is_float = np.dtype(field.dtype).kind == "f"
        endian = {} if np.dtype(field.dtype).itemsize == 1 else {"configuration": {"endian": "little"}}
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(field.stored((*self.shape, *field.trailing))),
            "data_type": field.dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(field.stored(chunk))}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": "NaN" if is_float and math.isnan(field.fill) else field.fill,
            "codecs": [{"name": "bytes"} | endian],
            "attributes": dict(field.attributes or {}),
            "dimension_names": list(field.stored((*self.dims, *(field.dims or (None for _ in field.trailing))))),
            "storage_transformers": [],
        }

    def to_json(self) -> dict[str, Any]:
        """What `from_json` needs to make the same layout again."""
        fields = {
            name: [
                field.dtype,
                list(field.trailing),
                None if math.isnan(field.fill) else field.fill,
                *([list(field.order)] if field.order else []),
            ]
            for name, field in self.fields.items()
        }
        return {"shape": list(self.shape), "extent": list(self.extent), "fields": fields, "dims": list(self.dims)}

    @classmethod
    def from_json(cls, made: Mapping[str, Any]) -> Layout:
        """The layout that `to_json` was made of, without what is said about the arrays."""
        fields = {
            name: Field(dtype, tuple(trailing), math.nan if fill is None else fill, order=tuple(*order))
            for name, (dtype, trailing, fill, *order) in made["fields"].items()
        }
        layout = cls(tuple(made["shape"]), tuple(made["extent"]), fields, tuple(made["dims"]))
        _check(layout)
        return layout


def _check(layout: Layout) -> None:
    """Refuse what `to_json` has not made: names become those of files, and lengths become memory.

    Raises
    ------
    ValueError
        Something makes no sense.
    """
    lengths = [*layout.shape, *(n for field in layout.fields.values() for n in field.trailing)]
    if not all(type(n) is int and 0 <= n < 2**63 for n in (*lengths, *layout.extent)) or 0 in layout.extent:
        raise ValueError("its shapes are no lengths")
    if not len(layout.shape) == len(layout.extent) == len(layout.dims) or math.prod(layout.counts) > MOST_BLOCKS:
        raise ValueError("its blocks do not fit its shape")
    for name, field in layout.fields.items():
        if not name.isidentifier() or np.dtype(field.dtype).kind not in "biuf":
            raise ValueError(f"{name!r} is no name of an array of numbers")
        np.full((), field.fill, field.dtype)


def extent_of(plan: Plan, chunks: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Lengths of the blocks of a store for a plan: one length along each axis.

    A plan may cut blocks of unequal lengths where it divides chunks of the source; here the length divides the chunk
    if there is one of at least half the planned length that does, so that no chunk is read for two blocks in vain.

    Examples
    --------
    >>> from manyfit.blocks import plan
    >>> extent_of(plan((10, 64), bytes_per_element=1, chunks=(1, 64), max_elements=25), (1, 64))
    (1, 16)
    """
    if not plan.blocks:
        return tuple(max(1, n) for n in plan.shape)
    planned = plan.blocks[0].shape
    if chunks is None:
        return planned
    return tuple(_dividing(length, chunk) for length, chunk in zip(planned, chunks, strict=True))


def _dividing(length: int, chunk: int) -> int:
    """The largest length that divides the chunk, unless it is below half of what was planned."""
    if length >= chunk:
        return length
    return next((n for n in range(length, length // 2, -1) if chunk % n == 0), length)

"""What tells the data of one fit from those of another, without reading all of a large file."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._aligned import Aligned
from ._grid import Grid
from ._mapped import MappedFile
from ._remote import RemoteFile
from ._source import Memory, Source
from ._start import PerParameter
from ._weights import Weighting
from ._world import ArrayCoordinates

#: A file up to this size is read whole; of a larger one, this many pieces of this size, evenly spread.
WHOLE, PIECES, PIECE = 64 * 2**20, 256, 4096
#: Of what is stored in chunks, this many rows along the last axis.
ROWS = 16
#: Before the values in a FITS file: the header that says what they mean.
HEADER = 64 * 1024


def digest(values: NDArray[Any]) -> str:
    """A digest of the values of an array in memory.

    Examples
    --------
    >>> digest(np.zeros(3)) == digest(np.zeros((1, 6))[:, ::2].reshape(3))
    True
    """
    made = hashlib.sha256()
    for part in values if values.ndim > 1 else [values]:  # a copy of one slab at most
        made.update(np.ascontiguousarray(part).data.cast("B") if part.size else b"")
    return made.hexdigest()[:32]


def source_print(source: Source) -> dict[str, Any]:
    """Shape, type and content of a source: all of it in memory, samples of files and of what is in chunks.

    Neither name nor time of a file count, so that a copy, or a file that was downloaded again, is the same.
    """
    known: dict[str, Any] = {"shape": list(source.shape), "dtype": source.dtype.str}
    if isinstance(source, MappedFile | RemoteFile):
        return known | _file_print(source)
    if isinstance(source, Memory):
        return known | {"content": digest(source.array)}
    return known | {"samples": _joined(digest(source.read(row)) for row in _rows(source.shape))}


def _file_print(source: MappedFile | RemoteFile) -> dict[str, Any]:
    size, length = source.dtype.itemsize * math.prod(source.shape), source.file_size()
    first = max(0, source.offset - HEADER)
    begins = [(source.offset + start, count) for start, count in _pieces(size)]
    pieces = [(begin, min(count, length - begin)) for begin, count in begins]
    before, *samples = source.bytes_at([(first, source.offset - first), *pieces])
    made = hashlib.sha256()
    for sample in samples:
        made.update(sample)
    header, order = _joined([first and "", before.hex()]), getattr(source, "order", "C")
    return {"file size": length, "header": header, "order": order, "samples": made.hexdigest()[:32]}


def path_print(path: str | Path) -> dict[str, Any]:
    """Size and content of a file of any kind: all of a small one, samples of a large one; neither name nor time."""
    made = hashlib.sha256()
    with Path(path).open("rb") as stream:
        length = os.fstat(stream.fileno()).st_size
        for start, piece in _pieces(length):
            stream.seek(start)
            made.update(stream.read(piece))
    return {"file size": length, "samples": made.hexdigest()[:32]}


def _pieces(size: int) -> Iterator[tuple[int, int]]:
    """Start and length of the pieces that are read; the first and the last byte are among them."""
    if size <= WHOLE:
        yield from ((start, PIECE * PIECES) for start in range(0, size, PIECE * PIECES))
    else:
        yield from ((int(start), PIECE) for start in np.linspace(0, size - PIECE, PIECES))


def _rows(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Rows along the last axis, evenly spread."""
    count = math.prod(shape[:-1])
    for flat in sorted({int(i) for i in np.linspace(0, count - 1, ROWS)}) if 0 not in shape else ():
        place = np.unravel_index(flat, shape[:-1]) if len(shape) > 1 else ()
        yield (*(slice(int(i), int(i) + 1) for i in place), *(slice(0, n) for n in shape[-1:]))


def aligned_print(array: Aligned) -> dict[str, Any]:
    """An array and how it lies along the data."""
    return {**source_print(array.source), "along axes": list(array.places)}


def weighting_print(weighting: Weighting | None) -> dict[str, Any] | None:
    """Uncertainties or weights."""
    if weighting is None:
        return None
    return {**aligned_print(weighting.values), "meaning": weighting.meaning, "scale": weighting.scale}


def grid_print(grid: Grid) -> Any:
    """Coordinates: their values, or of a WCS in which elements differ those of the first and last element."""
    if grid.shared is not None:
        return digest(grid.shared)
    inner = grid.coordinates
    if isinstance(inner, ArrayCoordinates):
        return [aligned_print(array) for array in inner.arrays]
    shape = tuple(inner.axes.shape[axis] for axis in inner.axes.iterating)
    if 0 in shape:
        return None
    ends = [tuple(slice(0, 1) for _ in shape), tuple(slice(n - 1, n) for n in shape)]
    return _joined(digest(grid.read(end)) for end in ends)


def parameters_print(values: PerParameter, names: tuple[str, ...]) -> dict[str, Any]:
    """Numbers as they are, maps as digests."""
    return {name: _number(array) for name, array in zip(names, values.arrays, strict=True)}


def _number(array: NDArray[np.float64]) -> float | str:
    if array.size != 1:
        return f"{list(array.shape)} {digest(array)}"
    value = float(array.item())
    return value if math.isfinite(value) else repr(value)


def _joined(parts: Any) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:32]

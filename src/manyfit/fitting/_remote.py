"""An array in a remote file, read by ranges of bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._mapped import _first_whole, _places
from ._place import Connection

#: Longest range of one request, bytes: longer ones are divided, so that they travel side by side.
MOST = 8 * 2**20
#: Gaps between two pieces up to this are read rather than skipped, if they are no longer than a piece.
GAP = 128 * 1024
#: Gaps up to this are always read.
NEAR = 4096


@dataclass(frozen=True)
class Range:
    """One request: bytes of a file, and which of them go where.

    Attributes
    ----------
    begin, end
        In the file.
    pieces
        (place in the file, place in the result, length).
    """

    begin: int
    end: int
    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class RemoteFile:
    """An array in C order in a file that fsspec reaches.

    Attributes
    ----------
    connection
        Reaches the file.
    url
        Where it is, for people.
    offset
        Where the values begin, in bytes.
    shape, dtype
        Of the array.
    """

    connection: Connection
    url: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def chunks(self) -> None:
        """A slice of any shape can be read."""
        return None

    @property
    def waits(self) -> bool:
        """Most of the time is spent waiting for a network."""
        return True

    def read(self, slices: tuple[slice, ...]) -> NDArray[Any]:
        """A part of the array, each slice with start and stop and without a step."""
        axis = _first_whole(self.shape, slices)
        piece = self.dtype.itemsize * math.prod(s.stop - s.start for s in slices[axis:])
        part = np.empty([s.stop - s.start for s in slices], self.dtype)
        if part.size == 0:
            return part
        starts = _places(self.shape, slices, axis) * self.dtype.itemsize + self.offset
        ranges = coalesced(starts.tolist(), piece)
        flat = part.reshape(-1).view(np.uint8)
        for one, content in zip(ranges, self._fetch([(r.begin, r.end) for r in ranges]), strict=True):
            got = np.frombuffer(content, np.uint8)
            for place, target, length in one.pieces:
                flat[target : target + length] = got[place - one.begin : place - one.begin + length]
        return part

    def bytes_at(self, pieces: Iterable[tuple[int, int]]) -> list[bytes]:
        """Some pieces of the file, given by start and length."""
        return self._fetch([(start, start + length) for start, length in pieces])

    def file_size(self) -> int:
        """Bytes of the file."""
        system, path = self.connection()
        system.invalidate_cache()
        return int(system.info(path)["size"])

    def _fetch(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        system, path = self.connection()
        begins, ends = [begin for begin, _ in spans], [end for _, end in spans]
        got = system.cat_ranges([path] * len(spans), begins, ends, on_error="return")
        for begin, end, content in zip(begins, ends, got, strict=True):
            if isinstance(content, BaseException) or len(content) != end - begin:
                raise self._error(begin, end, content) from (content if isinstance(content, BaseException) else None)
        return list(got)

    def _error(self, begin: int, end: int, content: bytes | BaseException) -> Exception:
        """Why bytes could not be read: the file became shorter, or its server fails."""
        which = f"bytes {begin} to {end - 1} of {self.url!r}"
        try:
            size = self.file_size()
        except FileNotFoundError:
            return InputError(f"{which} are not there any more: the file was removed while it was read.")
        except Exception as error:  # noqa: BLE001 - whatever a file system of fsspec raises
            return OSError(f"{which} could not be read ({type(error).__name__}: {error}). Repeat the call.")
        if size < end:
            return InputError(
                f"{which} are not there: the file became shorter while it was read. Copy or upload it again."
            )
        if isinstance(content, BaseException):
            return OSError(f"{which} could not be read ({type(content).__name__}: {content}). Repeat the call.")
        return OSError(f"{which} were asked for and {len(content)} bytes came. Does the server know ranges?")


def coalesced(starts: Sequence[int], piece: int) -> list[Range]:
    """The requests for pieces of equal length in ascending order: near ones together, long ones divided.

    Examples
    --------
    >>> [(r.begin, r.end) for r in coalesced([0, 100, 10**6], 50)]
    [(0, 150), (1000000, 1000050)]
    """
    limit = max(NEAR, min(piece, GAP))
    found: list[Range] = []
    for i, start in enumerate(starts):
        for cut in range(0, piece, MOST):
            length = min(MOST, piece - cut)
            begin, end, which = start + cut, start + cut + length, (start + cut, i * piece + cut, length)
            last = found[-1] if found else None
            if last is not None and begin - last.end <= limit and end - last.begin <= MOST:
                found[-1] = Range(last.begin, end, (*last.pieces, which))
            else:
                found.append(Range(begin, end, (which,)))
    return found

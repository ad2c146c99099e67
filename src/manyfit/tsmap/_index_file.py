"""The file of a response index: rows, then tables, then a header, then a footer that says where they are.

Rows come first and the footer last, so that a file that was cut off has no footer. Tables and header have a SHA-256,
each row a checksum of its own that is verified whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = b"MFINDEX1"
FOOTER = struct.Struct("<QQ32s8s")  # start of the tables, start of the header, SHA-256 of both, magic
SAMPLES, SAMPLE = 64, 1 << 16  # places of the source that are read for its digest, and bytes at each
EDGE = 1 << 20  # bytes at each end of the source that are read for it


class UnusableIndex(Exception):
    """An index that must be built anew; the text says why."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells one source file from another.

    Attributes
    ----------
    size, modified
        Bytes, and the time of the last change in ns.
    sampled
        SHA-256 of both ends and of 64 places between them.
    """

    size: int
    modified: int
    sampled: str

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """The fingerprint of a file; at most 6 MB of it are read."""
        facts = path.stat()
        digest = hashlib.sha256()
        places = np.linspace(0, max(0, facts.st_size - SAMPLE), SAMPLES).astype(int)
        with path.open("rb") as file:
            digest.update(file.read(EDGE))
            for place in [*places.tolist(), max(0, facts.st_size - EDGE)]:
                file.seek(place)
                digest.update(file.read(SAMPLE if place != max(0, facts.st_size - EDGE) else EDGE))
        return cls(facts.st_size, facts.st_mtime_ns, digest.hexdigest())


@dataclass(frozen=True, eq=False)
class IndexTables:
    """What an index holds besides its rows.

    Attributes
    ----------
    source
        Fingerprint of the response.
    sha256
        SHA-256 of the whole response, which decides if only the time of change differs.
    starts, lengths
        Places of the rows in the file, (channel, bin of Phi and PsiChi); the last channel is the sum over the others.
    sums
        Stored numbers summed over (Phi, PsiChi), (NuLambda, Ei, Em).
    seconds
        How long it took to build.
    """

    source: Fingerprint
    sha256: str
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    sums: NDArray[np.float64]
    seconds: float


def write_tables(file: BinaryIO, tables: IndexTables) -> None:
    """Write tables, header and footer after the rows."""
    begin = file.tell()
    body = tables.starts.tobytes() + tables.lengths.tobytes() + tables.sums.tobytes()
    header = {
        "source": asdict(tables.source),
        "sha256": tables.sha256,
        "rows": tables.starts.shape,
        "sums": tables.sums.shape,
        "seconds": tables.seconds,
    }
    text = json.dumps(header).encode()
    digest = hashlib.sha256(body + text).digest()
    file.write(body + text + FOOTER.pack(begin, begin + len(body), digest, MAGIC))


def read_tables(path: Path) -> IndexTables:
    """Read tables and header.

    Raises
    ------
    UnusableIndex
        The file is cut off, damaged, or of another version.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if size < FOOTER.size or file.read(len(MAGIC)) != MAGIC:
            raise UnusableIndex("it is not an index of this version")
        file.seek(size - FOOTER.size)
        begin, middle, digest, magic = FOOTER.unpack(file.read(FOOTER.size))
        if magic != MAGIC or not begin <= middle <= size:
            raise UnusableIndex("it is cut off")
        file.seek(begin)
        body, text = file.read(middle - begin), file.read(size - FOOTER.size - middle)
    if hashlib.sha256(body + text).digest() != digest:
        raise UnusableIndex("its tables are damaged")
    return _tables(body, json.loads(text))


def _tables(body: bytes, header: dict[str, Any]) -> IndexTables:
    rows, sums = tuple(header["rows"]), tuple(header["sums"])
    count = int(np.prod(rows))
    return IndexTables(
        Fingerprint(**header["source"]),
        str(header["sha256"]),
        np.frombuffer(body, np.int64, count).reshape(rows),
        np.frombuffer(body, np.int32, count, 8 * count).reshape(rows),
        np.frombuffer(body, np.float64, offset=12 * count).reshape(sums),
        float(header["seconds"]),
    )


def check_source(tables: IndexTables, path: Path) -> None:
    """Refuse an index of another file, or of an earlier version of it.

    A file with another time of change and the same size, such as a copy, is read whole and compared.

    Raises
    ------
    UnusableIndex
        The source differs.
    """
    now = Fingerprint.of(path)
    if (now.size, now.sampled) != (tables.source.size, tables.source.sampled):
        raise UnusableIndex(f"{path.name} has changed since it was built")
    if now.modified != tables.source.modified and whole_digest(path) != tables.sha256:
        raise UnusableIndex(f"{path.name} has changed since it was built")


def whole_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A look at the headers of a FITS file before astropy reads them: it counts to whatever number they say."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import BinaryIO

from .errors import InputError

CARD, BLOCK = 80, 2880
#: The FITS standard allows this many axes, and columns of a table.
MOST = 999
COUNT = re.compile("NAXIS|TFIELDS|ZNAXIS|ZTFIELDS|WCSAXES|WCSAXE[A-Z]|WCAX[0-9]+[A-Z]?")
#: Bytes of a header, which has an end card.
LONGEST = 64 * 2**20
INTEGER = re.compile(rb"([A-Z][A-Z0-9]{0,7}) *= *([-+]?[0-9.]+(?:[EeDd][-+]?[0-9]+)?)")


def check_headers(file: Path | BinaryIO, name: object) -> None:
    """Refuse a file whose headers say that there are more axes or columns than the standard allows.

    Parameters
    ----------
    file
        Its path, or a stream, which is left where it begins.
    name
        For the message.

    Raises
    ------
    InputError
        Astropy would count for hours.
    """
    if isinstance(file, Path):
        with file.open("rb") as stream:
            _check(stream, name)
        return
    _check(file, name)
    file.seek(0)


def _check(stream: BinaryIO, name: object) -> None:
    at = 0
    while (header := _header(stream, name)) is not None:
        numbers = _numbers(header)
        for key, value in numbers.items():
            if COUNT.fullmatch(key) and not -MOST <= value <= MOST:
                raise InputError(f"{str(name)!r} is no FITS file: {key} is {value:g}, and {MOST} is the most.")
        at += len(header) + _size(numbers)
        stream.seek(at)


def _header(stream: BinaryIO, name: object) -> bytes | None:
    """The header that begins here, None if it has no end."""
    blocks: list[bytes] = []
    while len(block := stream.read(BLOCK)) == BLOCK:
        blocks.append(block)
        if any(block.startswith(b"END     ", i) for i in range(0, BLOCK, CARD)):
            return b"".join(blocks)
        if len(blocks) * BLOCK > LONGEST:
            raise InputError(f"{str(name)!r} is no FITS file: a header has no end in {LONGEST:,} bytes.")
    return None


def _numbers(header: bytes) -> dict[str, float]:
    found = {}
    for i in range(0, len(header), CARD):
        if card := INTEGER.match(header, i, i + CARD):
            try:
                found[card[1].decode()] = float(card[2].upper().replace(b"D", b"E"))
            except ValueError:
                continue
    return found


def _size(numbers: dict[str, float]) -> int:
    """Bytes of the data behind a header."""
    lengths = [numbers.get(f"NAXIS{i + 1}", 0.0) for i in range(int(abs(numbers.get("NAXIS", 0))))]
    values = math.prod(lengths[1:] if lengths[:1] == [0] else lengths) if lengths else 0.0
    size = abs(numbers.get("BITPIX", 8)) / 8 * numbers.get("GCOUNT", 1) * (numbers.get("PCOUNT", 0) + values)
    if not 0 <= size < 2**62:
        return 2**62
    return -(-int(size) // BLOCK) * BLOCK

"""What the user calls a file: a path or a URL, and in brackets which of several arrays in it is meant."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import InputError

BRACKETS = re.compile(r"^(?P<name>.+)\[(?P<inside>[^\[\]]+)\]$")
#: Bytes that are asked for when a remote file is opened.
PAGE = 64 * 1024
#: The same where it is read from begin to end.
LONG = 8 * 2**20
ZARR = ("zarr.json", ".zarray", ".zgroup")


@dataclass(frozen=True)
class Place:
    """A file or folder, here or where fsspec reaches.

    Attributes
    ----------
    name
        Path or URL.
    inside
        Name or number of what is meant in it, or None.
    """

    name: str
    inside: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it is a URL."""
        return "://" in self.name

    def is_folder(self) -> bool:
        """Whether it is a folder, or a zarr store of which there are only objects."""
        if not self.is_remote:
            return Path(self.name).is_dir()
        system, path = self.system()
        return any(system.exists(f"{path.rstrip('/')}/{name}") for name in ZARR)

    def open(self, *, in_order: bool = False) -> BinaryIO:
        """The file as a stream of bytes; a remote one is read page by page, or from begin to end by one request."""
        if not self.is_remote:
            return Path(self.name).open("rb")
        system, path = self.system()
        streams = in_order and "http" in str(system.protocol)
        return cast("BinaryIO", system.open(path, "rb", block_size=0 if streams else LONG if in_order else PAGE))

    def head(self, n: int = 8) -> bytes:
        """The first bytes of the file."""
        with self.open() as stream:
            return stream.read(n)

    def version(self) -> str | None:
        """What changes with the content of a remote file, such as an ETag; None if its server does not say."""
        system, path = self.system()
        told = system.info(path)
        marks = [str(told[key]) for key in ("ETag", "etag", "LastModified", "mtime", "created") if told.get(key)]
        return "|".join([self.name, str(told.get("size")), *marks]) if marks else None

    def system(self) -> tuple[Any, str]:
        """The file system of a URL, and the path in it."""
        from fsspec.core import url_to_fs

        try:
            system, path = url_to_fs(self.name)
        except (ValueError, ImportError) as error:
            raise InputError(
                f'{self.name!r} cannot be reached: {error}. For https:// and s3://: pip install "manyfit[remote]".'
            ) from error
        return system, str(path)


class Connection:
    """The file system of a URL and the path in it, found once in each process; pickled as what is to be found.

    fsspec itself would make a file system, with connections of its own, for each thread.
    """

    def __init__(self, url: str) -> None:
        self._url, self._pid = url, 0
        self._found: tuple[Any, str] | None = None

    def __call__(self) -> tuple[Any, str]:
        """File system and path."""
        if self._found is None or self._pid != os.getpid():
            self._found, self._pid = Place(self._url).system(), os.getpid()
        return self._found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __reduce__(self) -> tuple[type[Connection], tuple[str]]:
        return (Connection, (self._url,))


def place_of(data: str | Path) -> Place:
    """A place from what the user gave; a file whose own name ends in brackets is a file.

    Examples
    --------
    >>> place_of("cube.fits[ERR]")
    Place(name='cube.fits', inside='ERR')
    >>> place_of("s3://survey/cube.h5[spectra/flux]").name
    's3://survey/cube.h5'
    """
    text = str(data).removeprefix("file://")
    remote = "://" in text
    name = text if remote else str(Path(text).expanduser())
    match = None if not remote and Path(name).exists() else BRACKETS.match(name)
    return Place(match["name"], match["inside"]) if match else Place(name)


def check_there(place: Place, what: str) -> None:
    """Refuse a local file that is not there."""
    if not place.is_remote and not Path(place.name).exists():
        raise FileNotFoundError(f"{what}: there is no file {place.name!r}. Check the name and the folder.")

"""Small objects by name, each written whole: in a folder, or wherever fsspec reaches."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from manyfit.errors import InputError

#: Folder for objects that are being written; a killed run may leave some there.
PARTS = "parts"


class Objects(Protocol):
    """Objects by name, such as ``values/c.0.1``. Safe in threads; can be pickled.

    A reader finds an object whole or not at all, whatever becomes of its writer.
    """

    @property
    def place(self) -> str:
        """Where they are, for people."""

    @property
    def may_tear(self) -> bool:
        """Whether an object may be damaged after a loss of power."""

    def get(self, name: str) -> bytes | None:
        """What an object holds, None if there is none."""

    def put(self, name: str, content: bytes) -> None:
        """Write an object, or replace it."""

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Write several objects, in any order."""

    def create(self, name: str, content: bytes) -> bool:
        """Write an object unless there is one; whether it was written."""

    def exists(self, name: str) -> bool:
        """Whether there is such an object."""

    def names(self, folder: str = "") -> list[str]:
        """Names of the objects and folders directly in a folder, without its own name."""

    def tidy(self) -> None:
        """Remove what killed runs left half written."""


@dataclass(frozen=True)
class Folder:
    """Objects as files of a folder."""

    path: Path

    @property
    def place(self) -> str:
        """Path of the folder."""
        return str(self.path)

    @property
    def may_tear(self) -> bool:
        """Files are not forced to the disk one by one: that would take as long as the fit."""
        return True

    def get(self, name: str) -> bytes | None:
        """The bytes of a file."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes) -> None:
        """Write beside, then rename."""
        self._place(name, content, os.replace)

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """One after the other."""
        for name, content in contents.items():
            self.put(name, content)

    def create(self, name: str, content: bytes) -> bool:
        """Write beside, then link, which fails if there is a file."""
        try:
            self._place(name, content, os.link)
        except FileExistsError:
            return False
        return True

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.path / name).exists()

    def names(self, folder: str = "") -> list[str]:
        """What is in a folder."""
        try:
            return [entry.name for entry in os.scandir(self.path / folder)]
        except FileNotFoundError:
            return []

    def tidy(self) -> None:
        """Remove the folder of half-written files."""
        shutil.rmtree(self.path / PARTS, ignore_errors=True)

    def __getstate__(self) -> dict[str, Any]:
        """A worker may have another current folder."""
        return {"path": self.path.absolute()}

    def _place(self, name: str, content: bytes, move: Any) -> None:
        path, part = self.path / name, self.path / PARTS / uuid4().hex
        self._check_within(path, part)
        try:
            _write(part, content)
            try:
                move(part, path)
            except FileNotFoundError:  # the first of its folder
                path.parent.mkdir(parents=True, exist_ok=True)
                move(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        if move is os.link:
            part.unlink()

    def _check_within(self, *paths: Path) -> None:
        """Refuse to write outside of the folder: a link in a folder of someone else may lead anywhere."""
        root = os.path.realpath(self.path)
        for path in paths:
            if not Path(os.path.realpath(path.parent)).is_relative_to(root):
                raise InputError(f"{str(path)!r} leads out of {str(self.path)!r}: nothing is written there.")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@dataclass(frozen=True)
class Bucket:
    """Objects of a URL that fsspec knows, such as ``s3://bucket/fit.zarr``, each written by one request.

    Attributes
    ----------
    url
        Where they are.
    """

    url: str

    @property
    def place(self) -> str:
        """The URL."""
        return self.url

    @property
    def may_tear(self) -> bool:
        """An object store keeps what it has acknowledged."""
        return False

    def get(self, name: str) -> bytes | None:
        """The bytes of an object: one request, as a range, because s3fs asks for the length of a whole one first."""
        try:
            with self._named():
                content: bytes = self._system.cat_file(self._path(name), start=0)
        except FileNotFoundError:
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        """One request."""
        with self._named():
            self._system.pipe_file(self._path(name), content)

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """One request for each, side by side: together they take hardly longer than one."""
        with self._named():
            self._system.pipe({self._path(name): content for name, content in contents.items()})

    def create(self, name: str, content: bytes) -> bool:
        """A look, then one request, which is conditional where the system knows that (S3: If-None-Match)."""
        if self.exists(name):
            return False
        try:
            with self._named():
                self._system.pipe_file(self._path(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    def exists(self, name: str) -> bool:
        """Whether there is such an object: all that are asked for are small."""
        return self.get(name) is not None

    def names(self, folder: str = "") -> list[str]:
        """What is under a prefix."""
        self._system.invalidate_cache()
        try:
            with self._named():
                entries = self._system.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        return [str(entry).rstrip("/").rpartition("/")[2] for entry in entries]

    def tidy(self) -> None:
        """Nothing is left half written."""

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors as those of files, with the URL: what a file system of fsspec raises says little."""
        try:
            yield
        except OSError as error:
            raise type(error)(f"{self.url!r}: {error}") from error
        except Exception as error:
            raise OSError(f"{self.url!r}: {type(error).__name__}: {error}") from error

    @cached_property
    def _found(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.url)
        return system, root.rstrip("/")

    @property
    def _system(self) -> Any:
        return self._found[0]

    def _path(self, name: str) -> str:
        return f"{self._found[1]}/{name}".rstrip("/")

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}


def objects_at(place: str | Path) -> Objects:
    """The objects of a path or URL.

    Examples
    --------
    >>> objects_at("fit.zarr").place, objects_at("memory://fit.zarr").place
    ('fit.zarr', 'memory://fit.zarr')
    """
    text = str(place).rstrip("/")
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    return Bucket(text) if "://" in text else Folder(Path(text).expanduser())

"""The folder of a pipeline: products, each with a note of what it is, and the index of them."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from manyfit.errors import InputError
from manyfit.fitting._atomic import replacing

from ._canonical import canonical
from ._configured import configured
from ._files import content_digest
from ._index import Entry, Index

#: Environment variable with the folder; luigi.cfg may give it too, as ``folder`` in section ``[manyfit]``.
VARIABLE = "MANYFIT_FOLDER"
#: Folder used if none is given.
DEFAULT = "manyfit_products"
#: End of the name of the note beside a product. It is written last: a product without a note does not count.
NOTE = ".note"


@dataclass(frozen=True)
class Workspace:
    """A folder of products.

    Parameters
    ----------
    folder
        It is made when something is written.

    Examples
    --------
    >>> Workspace(Path("products")).product("Train", "0123456789abcdef0123", ".npz").as_posix()
    'products/Train/0123456789abcdef.npz'
    """

    folder: Path

    @classmethod
    def current(cls) -> Workspace:
        """That of the environment variable MANYFIT_FOLDER, of luigi.cfg, or ``manyfit_products``."""
        return cls(Path(configured("folder", DEFAULT)).absolute())

    @cached_property
    def index(self) -> Index:
        """The index; made again from the notes if it is lost."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return Index.open(self.folder / "index.sqlite", self.noted)
        except OSError as error:
            raise InputError(f"The folder of products {str(self.folder)!r} cannot be written: {error}.") from error

    def product(self, task: str, identity: str, suffix: str) -> Path:
        """Where the product of a task is."""
        return self.folder / task / f"{identity[:16]}{suffix}"

    def noted(self) -> Iterator[Entry]:
        """All products that have a note."""
        for path in sorted(self.folder.glob(f"*/*{NOTE}")):
            try:
                said = json.loads(path.read_text())
                yield Entry(**(said | {"parents": tuple(said["parents"])}))
            except (ValueError, TypeError, KeyError):
                continue  # no note of ours

    def is_done(self, identity: str) -> bool:
        """Whether there is a product of this identity, of the size that it was written with."""
        entry = self.index.entry(identity)
        if entry is None or entry.status != "done" or entry.path is None:
            return False
        try:
            return (self.folder / entry.path).stat().st_size == entry.size
        except FileNotFoundError:
            return False

    def verify(self, identity: str) -> bool:
        """Whether the product of an identity has the digest that it was written with."""
        entry = self.index.entry(identity)
        return (
            entry is not None
            and entry.path is not None
            and self.is_done(identity)
            and content_digest(self.folder / entry.path) == entry.digest
        )

    @contextmanager
    def writing(self, task: str, identity: str, suffix: str) -> Iterator[Path]:
        """A path to write a product to; it takes its place when all is written, and nothing is left on an error."""
        product = self.product(task, identity, suffix)
        product.parent.mkdir(parents=True, exist_ok=True)
        part = product.with_name(f".{product.stem}.{os.getpid()}.part{suffix}")
        try:
            yield part
            _sync(part)
            part.replace(product)
        finally:
            part.unlink(missing_ok=True)

    def commit(self, identity: str, record: Mapping[str, Any], path: Path, *, started: float, seconds: float) -> None:
        """Say that a product is done: from here on it counts."""
        entry = replace(
            _entry(identity, record, started, seconds),
            path=path.relative_to(self.folder).as_posix(),
            digest=content_digest(path),
            size=path.stat().st_size,
        )
        with replacing(path.with_name(f"{path.name}{NOTE}"), overwrite=True) as note:
            note.write(json.dumps(asdict(entry), indent=1).encode())
        self.index.put([entry])

    def failed(self, identity: str, record: Mapping[str, Any], *, started: float, seconds: float) -> None:
        """Keep the traceback of the exception that is being handled."""
        entry = _entry(identity, record, started, seconds)
        self.index.put([replace(entry, status="failed", error=traceback.format_exc())])

    @contextmanager
    def claim(self, identity: str) -> Iterator[None]:
        """Hold one identity: another process that wants it waits; a process that dies holds nothing."""
        from filelock import FileLock

        locks = self.folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{identity[:16]}.lock"):
            yield


def _entry(identity: str, record: Mapping[str, Any], started: float, seconds: float) -> Entry:
    """What the index says of a task that is done, but for its product."""
    parents = tuple(sorted(set(record["requires"].values())))
    return Entry(identity, record["task"], "done", None, None, None, started, seconds, None, canonical(record), parents)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

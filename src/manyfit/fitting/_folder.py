"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from manyfit.errors import InputError, OutputExists
from manyfit.fitting._atomic import check_output


def check_folder(path: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Refuse a folder of output that cannot be written, before there is anything to write.

    Parameters
    ----------
    path
        The folder; it may be there already.
    names
        What is to be written into it.
    overwrite
        Whether these may be there already.

    Raises
    ------
    OutputExists
        One of them is there already and `overwrite` is not set.
    InputError
        There is something at `path` that is no folder.
    FileNotFoundError, PermissionError
        The folder above is not there, or cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{str(path)!r} is a file. Give the name of a folder.")
    there = [name for name in names if (path / name).exists()]
    if there and not overwrite:
        raise OutputExists(
            f"{str(path)!r} has {', '.join(there)} already. Give another folder, or overwrite=True (--overwrite)."
        )
    check_output(path / "file" if path.is_dir() else path, overwrite=True)


@contextmanager
def filling(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """An empty folder to write to, whose content takes its place in `path` when all is written.

    On an error nothing of it is left. What else is in `path` stays.

    Parameters
    ----------
    path
        Where the content is to be.
    overwrite
        Whether parts of the same names may be there already.

    Raises
    ------
    OutputExists
        Something of the same name is there and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with filling(Path(folder) / "out") as part:
    ...         _ = (part / "a.txt").write_text("whole")
    ...     (Path(folder) / "out" / "a.txt").read_text()
    'whole'
    """
    part = (path if path.is_dir() else path.parent) / f".manyfit.{uuid4().hex[:8]}.part"  # on the same disk
    part.mkdir()
    try:
        yield part
        check_folder(path, [entry.name for entry in part.iterdir()], overwrite=overwrite)
        path.mkdir(exist_ok=True)
        for entry in part.iterdir():
            _swap(entry, path / entry.name)
    except OSError as error:
        if error.errno is not None or isinstance(error, OutputExists) or str(path) in str(error):
            raise
        raise OSError(f"{str(path)!r} could not be written ({error}). Is the disk full?") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Move a file or folder to its place; what was there is removed after it."""
    if not place.is_dir():
        new.replace(place)
        return
    old = place.with_name(f".{place.name}.{uuid4().hex[:8]}.old")
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)

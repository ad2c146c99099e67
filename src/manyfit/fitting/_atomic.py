"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ..errors import OutputExists


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that cannot be written, before there is anything to write.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    FileNotFoundError, PermissionError
        There is no such folder, or it cannot be written.
    """
    if path.exists() and not overwrite:
        raise OutputExists(f"{str(path)!r} exists. Give another name, or overwrite=True (--overwrite).")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r} for {path.name!r}. Make it first.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"The folder {str(path.parent)!r} cannot be written. Give another one.")


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when all is written; on an error nothing is left.

    Parameters
    ----------
    path
        Where the file is to be.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as file:
    ...         _ = file.write(b"whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    check_output(path, overwrite=overwrite)
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno is not None:
            raise
        # NumPy says how much was written, not why it stopped
        raise OSError(f"{str(path)!r} could not be written ({error}). Is the disk full?") from error
    finally:
        part.unlink(missing_ok=True)

"""Opening HDF5 files: with the plugin for Bitshuffle and LZ4 where there is one, and errors that name the file."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

from manyfit._foreign import foreign
from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output
from manyfit.fitting._hdf5_links import check_within

INSTALL = 'Install it with: pip install "manyfit[tsmap]"'
BITSHUFFLE = 32008  # registered number of the filter


@contextlib.contextmanager
def opened(path: str | Path) -> Generator[Any]:
    """An HDF5 file to read.

    Raises
    ------
    InputError
        h5py is not installed, or the file is not an HDF5 file or is damaged.
    FileNotFoundError
        There is no such file.
    """
    h5py = _h5py()
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read as an HDF5 file: {error}.") from None
    with file:
        with foreign(path):
            check_within(file)
        yield file


@contextlib.contextmanager
def created(path: str | Path, *, overwrite: bool) -> Generator[Any]:
    """An HDF5 file to write, which takes the place of `path` when all is written; on an error nothing is left.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    """
    h5py = _h5py()
    path = Path(path)
    check_output(path, overwrite=overwrite)
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        with h5py.File(part, "w") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def needs_plugin(dataset: Any) -> None:
    """Make the filter of a dataset known to HDF5.

    Raises
    ------
    InputError
        The dataset is compressed by a filter that is not installed.
    """
    import h5py

    made = dataset.id.get_create_plist()
    filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401
    for number in sorted(filters):
        if not h5py.h5z.filter_avail(number):
            name = "Bitshuffle + LZ4" if number == BITSHUFFLE else f"HDF5 filter {number}"
            raise InputError(
                f"{dataset.file.filename!r}: {dataset.name} is compressed by {name}, which needs hdf5plugin. {INSTALL}"
            )


def member(group: Any, name: str, what: str) -> Any:
    """A dataset or group inside another one.

    Raises
    ------
    InputError
        There is none.
    """
    if hasattr(group, "dtype"):
        raise InputError(f"{group.file.filename!r} is not {what}: {group.name} is an array, not a group.")
    if name not in group:
        raise InputError(
            f"{group.file.filename!r} is not {what}: {group.name.rstrip('/')}/{name} is missing. "
            f"It has: {', '.join(group) or 'nothing'}."
        )
    return group[name]


def text(value: Any) -> str:
    """An attribute as a str: HDF5 has several kinds."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise InputError(f"Reading HDF5 files needs h5py. {INSTALL}") from None
    return h5py

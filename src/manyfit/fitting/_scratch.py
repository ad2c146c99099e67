"""Files that are made from others once, kept in one folder, and found again by what they were made from."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..kernels._cache import root
from ._atomic import replacing

#: Environment variable that names the folder.
VARIABLE = "MANYFIT_SCRATCH"

log = logging.getLogger("manyfit.scratch")


def folder() -> Path:
    """The folder: $MANYFIT_SCRATCH, else one beside the compiled kernels."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser() if given else root() / "scratch"


def kept(key: str, origin: str, write: Callable[[BinaryIO], None]) -> Path:
    """The file with this key, written first if there is none; it appears whole or not at all.

    Parameters
    ----------
    key
        What the content depends on, as a name.
    origin
        What it is made from, for people.
    write
        Writes it.

    Raises
    ------
    OSError
        The folder cannot be written, or has not the room.
    """
    path = folder() / f"{key}.fits"
    if path.is_file():
        log.info("%s is read from %s (%s).", origin, path, _size(path.stat().st_size))
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("%s is unpacked once, to %s.", origin, path)
    with replacing(path, overwrite=True) as file:
        write(file)
    log.info("%s has %s. It can be removed: manyfit scratch --yes.", path, _size(path.stat().st_size))
    return path


def check_room(need: int, origin: str) -> None:
    """Refuse to write what the disk has no room for.

    Raises
    ------
    OSError
        There is not enough room; ``errno`` is ENOSPC.
    """
    free = shutil.disk_usage(folder()).free
    if free < need:
        raise OSError(
            errno.ENOSPC,
            f"{origin} takes {_size(need)} unpacked and {str(folder())!r} has room for {_size(free)}. Make room, or "
            f"set {VARIABLE} to a folder on a larger disk",
        )


def files() -> list[Path]:
    """All files in the folder, those of killed runs too."""
    place = folder()
    found = [*place.glob("*.fits"), *place.glob(".*.fits.*.part")] if place.is_dir() else []
    return sorted(found)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"

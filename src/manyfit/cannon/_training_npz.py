"""Training sets in NumPy archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyfit.errors import InputError, ManyfitError

from ._mapped_npz import mapped


def read(path: Path) -> dict[str, Any]:
    """The arrays of the archive; those that are not compressed stay in the file.

    Raises
    ------
    InputError
        The archive is damaged or holds Python objects, which are not loaded.
    """
    try:
        return mapped(path)
    except ManyfitError:
        raise
    # damaged bytes make the readers of zip and npy raise anything
    except Exception as error:
        raise InputError(f"{str(path)!r} cannot be read as npz: it is damaged or truncated ({error}).") from error

"""Training sets as the pickled dictionary of SDSS Astra's tutorial; nothing in it is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyfit.errors import InputError

from ._pickles import read_pickle


def read(path: Path) -> dict[str, Any]:
    """The arrays of the dictionary.

    Raises
    ------
    InputError
        It is no dictionary by names, or holds anything but arrays and plain values.
    """
    content = read_pickle(path)
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError(f"{str(path)!r} holds a {type(content).__name__}; a dictionary of arrays by name is meant.")
    return content

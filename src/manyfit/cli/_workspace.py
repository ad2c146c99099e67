"""The folder of products that a command works in."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from manyfit.errors import InputError

if TYPE_CHECKING:
    from manyfit.pipeline import Workspace


def use(folder: Path | None) -> Workspace:
    """The folder that was given or configured; processes that this one starts use the same.

    Raises
    ------
    InputError
        luigi is not installed.
    """
    if find_spec("luigi") is None:
        raise InputError('Pipelines need luigi. Install it: python -m pip install "manyfit[pipeline]".')
    from manyfit.pipeline._workspace import VARIABLE, Workspace

    if folder is not None:
        os.environ[VARIABLE] = str(folder.absolute())
    return Workspace.current()

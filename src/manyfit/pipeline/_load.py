"""Workflow files: Python files whose tasks are built from the command line."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from manyfit.errors import InputError

from ._task import Task


def load(path: Path, files: list[Path] | None = None) -> list[Task]:
    """The tasks of a workflow file: those that its function ``workflow()`` returns, or its list ``tasks``.

    Parameters
    ----------
    path
        The workflow file.
    files
        Handed to ``workflow(files)``, for one that works on the files of a folder.

    Raises
    ------
    InputError
        There is no such file, it has an error, or it names no tasks.
    """
    module = _module(path)
    given = [] if files is None else [files]
    found = module.workflow(*given) if hasattr(module, "workflow") else getattr(module, "tasks", None)
    if found is None:
        raise InputError(
            f"{str(path)!r} names no tasks. Give it a function workflow() that returns them, or a list tasks."
        )
    listed = list(found) if isinstance(found, list | tuple) else [found]
    wrong = [item for item in listed if not isinstance(item, Task)]
    if wrong or not listed:
        raise InputError(
            f"{str(path)!r} gives {wrong[0] if wrong else 'an empty list'!r}, tasks of manyfit are needed."
        )
    return listed


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"There is no workflow file {str(path)!r}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{str(path)!r} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # classes of tasks are found by their module
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{str(path)!r} has an error at {_place(error, path)}: {error!r}") from error
    finally:
        sys.path.pop(0)
    return module


def _place(error: Exception, path: Path) -> str:
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == path.name
    ]
    number: Any = lines[-1] if lines else getattr(error, "lineno", "?")
    return f"line {number}"

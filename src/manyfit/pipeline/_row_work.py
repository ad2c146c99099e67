"""Values of many rows of one step: what a row requires for itself alone is computed in memory on the way."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from ._task import Task


def values_of(tasks: Sequence[Task], shared: Mapping[str, Any]) -> list[Any]:
    """Value of each task, or the exception that it ended with; one of them never stops the others.

    Parameters
    ----------
    tasks
        Tasks of one class.
    shared
        Values of what all rows require.
    """
    required = [_attempt(task.requires) for task in tasks]
    inputs = _inputs(required, shared)
    ready = [i for i, given in enumerate(inputs) if not isinstance(given, Failure)]
    found: list[Any] = list(inputs)
    if ready:
        results = type(tasks[0]).compute_rows([tasks[i] for i in ready], [inputs[i] for i in ready])
        for i, result in zip(ready, results, strict=True):
            found[i] = result if not isinstance(result, Exception) else Failure(result)
    return found


class Failure:
    """An exception with the text of its traceback."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.text = "".join(traceback.format_exception(error))


def _attempt(function: Any) -> Any:
    try:
        return function()
    except Exception as error:  # noqa: BLE001  a row may fail in any way
        return Failure(error)


def _inputs(required: Sequence[Any], shared: Mapping[str, Any]) -> list[Any]:
    """For each row the values of what it requires, in the structure in which it does."""
    leaves: dict[Task, Any] = {}
    for structure in required:
        _collect(structure, shared, leaves)
    kinds: dict[type, list[Task]] = {}
    for task in leaves:
        kinds.setdefault(type(task), []).append(task)
    for tasks in kinds.values():
        leaves.update(zip(tasks, values_of(tasks, {}), strict=True))
    return [_filled(structure, shared, leaves) for structure in required]


def _collect(structure: Any, shared: Mapping[str, Any], leaves: dict[Task, Any]) -> None:
    if isinstance(structure, Mapping):
        for key, part in structure.items():
            if key not in shared:
                _collect(part, {}, leaves)
    elif isinstance(structure, list | tuple):
        for part in structure:
            _collect(part, {}, leaves)
    elif isinstance(structure, Task):
        leaves[structure] = None


def _filled(structure: Any, shared: Mapping[str, Any], leaves: Mapping[Task, Any]) -> Any:
    if isinstance(structure, Mapping):
        parts = {key: shared[key] if key in shared else _filled(part, {}, leaves) for key, part in structure.items()}
        return _first_failure(parts.values()) or parts
    if isinstance(structure, list | tuple):
        listed = [_filled(part, {}, leaves) for part in structure]
        return _first_failure(listed) or listed
    return leaves[structure] if isinstance(structure, Task) else structure


def _first_failure(parts: Any) -> Failure | None:
    return next((part for part in parts if isinstance(part, Failure)), None)

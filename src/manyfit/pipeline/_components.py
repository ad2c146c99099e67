"""Tasks of other packages: found by the entry points that they declare in the group ``manyfit.tasks``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import luigi

from manyfit.errors import InputError

from ._task import Task

GROUP = "manyfit.tasks"


@dataclass(frozen=True)
class Component:
    """A class of tasks that can be used.

    Attributes
    ----------
    name
        Of the class.
    package
        That brings it.
    summary
        First line of its documentation.
    parameters
        Name and text of each parameter: its kind, and its default if it has one.
    """

    name: str
    package: str
    summary: str
    parameters: tuple[tuple[str, str], ...]


def components() -> list[Component]:
    """All tasks of installed packages, those of manyfit first.

    Raises
    ------
    InputError
        A package declares something that cannot be imported or is no task.
    """
    found = [_component(entry) for entry in entry_points(group=GROUP)]
    return sorted(found, key=lambda part: (part.package != "manyfit", part.package, part.name))


def _component(entry: EntryPoint) -> Component:
    package = entry.dist.name if entry.dist else "?"
    try:
        task = entry.load()
    except Exception as error:
        raise InputError(f"The task {entry.name!r} of the package {package!r} cannot be imported: {error!r}") from error
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise InputError(f"{entry.value!r} of the package {package!r} is no task of manyfit.pipeline.")
    summary = (task.__doc__ or "").strip().partition("\n")[0]
    return Component(task.get_task_family(), package, summary, tuple(_parameter(*p) for p in task.get_params()))


def _parameter(name: str, parameter: Any) -> tuple[str, str]:
    kind, default = type(parameter).__name__, parameter._default
    # luigi has no other way to ask whether there is a default.
    return name, kind if default is luigi.Parameter()._default else f"{kind} = {default!r}"

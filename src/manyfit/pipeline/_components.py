"""Tasks of other packages: found by the entry points that they declare in the group ``manyfit.tasks``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import luigi

from manyfit.errors import InputError

from . import tasks
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
    """All tasks that are ready to use: those of manyfit, then those of other installed packages.

    Raises
    ------
    InputError
        A package declares something that cannot be imported or is no task.
    """
    own = [_component(getattr(tasks, name), "manyfit") for name in tasks.__all__]
    others = [_loaded(entry) for entry in entry_points(group=GROUP)]
    return own + sorted(others, key=lambda part: (part.package, part.name))


def _loaded(entry: EntryPoint) -> Component:
    package = entry.dist.name if entry.dist else "?"
    try:
        task = entry.load()
    except Exception as error:
        raise InputError(f"The task {entry.name!r} of the package {package!r} cannot be imported: {error!r}") from error
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise InputError(f"{entry.value!r} of the package {package!r} is no task of manyfit.pipeline.")
    return _component(task, package)


def _component(task: type[Task], package: str) -> Component:
    summary = (task.__doc__ or "").strip().partition("\n")[0]
    return Component(task.get_task_family(), package, summary, tuple(_parameter(*p) for p in task.get_params()))


def _parameter(name: str, parameter: Any) -> tuple[str, str]:
    kind, default = type(parameter).__name__, parameter._default
    # luigi has no other way to ask whether there is a default.
    return name, kind if default is luigi.Parameter()._default else f"{kind} = {default!r}"

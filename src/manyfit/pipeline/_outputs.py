"""Two tasks must not write one product."""

from __future__ import annotations

from collections.abc import Iterable

import luigi

from manyfit.errors import InputError

from ._input_file import StoredFile
from ._task import Task


def check_outputs(tasks: Iterable[luigi.Task]) -> None:
    """That no two classes of tasks, and no two identities, have one product.

    Tasks that differ only in where their files lie, or in parameters that do not count, are one.

    Raises
    ------
    InputError
        Two tasks have one product.
    """
    seen: dict[str, tuple[Task, str]] = {}
    for task in tasks:
        if not isinstance(task, Task) or _is_a_file(task) or (identity := task.identity) is None:
            continue
        path = task.output().path
        other, known = seen.setdefault(path, (task, identity))
        if known != identity or type(other) is not type(task):
            raise InputError(
                f"{other!r} of {type(other).__module__} and {task!r} of {type(task).__module__} would both write "
                f"{path!r}. Give the classes different names, and leave output() as it is."
            )


def _is_a_file(task: Task) -> bool:
    return isinstance(task, StoredFile) and type(task).compute is StoredFile.compute

"""Why a task would run: what of its identity is not as it was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._canonical import differences
from ._index import Entry
from ._task import Task, required_of


@dataclass(frozen=True)
class Reason:
    """Why one task would run.

    Attributes
    ----------
    task
        The task, as luigi writes it.
    text
        What is not as it was.
    """

    task: str
    text: str

    def __str__(self) -> str:
        """The task and its reason on one line."""
        return f"{self.task}: {self.text}"


def explain(task: Task) -> list[Reason]:
    """Reasons why a task, and those that it requires, would run; none if all is done.

    A task is compared with what was done before by the same class under the most similar record.

    Parameters
    ----------
    task
        The task.

    Returns
    -------
    list of Reason
        What comes first is required by what follows.

    Raises
    ------
    InputError
        The task requires itself.
    """
    task.record()
    found: dict[str, Reason] = {}
    for part in _below(task):
        if str(part) not in found and not part.complete():
            found[str(part)] = Reason(str(part), "; ".join(_reasons(part)))
    return list(found.values())


def _below(task: Task) -> Iterator[Task]:
    for part in required_of(task).values():
        if isinstance(part, Task):
            yield from _below(part)
    yield task


def _reasons(task: Task) -> list[str]:
    record = task.record()
    if record is None:
        return [f"{', '.join(task.missing_files()) or 'an input file'} does not exist yet"]
    index = task.workspace.index
    entry = index.entry(task.identity or "")
    if entry is not None:
        return ["it failed last time"] if entry.status == "failed" else ["its product is not as it was written"]
    before = _nearest(record, index.entries(record["task"]))
    if before is None:
        return ["it was never run"]
    names = {old.identity: old.task for old in index.entries()}
    return [_words(*difference, names) for difference in differences(before, record)]


def _nearest(record: Mapping[str, Any], entries: Iterable[Entry]) -> Any:
    records = [json.loads(entry.record) for entry in entries]
    return min(reversed(records), key=lambda old: len(differences(old, record)), default=None)


def _words(place: str, old: Any, new: Any, names: Mapping[str, str]) -> str:
    kind, _, name = place.partition(".")
    if kind == "version":
        return "its code is another version"
    if kind == "files":
        return f"the content of {name!r} is not as it was"
    if kind == "requires":
        return f"what it requires as {name!r}{_called(names.get(old))} is not as it was"
    return f"the parameter {name!r} was {_shown(old)} and is {_shown(new)}"


def _called(name: str | None) -> str:
    return f" ({name})" if name else ""


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

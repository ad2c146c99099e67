"""Identities of rows, computed for a whole table at once without making a task for each row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from luigi.task import flatten

from manyfit.errors import InputError

from ._canonical import canonical, digest
from ._files import digests
from ._index import Index
from ._parameters import File, record_of
from ._row_index import files_of_rows, put_files_of_rows
from ._task import Task, identity_of
from ._version import version_of


@dataclass(frozen=True)
class Context:
    """What all rows of a step have in common.

    Attributes
    ----------
    step
        Class of the tasks.
    shared
        Parameters that all rows have.
    names
        Parameters that differ between rows.
    first
        The task of the first row.
    """

    step: type[Task]
    shared: Mapping[str, Any]
    names: tuple[str, ...]
    first: Task

    def record(self) -> dict[str, Any] | None:
        """What is common to the identities of all rows; None while an input file of all does not exist."""
        shared = {key: identity_of(task) for key, task in shared_of(self.first).items()}
        if None in shared.values():
            return None
        kinds = dict(self.first.all_parameters())
        return {
            "step": self.step.get_task_family(),
            "versions": {task.get_task_family(): version_of(type(task)) for task in graph(self.first)},
            "parameters": {
                name: record_of(kind, getattr(self.first, name))
                for name, kind in kinds.items()
                if kind.significant and name not in self.names and not isinstance(kind, File)
            },
            "requires": shared,
        }

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of the input files of the first row; empty if rows depend on none."""
        return _files(self.first)

    def task(self, values: Sequence[Any]) -> Task:
        """The task of a row: as luigi would make it, in a hundredth of the time, but unknown to luigi."""
        changed = dict(zip(self.names, values, strict=True))
        task: Task = object.__new__(type(self.first))
        task.__dict__.update(self.first.__dict__)
        task.__dict__.update(changed)
        task.param_kwargs = {**self.first.param_kwargs, **changed}
        return task


def shared_of(task: Task) -> dict[str, Task]:
    """Requirements that the class of a task says are those of all rows."""
    required = task.requires()
    missing = [key for key in task.shared_requirements if not isinstance(required, Mapping) or key not in required]
    if missing:
        raise InputError(
            f"{type(task).__name__} says that {missing[0]!r} is required by all rows, but requires() gives no such key."
        )
    return {key: required[key] for key in task.shared_requirements}


def graph(task: Task) -> Iterator[Task]:
    """A task of a row and all that it requires for itself alone."""
    yield task
    required = task.requires()
    parts = (
        [part for key, part in required.items() if key not in task.shared_requirements]
        if isinstance(required, Mapping)
        else required
    )
    for part in flatten(parts):
        yield from graph(part)


def row_identities(index: Index, context: Context, common: str, rows: Sequence[Sequence[Any]]) -> Sequence[str | None]:
    """The identity of each row; None while one of its input files does not exist."""
    kinds = dict(context.first.all_parameters())
    counts = [kinds[name].significant and not isinstance(kinds[name], File) for name in context.names]
    keys = row_keys(context, common, rows, counts)
    if not context.files:
        return keys
    # Where files are is no part of what a row is, but has to be known to find them.
    place = digest([common, context.files, context.first.to_str_params()])
    files = _files_of_rows(index, context, row_keys(context, place, rows, [True] * len(counts)), rows)
    found = digests(index, {path for paths in files for path in paths})
    return [_with_files(key, [found[path] for path in paths]) for key, paths in zip(keys, files, strict=True)]


def row_keys(context: Context, start: str, rows: Sequence[Sequence[Any]], counts: Sequence[bool]) -> list[str]:
    """A digest for each row of a text that is common to all, and of those of its own parameters that count."""
    kinds = dict(context.first.all_parameters())
    used = [(i, kinds[name]) for i, (name, yes) in enumerate(zip(context.names, counts, strict=True)) if yes]
    common = hashlib.sha256(start.encode())
    keys = []
    for row in rows:
        key = common.copy()
        key.update(canonical([record_of(kind, row[i]) for i, kind in used]).encode())
        keys.append(key.hexdigest())
    return keys


def _with_files(key: str, contents: list[str | None]) -> str | None:
    return None if None in contents else digest([key, contents])


def _files_of_rows(
    index: Index, context: Context, places: list[str], rows: Sequence[Sequence[Any]]
) -> list[tuple[str, ...]]:
    known = files_of_rows(index, places)
    new = {key: _files(context.task(row)) for key, row in zip(places, rows, strict=True) if key not in known}
    put_files_of_rows(index, new)
    return [known[key] if key in known else new[key] for key in places]


def _files(task: Task) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for part in graph(task) for path in part.input_files().values()))

"""Building tasks with luigi, and what came of it with rows counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import luigi

from ._explain import Reason, explain
from ._outputs import check_outputs
from ._row_files import prepare
from ._row_index import ask_again
from ._rows import Rows
from ._task import Task, required_of


@dataclass(frozen=True)
class RowCount:
    """Rows of one task.

    Attributes
    ----------
    task
        Name of the class.
    done, failed, pending, left
        How many are done, failed, wait for their input, and have not been tried.
    """

    task: str
    done: int
    failed: int
    pending: int
    left: int

    def __str__(self) -> str:
        """The counts that are not zero, on one line."""
        counts = {"done": self.done, "failed": self.failed, "pending": self.pending, "not tried": self.left}
        return f"{self.task}: {', '.join(f'{n:,} {word}' for word, n in counts.items() if n) or 'no'} rows"


@dataclass(frozen=True)
class Summary:
    """What came of a run.

    Attributes
    ----------
    succeeded
        Whether all tasks are done. Rows that failed or wait for their input do not count against it.
    text
        luigi's summary.
    rows
        Counts of the rows of each task that has any.
    """

    succeeded: bool
    text: str
    rows: tuple[RowCount, ...]

    def __str__(self) -> str:
        """Summary of luigi with the rows below it."""
        return "\n".join([self.text.strip(), *(str(count) for count in self.rows)])


def run(
    tasks: Sequence[Task], *, workers: int = 1, scheduler: str | None = None, retry_failed: bool = False
) -> Summary:
    """Build tasks and all that they require.

    Parameters
    ----------
    tasks
        The tasks.
    workers
        Number of processes that run tasks.
    scheduler
        Address of a central scheduler (``luigid``), such as ``"http://localhost:8082"``. Without one, one of this
        process.
    retry_failed
        Whether rows that failed before are tried again, and files that a server did not have are asked for again.

    Raises
    ------
    InputError
        Two tasks have one product.
    """
    check_outputs(_all(tasks))
    if retry_failed:
        for rows in _rows(tasks):
            if (state := rows.state()) is not None:
                ask_again(rows.workspace.index, state.common)
                prepare(state)
    where = {"local_scheduler": True} if scheduler is None else {"scheduler_url": scheduler}
    found = luigi.build(tasks, workers=workers, log_level="WARNING", detailed_summary=True, **where)
    return Summary(found.scheduling_succeeded, found.summary_text, counts(tasks))


def dry_run(tasks: Sequence[Task]) -> list[Reason]:
    """What a run would do, and why.

    Raises
    ------
    InputError
        Two tasks have one product.
    """
    check_outputs(_all(tasks))
    reasons = {str(reason): reason for task in tasks for reason in explain(task)}
    return list(reasons.values())


def counts(tasks: Sequence[Task]) -> tuple[RowCount, ...]:
    """How far the rows of tasks have come."""
    return tuple(_count(rows) for rows in _rows(tasks))


def names_of(tasks: Sequence[Task]) -> list[str]:
    """Names of the classes of tasks, and of all that they require."""
    return sorted({task.get_task_family() for task in _all(tasks)})


def _count(rows: Rows) -> RowCount:
    state = rows.state()
    if state is None:
        return RowCount(rows.get_task_family(), 0, 0, 0, 0)
    found = [state.known[identity].status for identity in state.identities if identity and identity in state.known]
    pending = sum(1 for _ in state.pending)
    left = len(state.identities) - pending - len(found) + found.count("again")
    return RowCount(rows.get_task_family(), found.count("done"), found.count("failed"), pending, left)


def _rows(tasks: Sequence[luigi.Task]) -> Iterator[Rows]:
    return (task for task in _all(tasks) if isinstance(task, Rows))


def _all(tasks: Sequence[luigi.Task]) -> Iterator[luigi.Task]:
    seen: set[luigi.Task] = set()
    stack = list(tasks)
    while stack:
        task = stack.pop()
        if task not in seen:
            seen.add(task)
            yield task
            stack.extend(required_of(task).values())

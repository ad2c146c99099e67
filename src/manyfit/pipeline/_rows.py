"""Many rows as one task: a hundred thousand stars are no hundred thousand tasks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from manyfit.blocks import progress_for
from manyfit.errors import InputError

from ._canonical import digest
from ._parameters import File, Integer, ParametersOf
from ._row_files import is_to_ask, prepare
from ._row_identity import shared_of
from ._row_plan import Plan, State
from ._row_store import ERROR, RESERVED, STATUS, Outcome
from ._row_table import read_results
from ._row_work import Failure, values_of
from ._task import Task

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

#: Environment variable that asks for a bar.
PROGRESS = "MANYFIT_PROGRESS"


class Rows(Task):
    """One step for each row of a table; made by ``Step.for_rows``.

    Rows that were done before under the same identity are not done again. A row that fails keeps its traceback, a
    row whose input file does not exist is pending; neither stops the others. The product is a Parquet file with the
    columns of the table, ``status`` (done, failed, pending), ``error`` and the columns of the values.

    Parameters
    ----------
    table
        File with one row for each task.
    shared
        Parameters that all rows have.
    batch
        Rows whose results are written together.
    """

    table = File()
    batch = Integer(default=1000, significant=False)
    shared = ParametersOf(Task, default={})
    step: ClassVar[type[Task]] = Task
    suffix: ClassVar[str] = ".parquet"
    _errors: Mapping[int, str | None] = {}
    _read: tuple[tuple[int, int], Plan] | None = None

    def requires(self) -> Any:
        """What all rows require."""
        return shared_of(self._plan().context.first) if Path(self.table).exists() else {}

    def state(self) -> State | None:
        """How far the rows have come; None while the table, or something that all rows require, does not exist."""
        if not Path(self.table).exists():
            return None
        return State.of(self._plan(), self.workspace, self.workspace.folder / self.get_task_family())

    def _record(self) -> dict[str, Any] | None:
        """What all rows have in common, the identity of each, and how often failed ones were asked for again."""
        state = self.state()
        return None if state is None else self._record_of(state)

    def complete(self) -> bool:
        """Whether all rows whose input exists are dealt with, and the table of results is there.

        A server that may have the input of pending rows is asked once in a run, and again an hour later.
        """
        state = self.state()
        if state is None or state.todo or is_to_ask(state):
            return False
        return self.workspace.is_done(digest(self._record_of(state)))

    def run(self) -> None:
        """Get the input of pending rows that is elsewhere, then do the rows that are left."""
        state = self.state()
        self._errors = {} if state is None else prepare(state)
        super().run()

    def compute(self, inputs: Any) -> pa.Table:
        """Do the rows that are left, then gather the results of all."""
        state = self._needed()
        todo, total = list(state.todo.items()), len(state.plan.rows)
        with progress_for(os.environ.get(PROGRESS) == "1", self.step.__name__) as progress:
            for start in range(0, len(todo), self.batch):
                part = todo[start : start + self.batch]
                state.store.put(_outcomes(state, part, inputs))
                if progress is not None:
                    progress(total - len(todo) + start + len(part), total)
        return _gathered(state.now(), self._errors)

    def write(self, value: pa.Table, path: Path) -> None:
        """Write the table of results."""
        from pyarrow import parquet

        parquet.write_table(value, path)

    def read(self, path: Path) -> Table:
        """The table of results, an astropy Table; what a row does not have is masked."""
        return read_results(path)

    def _record_of(self, state: State) -> dict[str, Any]:
        return {
            "task": self.get_task_family(),
            "version": self.version,
            "parameters": {"context": state.common},
            "files": {"rows": digest([state.identities, state.attempts]), "others": digest(state.plan.carried)},
            "requires": state.requires,
        }

    def _plan(self) -> Plan:
        stat = Path(self.table).stat()
        stamp = (stat.st_size, stat.st_mtime_ns)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, Plan.read(self.step, Path(self.table), self.shared))
        return self._read[1]

    def _needed(self) -> State:
        state = self.state()
        assert state is not None, "luigi runs a task when what it requires is there"
        return state


@cache
def rows_of(step: type[Task]) -> type[Rows]:
    """The class of the tasks that do a step for each row of a table."""
    body = {"step": step, "shared": ParametersOf(step, default={}), "__module__": step.__module__}
    return type(f"{step.__name__}Rows", (Rows,), body)


def _outcomes(state: State, part: Sequence[tuple[str, int]], inputs: Any) -> list[Outcome]:
    tasks = [state.plan.context.task(state.plan.rows[place]) for _, place in part]
    values = values_of(tasks, inputs or {})
    return [
        _outcome(identity, state.known[identity].attempt if identity in state.known else 0, task, value)
        for (identity, _), task, value in zip(part, tasks, values, strict=True)
    ]


def _outcome(identity: str, attempt: int, task: Task, value: Any) -> Outcome:
    if isinstance(value, Failure):
        return Outcome(identity, attempt, {}, value.text)
    try:
        return Outcome(identity, attempt, _row(task, value), None)
    except Exception as error:  # noqa: BLE001  so is a value that fits no row
        return Outcome(identity, attempt, {}, Failure(error).text)


def _row(task: Task, value: Any) -> Mapping[str, Any]:
    row = task.to_row(value)
    for name in RESERVED:
        if name in row:
            raise InputError(f"{type(task).__name__} gives a column {name!r}, which rows have already. Rename it.")
    return row


def _gathered(state: State, errors: Mapping[int, str | None]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = state.store.gather([state.known.get(identity) if identity else None for identity in state.identities])
    table = pa.table({name: pa.array(list(values)) for name, values in state.plan.columns.items()})
    status = pc.fill_null(found.column(STATUS), "pending")
    error = pc.coalesce(found.column(ERROR), pa.array([errors.get(i) for i in range(len(table))], pa.string()))
    columns = {name: found.column(name) for name in found.column_names if name not in table.column_names}
    for name, column in (columns | {STATUS: status, ERROR: error}).items():
        table = table.append_column(name, column)
    return table

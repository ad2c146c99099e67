"""Which rows a table asks for, and which of them are done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from manyfit.errors import InputError

from ._canonical import digest
from ._declared import checked
from ._row_identity import Context, row_identities
from ._row_index import RowEntry, known_rows
from ._row_store import RESERVED, RowStore
from ._row_table import read_table
from ._task import Task
from ._workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """The rows of a table as parameters of a step.

    Attributes
    ----------
    columns
        The whole table: columns that are no parameters are carried along to the results.
    context
        What all rows have in common.
    rows
        Values of the parameters that differ between rows, each checked.
    """

    columns: Mapping[str, Sequence[Any]]
    context: Context
    rows: Sequence[tuple[Any, ...]]

    @classmethod
    def read(cls, step: type[Task], path: Path, shared: Mapping[str, Any]) -> Plan:
        """The plan for a file.

        Raises
        ------
        InputError
            A parameter is in the table and shared, or in neither; or a value is not accepted.
        """
        columns = read_table(path)
        kinds = dict(step.get_params())
        names = tuple(name for name in columns if name in kinds and name not in shared)
        taken = [name for name in columns if name in RESERVED]
        if taken:
            raise InputError(f"The column {taken[0]!r} of {str(path)!r} has a name of the results. Rename it.")
        twice = [name for name in columns if name in shared]
        if twice:
            raise InputError(f"{twice[0]!r} is a column of {str(path)!r} and given for all rows. Leave one out.")
        checked_columns = [_checked_column(step, path, name, kinds[name], columns[name]) for name in names]
        length = len(next(iter(columns.values())))
        rows = list(zip(*checked_columns, strict=True)) if names else [()] * length
        first = step(**shared, **dict(zip(names, rows[0], strict=True)))
        return cls(columns, Context(step, shared, names, first), rows)

    @property
    def carried(self) -> dict[str, Sequence[Any]]:
        """Columns that are no parameters of the step."""
        return {name: values for name, values in self.columns.items() if name not in self.context.names}


def _checked_column(step: type[Task], path: Path, name: str, kind: Any, values: Sequence[Any]) -> list[Any]:
    try:
        return [kind.normalize(value) for value in values]
    except InputError:
        for i, value in enumerate(values):
            try:
                checked(step, name, kind, value)
            except InputError as error:
                raise InputError(f"Row {i} of {str(path)!r}: {error}") from error
        raise


@dataclass(frozen=True)
class State:
    """How far a plan has come.

    Attributes
    ----------
    plan
        The rows.
    common
        Digest of what they have in common.
    requires
        Identities of what all of them require.
    store
        Where results are.
    identities
        Of each row of the table; None while one of its input files does not exist.
    known
        Results that are there, by identity.
    """

    plan: Plan
    common: str
    requires: Mapping[str, str]
    store: RowStore
    identities: Sequence[str | None]
    known: Mapping[str, RowEntry]

    @classmethod
    def of(cls, plan: Plan, workspace: Workspace, folder: Path) -> State | None:
        """The state of a plan now; None while something that all rows require does not exist."""
        record = plan.context.record()
        if record is None:
            return None
        common = digest(record)
        store = RowStore(folder / common[:16], common, workspace.index)
        identities = row_identities(workspace.index, plan.context, common, plan.rows)
        return cls(plan, common, record["requires"], store, identities, store.rows())

    def now(self) -> State:
        """The same with the results that are there now."""
        return replace(self, known=known_rows(self.store.index, self.common))

    @cached_property
    def todo(self) -> dict[str, int]:
        """Rows that can be done and are not: identity and place in the table, each identity once."""
        todo: dict[str, int] = {}
        for place, identity in enumerate(self.identities):
            if identity is not None and (identity not in self.known or self.known[identity].status == "again"):
                todo.setdefault(identity, place)
        return todo

    @property
    def pending(self) -> Iterator[int]:
        """Places of rows whose input does not exist."""
        return (place for place, identity in enumerate(self.identities) if identity is None)

    @property
    def attempts(self) -> list[int]:
        """How often each row was asked for again."""
        return [self.known[row].attempt if row and row in self.known else 0 for row in self.identities]

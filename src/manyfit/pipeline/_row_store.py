"""Results of rows: one Parquet file for each batch, whole or not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from manyfit.fitting._atomic import replacing

from ._index import Index
from ._row_index import RowEntry, known_parts, known_rows, put_part

if TYPE_CHECKING:
    import pyarrow as pa

#: Columns of every part; those of the values follow.
RESERVED = IDENTITY, STATUS, ATTEMPT, ERROR = "identity", "status", "attempt", "error"


@dataclass(frozen=True)
class Outcome:
    """What became of one row.

    Attributes
    ----------
    identity
        Of the row.
    attempt
        How often it was asked for again before.
    values
        Columns of its result, empty if it failed.
    error
        Traceback of a failure.
    """

    identity: str
    attempt: int
    values: Mapping[str, Any]
    error: str | None

    @property
    def status(self) -> str:
        """``"done"`` or ``"failed"``."""
        return "done" if self.error is None else "failed"


@dataclass(frozen=True)
class RowStore:
    """The results of all rows that have one context.

    Attributes
    ----------
    folder
        Where the parts are.
    context
        Identity of what the rows have in common.
    index
        The index of the workspace.
    """

    folder: Path
    context: str
    index: Index

    def rows(self) -> dict[str, RowEntry]:
        """Results by identity of the row; parts that the index has not seen are read first."""
        unseen = {path.name for path in self.folder.glob("*.parquet")} - known_parts(self.index, self.context)
        for part in sorted(unseen):
            self._adopt(part)
        return known_rows(self.index, self.context)

    def put(self, outcomes: Sequence[Outcome]) -> None:
        """Write the results of a batch; from the moment that the file has its name they count."""
        from pyarrow import parquet

        self.folder.mkdir(parents=True, exist_ok=True)
        # Numbers in the order of writing: of two results of a row, the later one counts.
        name = f"{len(list(self.folder.glob('*.parquet'))):06d}-{uuid4().hex[:8]}.parquet"
        with replacing(self.folder / name) as part:
            parquet.write_table(_table(outcomes), part)
        put_part(self.index, self.context, name, [(o.identity, o.status, o.attempt) for o in outcomes])

    def gather(self, entries: Sequence[RowEntry | None]) -> pa.Table:
        """Results of rows in this order; a row without one is null."""
        import pyarrow as pa
        from pyarrow import parquet

        names = sorted({entry.part for entry in entries if entry})
        tables = [parquet.read_table(self.folder / name) for name in names]
        if not tables:
            return _table([]).take(pa.array([None] * len(entries), pa.int64()))
        starts, start = {}, 0
        for name, table in zip(names, tables, strict=True):
            starts[name], start = start, start + table.num_rows
        places = [starts[entry.part] + entry.position if entry else None for entry in entries]
        return pa.concat_tables(tables, promote_options="permissive").take(pa.array(places, pa.int64()))

    def _adopt(self, part: str) -> None:
        from pyarrow import parquet

        rows = parquet.read_table(self.folder / part, columns=[IDENTITY, STATUS, ATTEMPT]).to_pylist()
        put_part(self.index, self.context, part, [(row[IDENTITY], row[STATUS], row[ATTEMPT]) for row in rows])


def _table(outcomes: Sequence[Outcome]) -> pa.Table:
    import pyarrow as pa

    own = {
        IDENTITY: pa.array([o.identity for o in outcomes], pa.string()),
        STATUS: pa.array([o.status for o in outcomes], pa.string()),
        ATTEMPT: pa.array([o.attempt for o in outcomes], pa.int64()),
        ERROR: pa.array([o.error for o in outcomes], pa.string()),
    }
    names = dict.fromkeys(name for o in outcomes for name in o.values)
    return pa.table(own | {name: pa.array([o.values.get(name) for o in outcomes]) for name in names})

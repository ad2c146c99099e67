"""Rows of a pipeline: the overhead of each, the check that all are done, and luigi's own cost of a task beside it.

Run with ``python -m benchmarks.pipeline``.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import luigi
import pyarrow as pa
from pyarrow import parquet

from benchmarks.timing import Row, show
from manyfit.pipeline import Integer, Task

N_ROWS = 100_000
N_TASKS = 2_000


class Square(Task):
    """A step that costs nothing."""

    number = Integer()

    def compute(self, inputs: Any) -> dict[str, int]:  # noqa: ARG002
        """The square."""
        return {"square": self.number**2}


class Plain(luigi.Task):
    """The same as luigi has it: a file for each number."""

    number = luigi.IntParameter()
    folder = luigi.Parameter()

    def output(self) -> luigi.LocalTarget:
        """A small file."""
        return luigi.LocalTarget(f"{self.folder}/{self.number}.txt")

    def run(self) -> None:
        """Write it."""
        with self.output().open("w") as file:
            file.write(str(self.number**2))


def seconds(*tasks: luigi.Task) -> float:
    """Time to build tasks."""
    start = time.perf_counter()
    luigi.build(tasks, local_scheduler=True, log_level="ERROR")
    return time.perf_counter() - start


def main() -> None:
    """Measure all three."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MANYFIT_FOLDER"] = folder
        table = Path(folder) / "numbers.parquet"
        parquet.write_table(pa.table({"number": list(range(N_ROWS))}), table)
        rows = Square.for_rows(table)
        each = 1e3 * seconds(rows) / N_ROWS
        start = time.perf_counter()
        rows.complete()
        check = time.perf_counter() - start
        plain = 1e3 * seconds(*(Plain(number=i, folder=folder) for i in range(N_TASKS))) / N_TASKS
    show(
        [
            Row(f"{N_ROWS:,} rows of a trivial step, each", f"{each:.3f} ms", "<= 0.2 ms", each <= 0.2),
            Row("check that all of them are done", f"{check:.2f} s", "<= 1 s", check <= 1),
            Row(f"luigi alone, {N_TASKS:,} tasks, each", f"{plain:.1f} ms, {plain / each:.0f} times", "the peer", True),
        ]
    )


if __name__ == "__main__":
    main()

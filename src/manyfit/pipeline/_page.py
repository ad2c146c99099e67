"""An HTML page of what a workspace holds, made from the index."""

from __future__ import annotations

import time
from pathlib import Path

from manyfit import __version__
from manyfit.fitting._atomic import replacing
from manyfit.plot import KeyFigures, Listing, Section, Table, Words, report_page

from ._index import Entry
from ._status import failed_rows, failures, status
from ._workspace import Workspace

#: Products listed on a page, the newest.
LISTED = 200


def write_page(workspace: Workspace, path: Path, *, overwrite: bool = False) -> None:
    """Write the page.

    Raises
    ------
    OutputExists
        There is such a file and `overwrite` is not set.
    """
    with replacing(path, overwrite=overwrite) as file:
        file.write(page(workspace).encode())


def page(workspace: Workspace) -> str:
    """The page as text: what was done, what failed and why, and the newest products."""
    lines, failed = status(workspace), failures(workspace)
    totals = KeyFigures(
        (
            (f"{sum(line.done for line in lines):,}", "products"),
            (f"{sum(line.rows for line in lines):,}", "rows done"),
            (f"{len(failed) + sum(line.failed_rows for line in lines):,}", "tasks and rows failed"),
            (f"{sum(line.seconds for line in lines):,.0f} s", "of work"),
        )
    )
    classes = Table(
        ("task", "done", "failed", "rows", "failed rows", "seconds"),
        [
            (x.task, f"{x.done:,}", f"{x.failed:,}", f"{x.rows:,}", f"{x.failed_rows:,}", f"{x.seconds:.1f}")
            for x in lines
        ],
    )
    newest = [entry for entry in workspace.index.entries() if entry.status == "done"][: -LISTED - 1 : -1]
    products = Table(("task", "identity", "product", "bytes", "seconds", "made"), [_row(entry) for entry in newest])
    sections = [Section("Tasks", (totals, classes))]
    if failed:
        sections.append(Section("Failures", tuple(part for entry in failed for part in _failure(entry))))
    if rows := failed_rows(workspace):
        reasons = Table(("task", "row", "reason"), [(row.task, row.identity[:16], row.reason) for row in rows])
        words = Words("The first of them; the column error of the product has the tracebacks of all.")
        sections.append(Section("Rows that failed", (words, reasons)))
    return report_page(
        "Pipeline",
        [*sections, Section("Newest products", (products,))],
        subtitle=str(workspace.folder),
        footer=f"manyfit {__version__}, {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())}",
    )


def _row(entry: Entry) -> tuple[str, ...]:
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.started))
    return entry.task, entry.identity[:16], entry.path or "", f"{entry.size or 0:,}", f"{entry.seconds:.2f}", made


def _failure(entry: Entry) -> tuple[Words, Listing]:
    return Words(f"{entry.task} {entry.identity[:16]}"), Listing(entry.error or "")

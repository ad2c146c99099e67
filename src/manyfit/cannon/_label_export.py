"""From labels that come in parts to a table and a summary; and from a store to a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit import __version__
from manyfit.blocks import Block, BlockStore
from manyfit.errors import InputError

from ._label_manifest import errors_of
from ._label_status import LABEL_STATUS_TABLE, LAST_GOOD, LabelStatus
from ._label_store import done_blocks, failed_in, opened, tables_of, texts
from ._label_table import LabelTable
from ._label_writer import LabelWriter, check_table, writing
from ._model import CannonModel


@dataclass
class StreamSummary:
    """What became of the stars of a run.

    Attributes
    ----------
    path
        The table or store that was written.
    statuses
        Number of stars with each status.
    flagged
        Number of good stars with a flag.
    failed_files
        Files that could not be read, with the reason.
    seconds
        How long it took.
    """

    path: Path | str
    statuses: dict[LabelStatus, int] = field(default_factory=dict)
    flagged: int = 0
    failed_files: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def n_stars(self) -> int:
        """Number of stars."""
        return sum(self.statuses.values())

    def add(self, status: NDArray[np.int64], flags: NDArray[np.int64]) -> None:
        """Count the stars of a block."""
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            name = LabelStatus(int(code))
            self.statuses[name] = self.statuses.get(name, 0) + int(count)
        self.flagged += int(np.count_nonzero((status <= LAST_GOOD) & (flags != 0)))

    def check(self, n_files: int) -> None:
        """Raise an error if there is no star."""
        if not self.n_stars:
            why = f" The first: {self.failed_files[0][1]}" if self.failed_files else ""
            raise InputError(f"None of {n_files} files could be used.{why}")

    def __str__(self) -> str:
        took = f" in {self.seconds:.1f} s, {self.n_stars / self.seconds:,.0f} stars/s" if self.seconds > 0 else ""
        lines = [f"{self.n_stars:,} stars{took}"]
        for status in sorted(self.statuses):
            text = LABEL_STATUS_TABLE[status]
            what = "" if status == LabelStatus.CONVERGED else f"  {text.sentence} {text.remedy}"
            lines.append(f"  {text.name:<16} {self.statuses[status]:>9,}{what}")
        lines.append(f"  {'flagged':<16} {self.flagged:>9,}  of those that converged; see the column flags")
        lines += [f"  {path}: {why}" for path, why in self.failed_files[:5]]
        lines += [f"  ... and {len(self.failed_files) - 5} more files"] * (len(self.failed_files) > 5)
        return "\n".join(lines)


def export_labels(store: str | Path, output: str | Path, *, overwrite: bool = False) -> StreamSummary:
    """Write the table of a store, a block at a time: memory is that of a block, however many stars there are.

    Stars that are not labelled yet, and files that could not be used, are left out.

    Parameters
    ----------
    store
        Folder or URL that ``infer(..., store=...)``, `infer_file` or `infer_files` wrote.
    output
        The table: ``.parquet``, ``.fits``, or ``.ecsv`` (which is kept in memory until all is done).
    overwrite
        Whether a file may be there already.

    Returns
    -------
    StreamSummary

    Raises
    ------
    FileNotFoundError
        There is no such store.
    InputError
        It is no store of labels, or damaged.
    OutputExists
        There is a table and `overwrite` is not set.
    """
    source, output = opened(store), Path(output)
    check_table(output, overwrite=overwrite)
    said = source.manifest
    meta = _meta(source.objects.place, said["labels"], said["errors"])
    summary = StreamSummary(output)
    with writing(output, meta, overwrite=overwrite) as writer:
        for table in _usable(source, summary):
            write_part(table, writer, summary)
    return summary


def told(store: BlockStore) -> str:
    """What ``manyfit info`` says of a store."""
    said = store.manifest
    return f"Labels {', '.join(map(str, said['labels']))}; errors {said['errors']}\n{summarised(store)}"


def summarised(store: BlockStore) -> StreamSummary:
    """What became of the stars of a store."""
    summary = StreamSummary(store.objects.place)
    for block in done_blocks(store):
        failed = failed_in(store, block)
        used = _others(block, failed)
        summary.add(store.read("status", block)[used], store.read("flags", block)[used])
        if failed:
            names = texts(store.read("id", block))
            summary.failed_files += [(str(names[i]), why) for i, why in failed.items()]
    return summary


def _others(block: Block, failed: Mapping[int, str]) -> NDArray[np.int64]:
    return np.setdiff1d(np.arange(block.n_elements), list(failed)).astype(np.int64)


def _usable(store: BlockStore, summary: StreamSummary) -> Iterator[LabelTable]:
    """The table of each block with names of its stars, but for files that could not be used, which are noted."""
    for block, table, failed in tables_of(store):
        (rows,) = block.slices
        ids = np.arange(rows.start, rows.stop) if table.ids is None else table.ids
        summary.failed_files += [(str(ids[i]), why) for i, why in failed.items()]
        yield replace(table, ids=ids).select(_others(block, failed))


def table_meta(model: CannonModel, source: str | Path) -> dict[str, Any]:
    """What a table says of itself."""
    return _meta(str(source), list(model.label_names), errors_of(model))


def _meta(source: str, names: list[str], errors: str) -> dict[str, Any]:
    return {"written_by": f"manyfit {__version__}", "source": source, "label_names": names, "errors": errors}


def write_part(labels: LabelTable, writer: LabelWriter, summary: StreamSummary) -> None:
    """A part of a table; none of its stars is not labelled."""
    if len(labels):
        writer.write(labels.to_table())
        summary.add(labels.status, labels.flags)

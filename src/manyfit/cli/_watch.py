"""``manyfit watch``: run a workflow on files as they appear."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = click.Path(path_type=Path)


@click.command(short_help="Run a workflow on files of a folder as they appear.")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("workflow", type=FILE)
@click.option("--pattern", default="*.fits", show_default=True, help="Names of files that count.")
@click.option("--folder", type=FILE, help="Folder of products.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--once", is_flag=True, help="Do what is there now, then end.")
def watch(directory: Path, workflow: Path, pattern: str, folder: Path | None, workers: int, once: bool) -> None:
    """Run WORKFLOW whenever files appear in DIRECTORY.

    The workflow has a function ``workflow(paths)`` that returns tasks for a list of files. What was done before is not
    done again.
    """
    from manyfit.cli._workspace import use
    from manyfit.pipeline._watch import changes
    from manyfit.pipeline._watch import watch as watch_folder

    use(folder)
    wait = (lambda: iter([None])) if once else (lambda: changes(directory))
    watch_folder(directory, pattern, _work(workflow, workers), wait=wait)


def _work(workflow: Path, workers: int) -> Callable[[list[Path]], None]:
    from manyfit.pipeline._load import load
    from manyfit.pipeline._rows import PROGRESS
    from manyfit.pipeline._run import run

    def work(paths: list[Path]) -> None:
        os.environ[PROGRESS] = "1"
        summary = run(load(workflow, paths), workers=workers)
        click.echo(f"{len(paths):,} files")
        for count in summary.rows:
            click.echo(str(count))

    return work

"""``manyfit run``: build the tasks of a workflow file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from manyfit.pipeline import Task

FILE = click.Path(path_type=Path)


@click.command(
    short_help="Build the tasks of a workflow file.",
    epilog="""\b
Examples:
  manyfit run labels.py --dry-run
  manyfit run labels.py --workers 2
  manyfit run labels.py --scheduler http://localhost:8082     (luigid; its page shows the run)
  manyfit run labels.py --slurm labels.sh
""",
)
@click.argument("workflow", type=FILE)
@click.option("--folder", type=FILE, help="Folder of products.  [default: MANYFIT_FOLDER, or manyfit_products]")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--scheduler", metavar="URL", help="Address of a central scheduler of luigi.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run and why, and run nothing.")
@click.option("--retry-failed", is_flag=True, help="Try rows that failed before again.")
@click.option("--slurm", type=FILE, metavar="SCRIPT", help="Write a script for slurm instead of running.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def run(
    workflow: Path,
    folder: Path | None,
    workers: int,
    scheduler: str | None,
    dry_run: bool,
    retry_failed: bool,
    slurm: Path | None,
    quiet: bool,
) -> None:
    """Build the tasks of WORKFLOW, a Python file with a list ``tasks`` or a function ``workflow()``.

    What was done before under the same identity is not done again.
    """
    from manyfit.cli._workspace import use
    from manyfit.pipeline._load import load

    space = use(folder)
    tasks = load(workflow)
    if slurm is not None:
        _write_script(slurm, workflow, space.folder, scheduler)
    elif dry_run:
        _say_what_would_run(tasks)
    else:
        from manyfit.pipeline._rows import PROGRESS
        from manyfit.pipeline._run import run as build

        os.environ[PROGRESS] = "0" if quiet else "1"
        summary = build(tasks, workers=workers, scheduler=scheduler, retry_failed=retry_failed)
        if not quiet:
            click.echo(str(summary))
        if not summary.succeeded:
            raise click.ClickException("not all tasks are done; 'manyfit status' shows what failed.")


def _say_what_would_run(tasks: list[Task]) -> None:
    from manyfit.pipeline._run import counts, dry_run

    reasons = dry_run(tasks)
    for reason in reasons:
        click.echo(str(reason))
    for count in counts(tasks):
        click.echo(str(count))
    click.echo(f"{len(reasons)} tasks would run." if reasons else "Nothing would run: all is done.")


def _write_script(path: Path, workflow: Path, folder: Path, scheduler: str | None) -> None:
    from manyfit.fitting._atomic import replacing
    from manyfit.pipeline._slurm import script

    text = script(workflow, folder, scheduler=scheduler) if scheduler else script(workflow, folder)
    with replacing(path) as file:
        file.write(text.encode())
    click.echo(f"Wrote {path}. Submit it with: sbatch {path}")

"""``manyfit explain``: why tasks would run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Say why tasks of a workflow would run.")
@click.argument("workflow", type=click.Path(path_type=Path))
@click.argument("task", required=False)
@click.option("--folder", type=click.Path(path_type=Path), help="Folder of products.")
def explain(workflow: Path, task: str | None, folder: Path | None) -> None:
    """Say why tasks of WORKFLOW would run: what of the identity is not as it was, old and new.

    TASK is the name of a class; without it, all tasks are explained.
    """
    from manyfit.cli._workspace import use
    from manyfit.errors import unknown_name
    from manyfit.pipeline._load import load
    from manyfit.pipeline._run import dry_run, names_of

    use(folder)
    tasks = load(workflow)
    names = names_of(tasks)
    if task is not None and task not in names:
        raise unknown_name("Task", task, names)
    reasons = [reason for reason in dry_run(tasks) if task is None or reason.task.partition("(")[0] == task]
    for reason in reasons:
        click.echo(str(reason))
    if not reasons:
        click.echo(f"{task or 'Nothing'} would {'not ' if task else ''}run: all is done.")

"""``manyfit gc``: remove products that no task refers to."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="gc", short_help="Remove products that no task refers to.")
@click.argument("workflows", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), help="Folder of products.")
@click.option("--yes", is_flag=True, help="Remove; without it, files are only listed.")
def collect(workflows: tuple[Path, ...], folder: Path | None, yes: bool) -> None:
    """Remove products that the tasks of WORKFLOWS do not refer to, and what killed runs left behind."""
    from manyfit.cli._workspace import use
    from manyfit.pipeline._gc import garbage, remove
    from manyfit.pipeline._load import load

    space = use(folder)
    paths = garbage(space, [task for path in workflows for task in load(path)])
    size = sum(path.stat().st_size for path in paths if path.exists())
    for path in paths:
        click.echo(str(path.relative_to(space.folder)))
    if yes:
        remove(space, paths)
    click.echo(f"{len(paths)} files, {size / 1e6:.1f} MB{' removed' if yes else '; --yes removes them'}.")

"""``manyfit tasks``: the tasks that a workflow may use."""

from __future__ import annotations

import click


@click.command(short_help="List tasks that workflows may use.")
def tasks() -> None:
    """List tasks of manyfit and of other installed packages, with their parameters."""
    from manyfit.cli._workspace import use
    from manyfit.pipeline._components import components

    use(None)
    for part in components():
        click.echo(f"{part.name} ({part.package})\n    {part.summary}")
        for name, text in part.parameters:
            click.echo(f"    {name}: {text}")

"""``manyfit info``: the summary of a file of results."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Print the summary of a file of results.")
@click.argument("file", type=click.Path(path_type=Path))
def info(file: Path) -> None:
    """Print the summary of a FILE of results, written by 'manyfit fit' or FitResult.to_fits."""
    from manyfit import FitResult

    click.echo(FitResult.read(file).summary())

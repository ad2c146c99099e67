"""``manyfit info``: the summary of a file or store of results."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Print the summary of a file or store of results.")
@click.argument("file")
def info(file: str) -> None:
    """Print the summary of a FILE of results, written by 'manyfit fit' or FitResult.to_fits.

    FILE may be a store that is being written by 'manyfit fit --store', here or on another machine.
    """
    from manyfit import FitResult

    if "://" in file or Path(file).is_dir():
        from manyfit.blocks import BlockStore

        click.echo(f"{BlockStore.open(file).progress()}\n")
        click.echo(FitResult.open(file).compute().summary())
    else:
        click.echo(FitResult.read(file).summary())

"""``manyfit models``: which models of astropy compile."""

from __future__ import annotations

import click


@click.command()
def models() -> None:
    """List the models of astropy.modeling, and which of them compile."""
    from manyfit.models import table

    rows = table()
    width = max(len(row.name) for row in rows)
    click.echo(f"{'model':{width}}  inputs  runs")
    for row in rows:
        runs = "compiled" if row.explanation.compiled else f"fallback: {row.explanation.reason}"
        click.echo(f"{row.name:{width}}  {row.n_inputs:6}  {runs}")

"""``manyfit info``: the summary of a file or store of results."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from manyfit._foreign import foreign, quiet

if TYPE_CHECKING:
    from manyfit.blocks import BlockStore

#: For each kind of store, the module whose ``told(store)`` gives what is to be printed below the progress.
TOLD = {
    "fit": "manyfit.fitting._store_read",
    "labels": "manyfit.cannon._label_export",
    "ts map": "manyfit.tsmap._store",
}
LONGEST = 100  # characters of an entry of a manifest


@click.command(short_help="Print the summary of a file or store of results.")
@click.argument("file")
def info(file: str) -> None:
    """Print the summary of a FILE of results, written by 'manyfit fit' or FitResult.to_fits.

    FILE may be a store of any kind that is being written, here or on another machine.
    """
    from manyfit import FitResult

    if "://" not in file and not Path(file).is_dir():
        click.echo(FitResult.read(file).summary())
        return
    from manyfit.blocks import BlockStore
    from manyfit.blocks._kinds import kind_of

    store = BlockStore.open(file)
    with quiet, foreign(file):
        click.echo(f"{store.progress()}\n")
        module = TOLD.get(kind_of(store) or "")
        click.echo(_headings(store) if module is None else import_module(module).told(store))


def _headings(store: BlockStore) -> str:
    """Shape, arrays and manifest of a store that no application tells of."""
    from manyfit.blocks._kinds import OPENED_BY, kind_of

    kind, layout = kind_of(store), store.layout
    lines = [f"Store of kind {kind!r}, shape {layout.shape} ({', '.join(layout.dims)})"]
    lines += [f"arrays: {', '.join(layout.fields)}"]
    lines += [f"{name}: {_short(value)}" for name, value in store.manifest.items() if name != "kind"]
    return "\n".join([*lines, *([f"Open it by {OPENED_BY[kind]}."] if kind in OPENED_BY else [])])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."

"""``manyfit status``: what a folder of products holds."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Show what a pipeline has done.")
@click.option("--folder", type=click.Path(path_type=Path), help="Folder of products.")
@click.option("--verify", is_flag=True, help="Read each product and compare its digest.")
@click.option("--page", type=click.Path(path_type=Path), metavar="FILE", help="Write an HTML page too.")
def status(folder: Path | None, verify: bool, page: Path | None) -> None:
    """Show products, rows and failures of a folder of products."""
    from manyfit.cli._workspace import use
    from manyfit.pipeline._gc import remove
    from manyfit.pipeline._status import corrupted, failed_rows, failures
    from manyfit.pipeline._status import status as lines_of

    space = use(folder)
    click.echo(f"{space.folder}")
    click.echo(f"{'task':30} {'done':>8} {'failed':>8} {'rows':>10} {'failed rows':>12} {'time':>10}")
    for line in lines_of(space):
        counts = f"{line.done:8,} {line.failed:8,} {line.rows:10,} {line.failed_rows:12,}"
        click.echo(f"{line.task:30} {counts} {line.seconds:8.1f} s")
    for entry in failures(space):
        click.echo(f"\n{entry.task} {entry.identity[:16]} failed:\n{entry.error}")
    if rows := failed_rows(space, most=5):
        click.echo("\nThe first rows that failed (see the column error of the product):")
        for row in rows:
            click.echo(f"  {row.task} {row.identity[:16]}: {row.reason}")
    if page is not None:
        from manyfit.pipeline._page import write_page

        write_page(space, page)
    if verify:
        wrong = corrupted(space)
        remove(space, [space.folder / entry.path for entry in wrong if entry.path])
        for entry in wrong:
            click.echo(f"{entry.path} is not as it was written: it will be made again.")
        click.echo(f"{len(wrong)} products are not as they were written.")

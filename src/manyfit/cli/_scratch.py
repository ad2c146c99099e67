"""``manyfit scratch``: list or remove files that were unpacked once."""

from __future__ import annotations

import click


@click.command(short_help="List or remove files that were unpacked once.")
@click.option("--yes", is_flag=True, help="Remove them; without it, they are only listed.")
def scratch(yes: bool) -> None:
    """List what was unpacked from compressed FITS files, and what killed runs left half written.

    The folder is $MANYFIT_SCRATCH, or one in the user's cache. What is removed is unpacked again when it is needed.
    """
    from manyfit.fitting._scratch import files

    paths = files()
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        click.echo(str(path))
        if yes:
            path.unlink(missing_ok=True)
    count = f"{len(paths)} file{'' if len(paths) == 1 else 's'}"
    click.echo(f"{count}, {size / 1e6:.1f} MB{' removed' if yes else '; --yes removes them' if paths else ''}.")

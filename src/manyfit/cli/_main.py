"""The group of all commands, and what they share: errors as one message, warnings as one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import click

from manyfit import __version__
from manyfit.cli._cannon import cannon
from manyfit.cli._cube import cube
from manyfit.cli._demo import demo
from manyfit.cli._explain import explain
from manyfit.cli._fit import fit
from manyfit.cli._gc import collect
from manyfit.cli._info import info
from manyfit.cli._models import models
from manyfit.cli._run import run
from manyfit.cli._scratch import scratch
from manyfit.cli._status import status
from manyfit.cli._tasks import tasks
from manyfit.cli._tsmap import tsmap
from manyfit.cli._watch import watch
from manyfit.errors import ManyfitError


class Commands(click.Group):
    """Commands whose errors of input and files are one message; ``--debug`` shows where they arose."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with warnings.catch_warnings(), _notes():
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            try:
                return super().invoke(ctx)
            except (ManyfitError, OSError) as error:
                if ctx.params["debug"]:
                    raise
                raise click.ClickException(str(error)) from error


class _Note(logging.Handler):
    """A line of what the library says of its files."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        click.echo(record.getMessage(), err=True)


@contextmanager
def _notes() -> Generator[None]:
    """Print where large files are unpacked."""
    logger, handler = logging.getLogger("manyfit.scratch"), _Note()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _show_warning(message: Warning | str, *_: Any) -> None:
    click.echo(f"Warning: {message}", err=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Try it without any file: manyfit demo",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where an error arose.")
def main(debug: bool) -> None:
    """Millions of independent fits: spectral cubes, TS maps, labels of stars, pipelines."""


for command in (cannon, cube, tsmap, demo, fit, info, models, run, status, explain, collect, scratch, watch, tasks):
    main.add_command(command)

"""How far a run has come: the injected callable, and one that draws a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING

from manyfit.errors import InputTypeError

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)``, in elements, in the thread that started the run."""


def progress_for(
    progress: bool | Progress | None, description: str = "Fitting"
) -> AbstractContextManager[Progress | None]:
    """From the user's `progress=` to a context manager that gives the callable, or None for silence.

    Parameters
    ----------
    progress
        ``None`` or ``False``: silent. ``True``: a bar (`rich_progress`). A callable: itself.
    description
        What the bar says is being done.

    Raises
    ------
    InputTypeError
        For anything else.

    Examples
    --------
    >>> with progress_for(lambda done, total: print(f"{done}/{total}")) as progress:
    ...     progress(3, 4)
    3/4
    """
    if progress is None or progress is False:
        return nullcontext(None)
    if progress is True:
        return rich_progress(description)
    if callable(progress):
        return nullcontext(progress)
    raise InputTypeError(
        f"progress is {progress!r}; give True, False or a function that is called as progress(done, total)."
    )


@contextmanager
def rich_progress(description: str, unit: str = "elements") -> Generator[Progress]:
    """A bar with rate and time left on standard error.

    Where standard error is not a terminal (a log file, a batch job), one plain line at the end takes its
    place.

    Parameters
    ----------
    description
        What is being done.
    unit
        What is counted, as a plural.

    Examples
    --------
    >>> with rich_progress("Fitting", "spectra") as progress:
    ...     progress(500, 1000)
    """
    from rich.console import Console

    console = Console(stderr=True)
    with _bar(console, description, unit) if _is_live(console) else _line(console, description, unit) as report:
        yield report


def _is_live(console: Console) -> bool:
    """Whether a bar can be redrawn; FORCE_COLOR does not make a terminal of a file."""
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None
    return sys.stderr.isatty() and not console.is_dumb_terminal


@contextmanager
def _bar(console: Console, description: str, unit: str) -> Generator[Progress]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=None, rate="")

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(task, rate=_rate(speed, unit) if speed else "")

        yield report


@contextmanager
def _line(console: Console, description: str, unit: str) -> Generator[Progress]:
    start, counts = time.monotonic(), (0, 0)

    def report(done: int, total: int) -> None:
        nonlocal counts
        counts = done, total

    try:
        yield report
    finally:
        if counts[1]:  # if not, it ended before there was anything to count
            seconds = time.monotonic() - start
            text = f"{description}: {counts[0]:,} of {counts[1]:,} {unit} in {seconds:.1f} s"
            text += f", {_rate(counts[0] / seconds, unit)}" if seconds > 0 else ""
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def _rate(per_second: float, unit: str) -> str:
    """A rate in words.

    >>> _rate(267123.4, "spectra"), _rate(0.3512, "spectra")
    ('267,123 spectra/s', '0.35 spectra/s')
    """
    return f"{per_second:,.0f} {unit}/s" if per_second >= 10 else f"{per_second:.2g} {unit}/s"

"""Opening what others wrote: whatever damage makes a reader raise is one error that names the file."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import InputError, ManyfitError, ManyfitWarning


@contextmanager
def foreign(name: object) -> Iterator[None]:
    """Turn what readers of other packages raise when a file makes no sense into an `InputError`.

    It is for code that reads, not for code of users, whose exceptions are theirs.

    Parameters
    ----------
    name
        The file, for the message.

    Raises
    ------
    InputError
        In place of anything but our own errors and those of the system.

    Examples
    --------
    >>> with foreign("cube.fits"):
    ...     {}["NAXIS"]
    Traceback (most recent call last):
    manyfit.errors.InputError: 'cube.fits' cannot be read (KeyError: 'NAXIS'). It is damaged or of another kind.
    """
    try:
        yield
    except (ManyfitError, OSError):
        raise
    # damaged bytes make readers raise anything: even that there is no memory for the lengths that they say
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip(": \n")
        raise InputError(f"{str(name)!r} cannot be read ({said}). It is damaged or of another kind.") from error


class _Quiet:
    """Leaves out warnings of other packages while any thread is inside.

    `warnings.catch_warnings` changes a setting of the whole process: of two threads that overlap, the one that leaves
    last would put back what the other had set.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("default", ManyfitWarning)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


#: What is odd about a file that can be read all the same is no news: ``with quiet, foreign(path)``.
quiet = _Quiet()

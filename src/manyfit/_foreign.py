"""Opening what others wrote: whatever damage makes a reader raise is one error that names the file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import InputError, ManyfitError, ManyfitWarning


@contextmanager
def foreign(name: object) -> Iterator[None]:
    """Turn what readers of other packages raise and warn of, when a file makes no sense, into an `InputError`.

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file that can be read is no news
            warnings.simplefilter("default", ManyfitWarning)
            yield
    except (ManyfitError, OSError):
        raise
    # damaged bytes make readers raise anything: even that there is no memory for the lengths that they say
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip(": \n")
        raise InputError(f"{str(name)!r} cannot be read ({said}). It is damaged or of another kind.") from error

"""Exceptions and warnings of manyfit.

::

    ManyfitError
    ├── InputError (ValueError)          the input cannot be fitted as given
    ├── InputTypeError (TypeError)       an object of a kind that is not accepted
    ├── ModelNotCompiled (TypeError)     the model cannot be turned into a kernel
    ├── OutputExists (FileExistsError)   the output is there already
    └── ClusterLost (ConnectionError)    the dask cluster of a run is gone

    ManyfitWarning (UserWarning)
    ├── FallbackWarning                  the model runs through the astropy fitter: slower, same answer
    ├── StartWarning                     start values were moved into their bounds
    └── CoordinatesWarning               a file cannot hold the coordinates of the maps

Every error has the builtin parent that a caller would expect to catch. The text says what was given, what is accepted
and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ManyfitError(Exception):
    """Base of all errors raised on purpose by manyfit."""


class InputError(ManyfitError, ValueError):
    """The input cannot be fitted as given."""


class InputTypeError(ManyfitError, TypeError):
    """An object of a kind that is not accepted."""


class ModelNotCompiled(ManyfitError, TypeError):
    """The model cannot be turned into a kernel; the text says what stopped it."""


class OutputExists(ManyfitError, FileExistsError):
    """The output is there already and overwriting was not asked for."""


class ClusterLost(ManyfitError, ConnectionError):
    """The dask cluster of a run is gone, or cannot be reached."""


class ManyfitWarning(UserWarning):
    """Base of all warnings of manyfit."""


class FallbackWarning(ManyfitWarning):
    """The model runs through the astropy fitter: slower, same answer."""


class StartWarning(ManyfitWarning):
    """Start values outside of their bounds were moved to the nearest bound."""


class CoordinatesWarning(ManyfitWarning):
    """A file cannot hold the coordinates of the maps."""


def unknown_name(kind: str, given: object, accepted: Iterable[str]) -> InputError:
    """The error for a name that is not in a list, with the nearest accepted one.

    >>> print(unknown_name("statistic", "chi", ["chi2", "cash"]))
    statistic 'chi' is not known. Accepted: 'chi2', 'cash'. Did you mean 'chi2'?
    """
    names = list(accepted)
    close = difflib.get_close_matches(str(given), names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return InputError(f"{kind} {given!r} is not known. Accepted: {', '.join(map(repr, names))}.{hint}")

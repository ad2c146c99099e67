"""What an astropy fitter says about each of its fits, kept for all elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any


def names_of(fit_info: bool | str | Iterable[str]) -> bool | tuple[str, ...]:
    """Which entries to keep: all (True), none (False) or those named.

    >>> names_of("nfev"), names_of(["nfev", "message"]), names_of(False)
    (('nfev',), ('nfev', 'message'), False)
    """
    if isinstance(fit_info, bool):
        return fit_info
    return (fit_info,) if isinstance(fit_info, str) else tuple(fit_info)


def record(info: Any, names: bool | tuple[str, ...]) -> Any:
    """A copy of what a fitter says about its last fit; its entries are attributes and items.

    Parameters
    ----------
    info
        ``fit_info`` of the fitter: a dictionary, a ``scipy.optimize.OptimizeResult``, or None.
    names
        Entries to keep, True for all.

    Raises
    ------
    AttributeError
        There is no such entry.

    Examples
    --------
    >>> record({"nfev": 7, "ierr": 1}, ("nfev",)).nfev
    7
    """
    from scipy.optimize import OptimizeResult

    entries = _entries(info)
    if names is True:
        return OptimizeResult(entries)
    missing = [name for name in names or () if name not in entries]
    if missing:
        known = ", ".join(sorted(entries)) or "nothing"
        raise AttributeError(f"fit_info on fitter has no attribute '{missing[0]}'. It has: {known}.")
    return OptimizeResult({name: entries[name] for name in names or ()})


def without_records(fitter: Any) -> Any:
    """The fitter, or a copy of it if it still holds the records of all elements of an earlier call.

    A fitter that keeps a dictionary (``LevMarLSQFitter``) writes into what it holds, and that fails with the
    container of an earlier call.
    """
    from astropy.modeling.fitting import FitInfoArrayContainer

    if not isinstance(getattr(fitter, "fit_info", None), FitInfoArrayContainer):
        return fitter
    fresh = copy(fitter)
    fresh.fit_info = {}
    return fresh


def evaluations(info: Any) -> int:
    """Number of evaluations, or of iterations, that a fitter reports; 1 if it reports none."""
    entries = _entries(info)
    for name in ("nfev", "num_function_calls", "numiter"):
        if entries.get(name) is not None:
            return int(entries[name])
    return 1


def _entries(info: Any) -> dict[str, Any]:
    if isinstance(info, Mapping):
        return dict(info)
    return dict(vars(info)) if hasattr(info, "__dict__") else {}

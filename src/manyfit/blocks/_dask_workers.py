"""Whether the workers of a dask cluster can do the work, and which of them could not."""

from __future__ import annotations

import socket
from typing import Any

from manyfit.errors import InputError

ANSWER_SECONDS = 10.0


def _version() -> str | None:
    """The version of manyfit where this runs. Pickled with its code: a worker may have no manyfit."""
    import importlib.metadata

    try:
        return importlib.metadata.version("manyfit")
    except importlib.metadata.PackageNotFoundError:
        return None


_version.__module__ = "__main__"  # so that it is pickled by value


def check_workers(client: Any) -> None:
    """Compare the version of manyfit on the workers that are there with that of this process.

    Raises
    ------
    InputError
        A worker has none or another; the text says which.
    """
    own = _version()
    if others := {worker: found for worker, found in _versions(client).items() if found != own}:
        said = [f"{worker} has {'no manyfit' if found is None else found}" for worker, found in others.items()]
        raise InputError(
            f"the dask workers need manyfit {own}, as here: {', '.join(said[:3])}"
            f"{f' and {len(said) - 3} more' if len(said) > 3 else ''}. Install the same version for all of them."
        )


def _versions(client: Any) -> dict[str, str | None]:
    """Of the workers that answer; one that is being lost at this moment does not, and then none is asked."""
    try:  # `Client.run` would wait without an end
        answers = client.sync(client._run, _version, on_error="return", callback_timeout=ANSWER_SECONDS)
    except OSError:
        return {}
    return {worker: found for worker, found in answers.items() if found is None or isinstance(found, str)}


def named(error: OSError) -> OSError:
    """An error of a file on a worker, with the name of the worker."""
    place = f"on the dask worker {_address()} ({socket.gethostname()})"
    if type(error) in (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
        return type(error)(f"{error}, {place}. Give a path that means the same on every worker.")
    error.add_note(f"This happened {place}.")
    return error


def _address() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:  # no worker: a test calls it
        return "of this process"

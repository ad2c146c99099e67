"""The dask cluster that a text means, for the fits inside of a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def scheduler_of(text: str | None) -> Iterator[Any]:
    """What `manyfit.fit` takes as scheduler: a client of the cluster at an address, or the text itself."""
    if text is None or "://" not in text:
        yield text
        return
    from distributed import Client

    with Client(text) as client:
        yield client

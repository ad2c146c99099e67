"""What stores are of, and how a store of each kind is opened."""

from __future__ import annotations

from manyfit.blocks._store import BlockStore
from manyfit.errors import InputError

#: Words for each kind, the entry ``kind`` of a manifest.
OPENED_BY = {
    "fit": "manyfit.FitResult.open(place)",
    "ts map": "manyfit.tsmap.TSMap.open(place)",
    "labels": "manyfit.cannon.LabelTable.open(place)",
}


def kind_of(store: BlockStore) -> str | None:
    """What a store is of; None if it does not say."""
    said = store.manifest.get("kind")
    return said if isinstance(said, str) else None


def check_kind(store: BlockStore, kind: str) -> None:
    """Refuse a store of another kind.

    Raises
    ------
    InputError
        The store is of another kind; the text says how to open it.
    """
    found = kind_of(store)
    if found == kind:
        return
    opened = f"Open it by {OPENED_BY[found]}." if found in OPENED_BY else "'manyfit info' says what is in it."
    raise InputError(f"{store.objects.place!r} is a store, but of kind {found!r}, not {kind!r}. {opened}")

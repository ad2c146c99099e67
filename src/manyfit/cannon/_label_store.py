"""Labels in a store: what each block of stars writes, and a store as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, BlockStore, Executor, Field, Layout, extent_of, fill, plan
from manyfit.blocks._kinds import check_kind
from manyfit.errors import InputError

from ._flags import FLAG_SENTENCES
from ._infer import Labelling
from ._label_manifest import KIND, manifest
from ._label_status import LABEL_STATUS_TABLE, LabelStatus
from ._label_table import LabelTable, array_names
from ._stars import Stars

Arrays = Mapping[str, NDArray[Any]]

STARS = 1024  # of a block
TIMES = 8  # blocks are so many times larger than suits the cache: each costs twenty files, or requests
FILL = {"status": int(LabelStatus.NOT_FITTED), "best_start": -1}
DIMS = {
    "labels": ("label",),
    "errors": ("label",),
    "covariance": ("label", "other_label"),
    "formal_covariance": ("label", "other_label"),
    "chip_chi2": ("chip",),
    "chip_pixels": ("chip",),
    "nuisance": ("term",),
    "nuisance_error": ("term",),
}


def label_into(
    place: str | Path,
    labelling: Labelling,
    stars: Stars,
    executor: Executor,
    progress: Callable[[int, int], None] | None = None,
    most: int = STARS,
) -> BlockStore:
    """Label the stars that a store does not have yet.

    Parameters
    ----------
    place
        Path or URL of the store.
    labelling
        Model and options.
    stars
        The spectra.
    executor, progress
        Where, and who is told how many stars are done.
    most
        Stars of a block of a new store.

    Raises
    ------
    InputError
        The store is of other labels, or workers cannot write to it.
    """
    empty = labelling.nothing()
    said = manifest(labelling, stars, tuple(empty.nuisance))
    bytes_per_star = 16 * len(labelling.model.wavelength) // TIMES
    shape, n_workers = (stars.n_stars,), executor.n_workers
    blocks = plan(shape, bytes_per_element=max(1, bytes_per_star), n_workers=n_workers, max_elements=most)
    layout = Layout(shape, extent_of(blocks), _fields(empty, said, stars.ids), ("star",))
    store = BlockStore.make(place, layout, said)
    width = store.layout.fields["id"].trailing[0] if "id" in store.layout.fields else 0
    fill(store, LabelWork(labelling, stars, width), executor=executor, progress=progress)
    return store


def _fields(empty: LabelTable, said: Mapping[str, Any], ids: NDArray[Any] | None) -> dict[str, Field]:
    words: dict[str, Any] = {
        "labels": {"names": said["labels"]},
        "errors": {"names": said["labels"], "comment": said["errors"]},
        "status": {str(int(code)): text.sentence for code, text in LABEL_STATUS_TABLE.items()},
        "flags": {str(int(bit)): sentence for bit, sentence in FLAG_SENTENCES.items()},
        "nuisance": {"names": said["nuisance"]},
        "nuisance_error": {"names": said["nuisance"]},
    }
    found = {}
    for name, array in arrays_of(empty).items():
        nothing = np.nan if array.dtype.kind == "f" else FILL.get(name, 0)
        found[name] = Field(str(array.dtype), array.shape[1:], nothing, DIMS.get(name, ()), words.get(name))
    if ids is not None:
        comment = {"comment": "bytes of UTF-8, filled up by zeros"}
        found["id"] = Field("uint8", (encoded(ids).dtype.itemsize,), 0, ("byte",), comment)
    return found


def arrays_of(table: LabelTable) -> dict[str, NDArray[Any]]:
    """All that is stored of a table but for its names."""
    arrays = {name: getattr(table, name) for name in array_names()}
    arrays["errors"] = np.stack([table.error(name) for name in table.label_names], axis=-1)
    for name in ("nuisance", "nuisance_error"):
        if columns := getattr(table, name):
            arrays[name] = np.stack(list(columns.values()), axis=-1)
    return arrays


def encoded(ids: NDArray[Any]) -> NDArray[np.bytes_]:
    """Names as UTF-8, of one byte or more."""
    found = np.char.encode(ids, "utf-8")
    return found.astype(f"S{max(1, found.dtype.itemsize)}")


def texts(rows: NDArray[np.uint8]) -> NDArray[Any]:
    """Names from rows of bytes."""
    width = rows.shape[1]
    return np.char.decode(np.ascontiguousarray(rows).view(f"S{width}")[:, 0], "utf-8", "replace").astype(f"U{width}")


@dataclass(frozen=True, eq=False)
class LabelWork:
    """Reads and labels a block of stars.

    Attributes
    ----------
    labelling
        How.
    stars
        Which.
    width
        Bytes of a name.
    """

    labelling: Labelling
    stars: Stars
    width: int

    def __call__(self, block: Block) -> tuple[Arrays, Mapping[str, Any]]:
        """What to write."""
        part = self.stars.read(block)
        arrays = arrays_of(self.labelling(part.flux, part.ivar, part.mask))
        if self.stars.ids is not None:
            names = encoded(self.stars.ids[block.slices]).astype(f"S{self.width}")
            arrays["id"] = names.view(np.uint8).reshape(-1, self.width)
        return arrays, {"failed": {str(i): why for i, why in part.failed.items()}} if part.failed else {}


# -- reading ---------------------------------------------------------------------------------------------------------


def open_labels(place: str | Path) -> LabelTable:
    """The table in a store; see `LabelTable.open`."""
    store = opened(place)
    arrays = {name: store.array(name) for name in store.layout.stored()}
    return _table(store, arrays, lambda rows: rows.map_blocks(texts, dtype=f"U{rows.shape[1]}", drop_axis=1))


def opened(place: str | Path) -> BlockStore:
    """A store, if it is of labels."""
    store = BlockStore.open(place)
    check_kind(store, KIND)
    return store


def tables_of(store: BlockStore) -> Iterator[tuple[Block, LabelTable, dict[int, str]]]:
    """The table of each block that is done, in their order, and why there is no spectrum, by place in the block."""
    for block in done_blocks(store):
        arrays = {name: store.read(name, block) for name in store.layout.stored()}
        yield block, _table(store, arrays, texts), failed_in(store, block)


def done_blocks(store: BlockStore) -> list[Block]:
    """The blocks that are done, in their order."""
    done = store.done()
    return [block for block in store.plan.blocks if block.index in done]


def failed_in(store: BlockStore, block: Block) -> dict[int, str]:
    """Why there is no spectrum, by place in the block."""
    failed = store.marker(block).get("notes", {}).get("failed", {})
    return {int(i): str(why) for i, why in failed.items()}


def _table(store: BlockStore, arrays: Mapping[str, Any], names_of: Callable[[Any], Any]) -> LabelTable:
    try:
        names = [str(name) for name in store.manifest["nuisance"]]
        values, errors = (
            {name: arrays[kind][:, k] for k, name in enumerate(names)} for kind in ("nuisance", "nuisance_error")
        )
        return LabelTable(
            tuple(map(str, store.manifest["labels"])),
            **{name: arrays[name] for name in array_names()},
            nuisance=values,
            nuisance_error=errors,
            ids=names_of(arrays["id"]) if "id" in arrays else None,
        )
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"{store.objects.place!r} is damaged ({error!r}). Label again into another place.") from error

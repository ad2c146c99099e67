"""Results that are written block by block, survive the death of their writer, and are completed by the next."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit._foreign import foreign
from manyfit.blocks._difference import difference
from manyfit.blocks._layout import Layout
from manyfit.blocks._objects import PARTS, Objects, objects_at
from manyfit.blocks._plan import Block, Plan
from manyfit.errors import InputError, OutputExists

FORMAT = 1
ROOT = "zarr.json"
DONE = "done"
LEFT_OUT = "left_out"
KEY = "manyfit"  # in the attributes of the group
#: Threads that check or read chunks: they wait for a disk or a network.
READERS = 8


@dataclass(frozen=True)
class Stage:
    """How far a store is."""

    blocks: int
    all_blocks: int
    elements: int
    all_elements: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return self.blocks == self.all_blocks

    def __str__(self) -> str:
        """Both in words."""
        share = 100 * self.elements / max(self.all_elements, 1)
        state = "Complete" if self.is_complete else f"Unfinished, {share:.1f} %"
        return (
            f"{state}: {self.elements:,} of {self.all_elements:,} elements "
            f"in {self.blocks:,} of {self.all_blocks:,} blocks."
        )


@dataclass(frozen=True)
class BlockStore:
    """A zarr group (version 3) of arrays that are written block by block.

    The root object is written first, once, and says what the store is of and how it is cut; it never changes. A block
    is one whole chunk of every array and, last, a marker ``done/NUMBER`` with the checksums of the chunks. So several
    writers share no object, and a block is there or not, whenever they die.

    Attributes
    ----------
    objects
        Where it is.
    layout
        The arrays.
    manifest
        What it is of, as JSON.
    """

    objects: Objects
    layout: Layout
    manifest: Mapping[str, Any]

    @classmethod
    def make(cls, place: str | Path, layout: Layout, manifest: Mapping[str, Any]) -> BlockStore:
        """A new store, or the one that is there if it is of the same.

        Parameters
        ----------
        place
            Path of a folder, or URL that fsspec knows.
        layout
            How a new store is cut. One that is there keeps its own, whatever workers and memory a run has.
        manifest
            What the results depend on. A store whose manifest differs is refused.

        Raises
        ------
        InputError
            The store is of something else (the text names the differences) or of a later version.
        OutputExists
            There is something that is no store.
        """
        objects = objects_at(place)
        plain = json.loads(json.dumps(manifest))
        root = json.dumps(_root(layout, plain), indent=1).encode()
        if objects.get(ROOT) is None:
            _check_empty(objects)
            objects.create(ROOT, root)  # if another run was faster, its root counts
        store = cls.open(place)
        if differences := difference(store.manifest, plain):
            raise InputError(
                f"{objects.place!r} holds results of something else:\n  "
                + "\n  ".join(differences)
                + "\nGive store another name, repeat the call that it was made by, or remove it."
            )
        for name, metadata in store.layout.metadata().items():
            if not objects.exists(f"{name}/{ROOT}"):
                # what is said about the arrays is in the new layout, which differs in its extent at most
                said = replace(store.layout, fields=layout.fields).metadata().get(name, metadata)
                objects.put(f"{name}/{ROOT}", json.dumps(said, indent=1).encode())
        return store

    @classmethod
    def open(cls, place: str | Path) -> BlockStore:
        """The store at a place, complete or not.

        Raises
        ------
        FileNotFoundError
            There is nothing.
        InputError
            There is something else, or a store of a later version.
        """
        objects = objects_at(place)
        content = objects.get(ROOT)
        if content is None:
            raise FileNotFoundError(f"There is no store {objects.place!r}. Check the name and the folder.")
        try:
            inside = json.loads(content)["attributes"][KEY]
            form, layout, manifest = inside["format"], inside["layout"], inside["manifest"]
            if form <= FORMAT:
                return cls(objects, Layout.from_json(layout), dict(manifest.items()))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{objects.place!r} is no store of manyfit, or it is damaged ({type(error).__name__}: {error}). "
                "Give one that was written by store=."
            ) from error
        raise InputError(f"{objects.place!r} has the layout {form}; this version knows up to {FORMAT}. Update manyfit.")

    # -- writing ---------------------------------------------------------------------------------------------------

    def put(self, block: Block, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any] | None = None) -> None:
        """Write a block: the chunk of each array, then the marker.

        Parameters
        ----------
        block
            One of `plan`.
        arrays
            Values of each field (elements or shape of the block, ...).
        notes
            What else is known about the block, as JSON.
        """
        places = {name: self.layout.chunk_name(name, block) for name in self.layout.stored()}
        contents = {name: self.layout.encoded(name, block, arrays[name]) for name in places}
        self.objects.put_all({places[name]: content for name, content in contents.items()})
        sums = {name: zlib.crc32(content) for name, content in contents.items()}
        marker = {"crc32": sums} | ({"notes": dict(notes)} if notes else {})
        self.objects.put(_marker(block), json.dumps(marker).encode())

    def leave_out(self, blocks: Iterable[Block]) -> None:
        """Count blocks as done that have nothing but fill values: no chunk is written, and one object names them all.

        Every run on a store leaves out the same blocks, so it does not matter which of them writes.
        """
        numbers = {block.index for block in blocks}
        if self.left_out() != numbers:  # not there yet, or damaged by a loss of power
            self.objects.put(LEFT_OUT, json.dumps(_runs(numbers)).encode())

    def is_done(self, block: Block) -> bool:
        """Whether a block was written."""
        return self.objects.exists(_marker(block))

    def tidy(self) -> None:
        """Remove what killed runs left half written; only when no other run writes."""
        self.objects.tidy()

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """All blocks."""
        return self.layout.plan()

    def done(self) -> set[int]:
        """Numbers of the blocks that are written, or left out."""
        return self._written() | self.left_out()

    def left_out(self) -> set[int]:
        """Numbers of the blocks that have fill values only."""
        content, n_blocks = self.objects.get(LEFT_OUT), math.prod(self.layout.counts)
        try:
            runs = json.loads(content) if content else []
            return {i for first, last in runs for i in range(max(first, 0), min(last + 1, n_blocks))}
        except (ValueError, TypeError):  # damaged: its blocks are missing, and the next run leaves them out again
            return set()

    def _written(self) -> set[int]:
        return {int(name) for name in self.objects.names(DONE) if name.isdigit()}

    def remaining(self) -> Plan:
        """The blocks to be fitted: those that are not written, or were damaged by a loss of power."""
        plan, done = self.plan, self._written()
        written = [block for block in plan.blocks if block.index in done]
        if self.objects.may_tear:
            with ThreadPoolExecutor(READERS) as pool:
                whole = pool.map(self.is_whole, written)
                done = {block.index for block, is_whole in zip(written, whole, strict=True) if is_whole}
        done |= self.left_out()
        return replace(plan, blocks=tuple(block for block in plan.blocks if block.index not in done))

    def is_whole(self, block: Block) -> bool:
        """Whether all chunks of a block are as its marker says."""
        try:
            sums = self.marker(block)["crc32"]
            return all(self._checked(name, block, sums[name]) is not None for name in self.layout.stored())
        except (ValueError, KeyError, TypeError):
            return False

    def progress(self) -> Stage:
        """How far the store is."""
        plan, done = self.plan, self.done()
        written = sum(block.n_elements for block in plan.blocks if block.index in done)
        return Stage(len(done), len(plan.blocks), written, plan.n_elements)

    def marker(self, block: Block) -> dict[str, Any]:
        """Checksums and notes of a block; empty if it is not written."""
        content = self.objects.get(_marker(block))
        with foreign(f"{self.objects.place}/{_marker(block)}"):
            return {} if content is None else dict(json.loads(content))

    def read(self, name: str, block: Block) -> NDArray[Any]:
        """The values of a block; the fill value if it is not written.

        Raises
        ------
        InputError
            The block was written and is damaged or missing.
        """
        if name not in self.layout.stored():
            return self.layout.empty(name, block)
        marker = self.marker(block)
        if not marker:
            return self.layout.empty(name, block)
        with foreign(f"{self.objects.place}/{_marker(block)}"):
            checksum = marker["crc32"][name]
        content = self._checked(name, block, checksum)
        if content is None:
            raise InputError(
                f"{self.objects.place!r} is damaged: {self.layout.chunk_name(name, block)!r} is missing or does not "
                "have its checksum. Repeat the call that wrote it: it fits such blocks again."
            )
        with foreign(f"{self.objects.place}/{self.layout.chunk_name(name, block)}"):
            return self.layout.decoded(name, block, content)

    def _checked(self, name: str, block: Block, checksum: int) -> bytes | None:
        """A chunk, None if it is missing or damaged."""
        content = self.objects.get(self.layout.chunk_name(name, block))
        return content if content is not None and zlib.crc32(content) == checksum else None

    def array(self, name: str) -> Any:
        """An array as a dask array of its blocks, with the axes as they are stored, read when they are asked for."""
        from dask.array import Array, full
        from dask.base import tokenize

        field, layout = self.layout.fields[name], self.layout
        if 0 in layout.shape:
            return full(field.stored((*layout.shape, *field.trailing)), field.fill, dtype=field.dtype)
        key = f"manyfit-{name}-{tokenize(self.objects.place, json.dumps(self.manifest), name)}"
        read, last = partial(self._read_number, name), (0,) * len(field.trailing)
        places = product(*map(range, layout.counts))
        graph = {(key, *field.stored((*place, *last))): (read, index) for index, place in enumerate(places)}
        chunks = [_lengths(n, e) for n, e in zip(layout.shape, layout.extent, strict=True)]
        return Array(graph, key, field.stored((*chunks, *((n,) for n in field.trailing))), np.dtype(field.dtype))

    def _read_number(self, name: str, index: int) -> NDArray[Any]:
        values = self.read(name, self.layout.block(index))
        return values.transpose(self.layout.fields[name].stored(range(values.ndim)))


def _lengths(n: int, extent: int) -> tuple[int, ...]:
    return tuple(min(extent, n - start) for start in range(0, n, extent))


def _runs(numbers: set[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow each other.

    >>> _runs({0, 1, 2, 5, 7, 8})
    [(0, 2), (5, 5), (7, 8)]
    """
    firsts = sorted(n for n in numbers if n - 1 not in numbers)
    lasts = sorted(n for n in numbers if n + 1 not in numbers)
    return list(zip(firsts, lasts, strict=True))


def _marker(block: Block) -> str:
    return f"{DONE}/{block.index:08d}"


def _root(layout: Layout, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """``zarr.json`` of the group, with those of the arrays, so that readers need not look for them."""
    inside = {"format": FORMAT, "layout": layout.to_json(), "manifest": manifest}
    consolidated = {"kind": "inline", "must_understand": False, "metadata": layout.metadata()}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {KEY: inside},
        "consolidated_metadata": consolidated,
    }


def _check_empty(objects: Objects) -> None:
    others = [name for name in objects.names() if name != PARTS]
    if others and objects.get(ROOT) is None:  # which another run may have written by now
        raise OutputExists(
            f"{objects.place!r} exists and is no store of manyfit: it has {', '.join(sorted(others)[:3])}. "
            "Give store another name."
        )

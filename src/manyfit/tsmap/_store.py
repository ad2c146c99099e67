"""A TS map in a store: what each block of positions writes, and a store as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit._foreign import foreign, quiet
from manyfit.blocks import Block, BlockStore, Field, Layout, executor_for, extent_of, fill, progress_for
from manyfit.blocks._kinds import check_kind
from manyfit.errors import InputError

from ._cards import kept
from ._columns import WORDS
from ._fit import FitWork, tiles
from ._grid import Grid
from ._manifest import KIND, manifest
from ._problem import SkyProblem
from ._scan import best_of
from ._solution import Room, Solution
from ._status import SkyStatus
from ._ts_map import TSMap
from ._where import Where

Arrays = Mapping[str, NDArray[Any]]

INDEX = "spectral_index"
POSITION = {"lon": "longitude in the frame of the map, deg", "lat": "latitude, deg"}
PIXEL = "4**(level + 1) + number in nested order, of each HEALPix pixel"


def fit_into(place: str | Path, empty: TSMap, problem: SkyProblem, where: Where) -> TSMap:
    """Fit the positions that a store does not have yet.

    Parameters
    ----------
    place
        Path or URL of the store.
    empty
        The map without results.
    problem
        What to fit.
    where
        Executor, memory of a new store, and progress.

    Raises
    ------
    InputError
        The store is of another map, or workers cannot write to it.
    """
    executor = executor_for(where.scheduler, where.workers)
    layout = _layout(empty.grid, executor.n_workers, where.memory, scanned=len(problem.spectra) > 1)
    store = BlockStore.make(place, layout, manifest(empty, problem))
    if store.remaining().blocks:
        with progress_for(where.progress) as progress:
            fill(store, _work(problem, empty.grid), executor=executor, progress=progress)
    return map_of(store)


def _layout(grid: Grid, n_workers: int, memory: int | None, *, scanned: bool) -> Layout:
    named = {"niter": Field("int16", fill=0), "status": Field("int8", fill=int(SkyStatus.NOT_FITTED))}
    names = [*(f.name for f in fields(Solution)), *([INDEX] if scanned else [])]
    found = {name: named.get(name, Field("float64")) for name in names}
    said = {name: WORDS[name] for name in found} | POSITION | {"uniq": PIXEL}
    found |= dict.fromkeys(POSITION, Field("float64"))
    if grid.uniq is not None:
        found["uniq"] = Field("int64", fill=0)
    described = {
        name: Field(field.dtype, fill=field.fill, attributes={"description": said[name]})
        for name, field in found.items()
    }
    return Layout((len(grid),), extent_of(tiles(len(grid), n_workers, memory)), described, ("position",))


@dataclass(frozen=True, eq=False)
class StoreWork:
    """Fits a tile of positions with each of some spectra, and keeps the best.

    Attributes
    ----------
    works
        One for each spectrum.
    indices
        Their indices.
    grid
        The positions.
    """

    works: Sequence[FitWork]
    indices: NDArray[np.float64]
    grid: Grid

    def __call__(self, tile: Block) -> tuple[Arrays, Mapping[str, Any]]:
        """What to write."""
        (here,) = tile.slices
        own = Block(0, (slice(0, tile.n_elements),))
        solutions = []
        for work in self.works:
            room = Room.of(tile.n_elements)
            room.collect(own, work(tile))
            solutions.append(room.solution())
        best, which = best_of(solutions)
        arrays = {f.name: getattr(best, f.name) for f in fields(Solution)}
        arrays |= {"lon": self.grid.lon[here], "lat": self.grid.lat[here], INDEX: self.indices[which]}
        return arrays if self.grid.uniq is None else arrays | {"uniq": self.grid.uniq[here]}, {}


def _work(problem: SkyProblem, grid: Grid) -> StoreWork:
    vectors = grid.vectors
    works = [FitWork.of(problem, rows, vectors) for rows in problem.rows()]
    return StoreWork(works, np.array([getattr(each, "index", np.nan) for each in problem.spectra]), grid)


# -- reading ---------------------------------------------------------------------------------------------------------


def open_map(place: str | Path) -> TSMap:
    """The map in a store; see `TSMap.open`."""
    with quiet, foreign(place):
        return map_of(BlockStore.open(place))


def told(store: BlockStore) -> str:
    """What ``manyfit info`` says of a store."""
    return map_of(store).summary()


def map_of(store: BlockStore) -> TSMap:
    """The positions that a store has."""
    check_kind(store, KIND)
    try:
        return _made(store, store.manifest["map"], store.manifest["positions"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{store.objects.place!r} is damaged ({error!r}). Fit again into another place.") from error


def _made(store: BlockStore, cards: Mapping[str, Any], positions: Mapping[str, Any]) -> TSMap:
    done = store.done()
    blocks = [block for block in store.plan.blocks if block.index in done]
    found = {name: _joined(store, name, blocks) for name in store.layout.fields}
    solution = Solution(**{f.name: found[f.name] for f in fields(Solution)})
    grid = Grid(
        found["lon"], found["lat"], positions["frame"], found.get("uniq"), positions["nside"], positions["order"]
    )
    return TSMap(grid, solution, spectral_index=found.get(INDEX), **kept(cards))


def _joined(store: BlockStore, name: str, blocks: Sequence[Block]) -> NDArray[Any]:
    parts = [np.empty(0, store.layout.fields[name].dtype), *(store.read(name, block) for block in blocks)]
    return np.concatenate(parts)

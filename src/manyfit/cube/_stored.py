"""The fit of a cube in a store: the zarr group that `manyfit.fit` writes, and beside it what was refitted.

The refits from neighbours are one small object, written when all of them are done. A run that is ended before that
repeats them; they start from what is in the store, so they are the same.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import BlockStore
from manyfit.blocks._difference import difference
from manyfit.blocks._objects import objects_at
from manyfit.cube._coherence import coherent
from manyfit.cube._refit_report import RefitReport
from manyfit.errors import InputError, ModelNotCompiled
from manyfit.fitting._result import FitResult
from manyfit.kernels import Solution
from manyfit.models import formula

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube
    from manyfit.cube._cube_fit import CubeFit

#: Name of the object.
REFITS = "refits"
#: Arrays of a solution.
ARRAYS = tuple(f.name for f in fields(Solution))
#: What a store has to have in common with a cube.
OF_CUBE = ("shape", "data", "coordinates", "masks")


@dataclass(frozen=True, eq=False)
class Refits:
    """The spectra whose fit is another one since their neighbours were looked at.

    Attributes
    ----------
    places
        Flat indices, ascending (n,).
    rows
        Their results by name: those of a solution, and ``value NAME`` and ``error NAME`` of stored parameters.
    report
        What was done.
    """

    places: NDArray[np.intp]
    rows: dict[str, NDArray[Any]]
    report: RefitReport

    @classmethod
    def of(cls, fit: CubeFit) -> Refits:
        """Those of a fit in memory."""
        report, parameters = fit.refits, fit.result.parameters
        assert report is not None
        places = np.flatnonzero(report.changed)
        arrays = {name: getattr(parameters.solution, name) for name in ARRAYS}
        for name, (value, error) in parameters.stored.items():
            arrays |= {f"value {name}": value, f"error {name}": error}
        axes = len(fit.shape)
        rows = {name: np.asarray(a).reshape(-1, *a.shape[axes:])[places] for name, a in arrays.items()}
        return cls(places, rows, report)

    def to_bytes(self) -> bytes:
        """A checksum and an npz file, the same for the same refits."""
        said = {f.name: getattr(self.report, f.name) for f in fields(RefitReport) if f.name != "changed"}
        text = np.frombuffer(json.dumps(said).encode(), np.uint8)
        out = io.BytesIO()
        arrays: dict[str, Any] = {f"row {name}": row for name, row in self.rows.items()}
        np.savez(out, places=self.places, report=text, **arrays)
        return zlib.crc32(out.getvalue()).to_bytes(4, "big") + out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, shape: tuple[int, ...]) -> Refits:
        """From `to_bytes`.

        Raises
        ------
        ValueError
            The content is damaged.
        """
        if zlib.crc32(content[4:]).to_bytes(4, "big") != content[:4]:
            raise ValueError("it does not have its checksum")
        with np.load(io.BytesIO(content[4:]), allow_pickle=False) as file:
            places = file["places"]
            rows = {name.removeprefix("row "): file[name] for name in file.files if name.startswith("row ")}
            said = json.loads(file["report"].tobytes())
        changed = np.zeros(shape, bool)
        changed.reshape(-1)[places] = True
        return cls(places, rows, RefitReport(**said, changed=changed))

    def into(self, result: FitResult) -> FitResult:
        """A result of a store with these rows in their places, read when they are asked for."""
        taken = partial(_taken, places=self.places, shape=result.shape)
        ours = result.parameters
        arrays = {name: taken(getattr(ours.solution, name), self.rows[name]) for name in ARRAYS}
        stored = {
            name: (taken(value, self.rows[f"value {name}"]), taken(error, self.rows[f"error {name}"]))
            for name, (value, error) in ours.stored.items()
        }
        return replace(result, parameters=replace(ours, solution=Solution(**arrays), stored=stored))


def _taken(array: Any, rows: NDArray[Any], places: NDArray[np.intp], shape: tuple[int, ...]) -> Any:
    """A dask array with some rows taken from elsewhere."""
    import dask.array as da

    if not places.size:
        return array
    index = np.array(np.unravel_index(places, shape))

    def of_block(values: NDArray[Any], block_info: Any = None) -> NDArray[Any]:
        begin, end = np.array(block_info[0]["array-location"][: len(shape)]).T[:, :, None]
        here = np.all((index >= begin) & (index < end), axis=0)
        out = np.array(values)
        out[tuple((index - begin)[:, here])] = rows[here]
        return out

    return da.map_blocks(of_block, array, dtype=array.dtype, meta=np.empty((0,) * array.ndim, array.dtype))


# -- writing -----------------------------------------------------------------------------------------------------------


def kept(fit: CubeFit, place: str | Path) -> CubeFit:
    """A fit that was just written to a store, with its refits, which are made if they are not there."""
    fit = replace(fit, result=_with_ties(fit.result))
    if not fit.coherence:
        return fit
    objects = objects_at(place)
    try:
        found = _refits(objects.get(REFITS), fit.shape)
    except InputError:  # damaged by a loss of power
        found = None
    if found is None:
        found = Refits.of(coherent(replace(fit, result=fit.result.compute())))
        objects.put(REFITS, found.to_bytes())
        objects.tidy()
    return replace(fit, result=found.into(fit.result), refits=found.report)


def _with_ties(result: FitResult) -> FitResult:
    """With the expressions of tied parameters, which a store does not hold: errors of integrals need them."""
    try:
        tied = formula(result.needs_data("A store of a cube").model).tied
    except ModelNotCompiled:
        return result
    return replace(result, parameters=replace(result.parameters, tied=dict(tied)))


def _refits(content: bytes | None, shape: tuple[int, ...]) -> Refits | None:
    if content is None:
        return None
    try:
        return Refits.from_bytes(content, shape)
    except ValueError as error:
        raise InputError(f"{REFITS} of the store is damaged ({error}). Repeat the call that wrote it.") from error


# -- reading -----------------------------------------------------------------------------------------------------------


def open_fit(place: str | Path, cube: Cube, noise: Any = None, model: Model | None = None) -> CubeFit:
    """The fit in a store, with the cube that it is of; see `CubeFit.open`."""
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._task import Task
    from manyfit.fitting._strip import dressed
    from manyfit.fitting._template import known
    from manyfit.kernels import Status

    result = FitResult.open(place, model=model)
    template = known(result.template)
    own = dressed(template, {name: getattr(template, name).value for name in result.names}, result.system)
    whole = Task(cube, own, np.ones(cube.spatial_shape, bool), uncertainty=noise).run(compute=False)
    _check_cube(place, whole)
    found = _refits(objects_at(place).get(REFITS), result.shape)
    result = replace(result, problem=whole.problem, wcs=cube.wcs)
    result = result if found is None else found.into(result)
    select = np.asarray(result.status != Status.NOT_FITTED)
    task = Task(cube, own, select, uncertainty=noise)
    return CubeFit(result, task, noise=noise, refits=None if found is None else found.report, store=str(place))


def _check_cube(place: str | Path, of_cube: FitResult) -> None:
    """Refuse a cube that the store is not of.

    Raises
    ------
    InputError
        Another cube; the text names the differences.
    """
    from manyfit.fitting._manifest import manifest

    problem = of_cube.needs_data("A store of a cube")
    said, given = BlockStore.open(place).manifest, json.loads(json.dumps(manifest(problem, of_cube.options, None)))
    ours, theirs = ({key: each[key] for key in OF_CUBE} for each in (said, given))
    if lines := difference(ours, theirs):
        raise InputError(f"{str(place)!r} is of another cube:\n  " + "\n  ".join(lines) + "\nGive the one it is of.")

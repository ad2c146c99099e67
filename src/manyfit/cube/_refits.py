"""The spectra whose fit is another one since their neighbours were looked at: a few rows beside the maps of a fit."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._refit_report import RefitReport
from manyfit.kernels import Solution

if TYPE_CHECKING:
    from manyfit.fitting._parameters import Parameters
    from manyfit.fitting._result import FitResult

#: Arrays of a solution.
ARRAYS = tuple(f.name for f in fields(Solution))


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
        """A result with these rows in their places; those of dask arrays are put there when they are read."""
        if not self.places.size:
            return result
        taken = partial(_taken, places=self.places, shape=result.shape)
        ours = result.parameters
        arrays = {name: taken(getattr(ours.solution, name), self.rows[name]) for name in ARRAYS}
        stored = {
            name: (taken(value, self.rows[f"value {name}"]), taken(error, self.rows[f"error {name}"]))
            for name, (value, error) in ours.stored.items()
        }
        return replace(result, parameters=replace(ours, solution=Solution(**arrays), stored=stored))


def rows_of(parameters: Parameters) -> dict[str, NDArray[Any]]:
    """Arrays of parameters by name, as `Refits` has them."""
    rows = {name: getattr(parameters.solution, name) for name in ARRAYS}
    for name, (value, error) in parameters.stored.items():
        rows |= {f"value {name}": value, f"error {name}": error}
    return rows


def at(parameters: Parameters, places: NDArray[np.intp], stored: Mapping[str, Any]) -> Parameters:
    """Parameters of some elements alone, given by flat indices; the named ones as numbers."""
    axes = len(parameters.shape)

    def some(array: Any) -> NDArray[Any]:
        picked: NDArray[Any] = array.reshape(-1, *array.shape[axes:])[places]
        return picked

    arrays = {name: some(getattr(parameters.solution, name)) for name in ARRAYS}
    numbers = {name: (some(parameters.value(name)), some(parameters.error(name))) for name in stored}
    return replace(parameters, solution=Solution(**arrays), fixed={}, tied={}, stored=numbers)


def _taken(array: Any, rows: NDArray[Any], places: NDArray[np.intp], shape: tuple[int, ...]) -> Any:
    """An array with some rows taken from elsewhere."""
    if isinstance(array, np.ndarray):
        whole = np.array(array)
        whole.reshape(-1, *array.shape[len(shape) :])[places] = rows
        return whole
    import dask.array as da

    index = np.array(np.unravel_index(places, shape))

    def of_block(values: NDArray[Any], block_info: Any = None) -> NDArray[Any]:
        begin, end = np.array(block_info[0]["array-location"][: len(shape)]).T[:, :, None]
        here = np.all((index >= begin) & (index < end), axis=0)
        out = np.array(values)
        out[tuple((index - begin)[:, here])] = rows[here]
        return out

    return da.map_blocks(of_block, array, dtype=array.dtype, meta=np.empty((0,) * array.ndim, array.dtype))

"""The fits of a decomposition, each in a store of its own: a run that was ended repeats what was not written.

A decomposition is a sequence of fits, each of which starts from those before, in an order that data and options alone
decide. So their stores have numbers, and a run that is repeated finds each fit under its number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks._difference import difference
from manyfit.blocks._objects import Objects, objects_at
from manyfit.cube._bands import Bands
from manyfit.cube._choice import Needs
from manyfit.cube._sum_fit import Run
from manyfit.errors import InputError, OutputExists
from manyfit.fitting._fingerprint import digest, source_print
from manyfit.fitting._result import FitResult
from manyfit.fitting._source import source_of
from manyfit.kernels import Solution

#: Object that says what the folder is of.
ROOT = "decomposition.json"
#: Fits of fewer spectra take less time than to write them.
FEWEST = 512


@dataclass(eq=False)
class KeptSteps:
    """`manyfit.fit` with a store for each call.

    Attributes
    ----------
    run
        `manyfit.fit` with its options.
    place
        Folder or URL.
    count
        Calls so far.
    """

    run: Run
    place: str
    count: int = field(default=0)

    def __call__(self, model: Any, values: NDArray[np.float64], **given: Any) -> FitResult:
        """The result in memory, fitted now or by an earlier run."""
        if len(values) < FEWEST:
            return _of(self.run(model, values, **given))
        self.count += 1
        return _of(self.run(model, values, **given, store=f"{self.place}/{self.count:06d}").compute())


def kept_steps(
    run: Run, place: str | Path, bands: Bands, needs: Needs, select: NDArray[np.bool], n_max: int, most: int
) -> KeptSteps:
    """Fits that are kept in a folder, which is refused if it is of another decomposition.

    Raises
    ------
    InputError
        It is of another one; the text names the differences.
    OutputExists
        It is no such folder.
    """
    objects = objects_at(place)
    given = json.loads(json.dumps(_described(bands, needs, select, n_max, most)))
    content = json.dumps(given, indent=1).encode()
    if objects.get(ROOT) is None:
        if others := objects.names():
            raise OutputExists(f"{objects.place!r} exists and is no store of a decomposition: it has {others[0]!r}.")
        objects.create(ROOT, content)
    if lines := difference(_said(objects), given):
        raise InputError(
            f"{objects.place!r} is of another decomposition:\n  "
            + "\n  ".join(lines)
            + "\nGive store another name, repeat the call that it was made by, or remove it."
        )
    return KeptSteps(run, objects.place)


def _said(objects: Objects) -> Any:
    try:
        return json.loads(objects.get(ROOT) or b"")
    except ValueError as error:
        raise InputError(f"{ROOT} in {objects.place!r} is damaged ({error}). Remove the folder.") from error


def _described(bands: Bands, needs: Needs, select: NDArray[np.bool], n_max: int, most: int) -> dict[str, Any]:
    """All that the fits depend on."""
    from manyfit import __version__

    cube = bands.cube
    return {
        "manyfit": __version__,
        "data": source_print(source_of(cube.data)),
        "mask": None if cube.mask is None else source_print(source_of(cube.mask)),
        "spectral axis": f"{digest(cube.spectral_axis.value)} {cube.spectral_axis.unit}",
        "selected": f"{np.count_nonzero(select)} spectra, {digest(select)}",
        "noise": digest(bands.sigma),
        "width in channels": [bands.narrow, bands.wide],
        "criterion": getattr(needs.criterion, "__name__", ""),
        "least fall of chi2": needs.gain,
        "coefficients of the baseline": needs.n_baseline,
        "max_components": n_max,
        "max_iterations": most,
    }


def _of(result: FitResult) -> FitResult:
    """A result whose arrays are as a fit in memory makes them."""
    empty = Solution.empty(0, result.parameters.solution.values.shape[-1])
    ours = result.parameters.solution
    arrays = {f.name: np.asarray(getattr(ours, f.name), getattr(empty, f.name).dtype) for f in fields(Solution)}
    return replace(result, parameters=replace(result.parameters, solution=Solution(**arrays)))

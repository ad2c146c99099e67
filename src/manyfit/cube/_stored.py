"""The fit of a cube in a store: the zarr group that `manyfit.fit` writes, and beside it what was refitted.

The refits from neighbours are one small object, written when all of them are done. A run that is ended before that
repeats them; they start from what is in the store, so they are the same.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.blocks import BlockStore
from manyfit.blocks._difference import difference
from manyfit.blocks._objects import objects_at
from manyfit.cube._coherence import refits_of
from manyfit.cube._refits import Refits
from manyfit.errors import InputError, ModelNotCompiled
from manyfit.fitting._result import FitResult
from manyfit.models import formula

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube
    from manyfit.cube._cube_fit import CubeFit

#: Name of the object.
REFITS = "refits"
#: What a store has to have in common with a cube.
OF_CUBE = ("shape", "data", "coordinates", "masks")


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
        found = refits_of(fit.task, fit.result)
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

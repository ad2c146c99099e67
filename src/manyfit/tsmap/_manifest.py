"""What a store of a TS map says it is of: all that its numbers depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.fitting._fingerprint import digest, path_print

from ._cards import facts
from ._exposure import Exposure
from ._grid import Grid
from ._problem import SkyProblem
from ._ts_map import TSMap

KIND = "ts map"
PASSING = ("CREATOR", "DATE")  # facts of a file, not of the map


def manifest(empty: TSMap, problem: SkyProblem) -> dict[str, Any]:
    """Positions, counts, background, response, exposure, spectra and options of a map, as JSON.

    Parameters
    ----------
    empty
        The map without results.
    problem
        What is fitted.
    """
    from manyfit import __version__

    edges = problem.response.axes.interval("Ei").edges
    return {
        "manyfit": __version__,
        "kind": KIND,
        "map": {name: value for name, value in facts(empty).items() if name not in PASSING and name[:6] != "STATUS"},
        "positions": _positions(empty.grid),
        "counts": {"total": float(problem.d.sum()), "content": _joined([problem.d, problem.bins])},
        "background": {"content": digest(problem.b), "sum if its scale is free": problem.background_sum},
        "counts without background": asdict(problem.zero_background),
        "channels": list(problem.channels),
        "joint": problem.joint,
        "response": _response(problem),
        "exposure": _exposure(problem.exposure),
        "spectra": [digest(each.flux(edges)) for each in problem.spectra],
        "options": asdict(problem.options),
    }


def _positions(grid: Grid) -> dict[str, Any]:
    known = {"number": len(grid), "frame": grid.frame, "nside": grid.nside, "order": grid.order}
    return known | {"content": _joined([grid.lon, grid.lat])}


def _response(problem: SkyProblem) -> dict[str, Any]:
    """The file, whether or not it is read through an index; what the fit needs of one that is in memory."""
    source = getattr(problem.response, "response", problem.response)
    known = {"axes": list(source.axes.shape), "unit": source.unit}
    if hasattr(source, "path"):
        return known | path_print(source.path)
    return known | {"content": [_joined(rows) for rows in problem.rows()]}


def _exposure(exposure: Exposure) -> dict[str, Any]:
    known = {"seconds": float(exposure.seconds.sum()), "nside": exposure.nside, "Earth": exposure.zenith.size > 0}
    arrays = (exposure.attitudes, exposure.seconds, exposure.zenith, exposure.horizon)
    return known | {"content": _joined(arrays)}


def _joined(arrays: Iterable[NDArray[Any]]) -> str:
    return hashlib.sha256("".join(digest(np.asarray(array)) for array in arrays).encode()).hexdigest()[:32]

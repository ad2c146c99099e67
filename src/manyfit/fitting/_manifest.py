"""What a store of results says it is of: all that the numbers depend on."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Formula, Options
from ..kernels._emit import KernelSpec
from ..kernels._emit import source as kernel_source
from ..models._describe import describe
from ..models._stand_in import is_compound
from ._fingerprint import aligned_print, digest, grid_print, parameters_print, source_print, weighting_print
from ._fits_layout import KINDS, unit_text
from ._fits_wcs import wcs_header
from ._problem import Problem
from ._strip import UnitSystem
from ._template import shown
from ._work import Columns, is_weighted

if TYPE_CHECKING:
    from astropy.modeling import Model

KIND = "fit"


def manifest(
    problem: Problem,
    options: Options,
    formula: Formula | None,
    select: NDArray[np.bool] | None = None,
    keep: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Model, options, units and data of a fit, as JSON.

    Parameters
    ----------
    problem
        What is fitted.
    options
        How.
    formula
        The compiled model; None for one that is fitted through astropy.
    select
        True for the elements that are fitted, None for all.
    keep
        What is stored beside the parameters.
    """
    from .. import __version__

    tiles, names = problem.tiles, tuple(problem.model.param_names)
    columns = Columns.of(problem.model)
    return {
        "kind": KIND,
        "manyfit": __version__,
        "model": {
            "classes": shown(problem.model),
            "text": describe(problem.model),
            "compiled": formula is not None,
            "code": _code(problem, options, formula),
            "parameters": list(names),
            **{kind: list(getattr(columns, kind)) for kind in KINDS},
        },
        "options": asdict(options),
        "shape": list(problem.shape),
        "fitting axes": list(problem.axes.fitting),
        "select": _select(select),
        "keep": list(keep),
        "units": _units(problem.units),
        "wcs": _wcs(problem.wcs),
        "data": source_print(tiles.source),
        "coordinates": grid_print(tiles.grid),
        "masks": [aligned_print(mask) for mask in tiles.masks],
        "uncertainty": weighting_print(tiles.weighting),
        "start values": parameters_print(tiles.start, names),
        "lower bounds": parameters_print(tiles.lower, names),
        "upper bounds": parameters_print(tiles.upper, names),
    }


def _select(select: NDArray[np.bool] | None) -> dict[str, Any] | None:
    return None if select is None else {"elements": int(np.count_nonzero(select)), "content": digest(select)}


def _code(problem: Problem, options: Options, formula: Formula | None) -> str:
    """A digest of what is computed: of the kernel, or of the source of the model's classes where there is none."""
    if formula is not None:
        text = kernel_source(KernelSpec(formula, options.statistic, is_weighted(problem.tiles), "float64"))
    else:
        text = "\n".join(_source(leaf) for leaf in _leaves(problem.model))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _leaves(model: Model) -> list[Model]:
    return [*_leaves(model.left), *_leaves(model.right)] if is_compound(model) else [model]


def _source(leaf: Model) -> str:
    try:
        return inspect.getsource(type(leaf).evaluate)
    except (OSError, TypeError):  # it was typed into a prompt, or is no Python
        return f"{type(leaf).__module__}.{type(leaf).__qualname__}"


def _units(system: UnitSystem) -> dict[str, Any]:
    return {
        "attached": bool(system.attached),
        "data": _unit(system.data),
        "inputs": [_unit(unit) for unit in system.inputs],
        "parameters": {name: _unit(unit) for name, unit in system.parameters.items()},
    }


def _unit(unit: Any) -> str | None:
    return None if unit is None else unit_text(unit)


def _wcs(wcs: Any) -> list[list[Any]] | None:
    """Keywords and values: comments name the version of a library."""
    header = wcs_header(wcs)
    return None if header is None else [[card.keyword, card.value] for card in header.cards if card.keyword]

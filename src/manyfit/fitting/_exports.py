"""A result as a table, and as an xarray Dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels._status import TABLE
from ._template import shown
from ._world import low_level

if TYPE_CHECKING:
    from astropy.table import QTable
    from xarray import Dataset

    from ._result import FitResult

#: Short names of world coordinates by their physical type.
SHORT = {
    "pos.eq.ra": "ra",
    "pos.eq.dec": "dec",
    "pos.galactic.lon": "glon",
    "pos.galactic.lat": "glat",
}
NAMES = {int(code): text.name for code, text in TABLE.items()}
#: Meaning of the status, by the CF conventions.
FLAGS = {"flag_values": list(NAMES), "flag_meanings": " ".join(NAMES.values())}
OTHERS = ("statistic", "dof", "n_points", "n_iter", "status")


def to_table(result: FitResult) -> QTable:
    """One row for each element.

    The columns are its index along each axis (``index_0`` …), world coordinates if there is a WCS (``ra``,
    ``dec`` …), each parameter and its error (``mean``, ``mean_error``), statistic, counts and status, whose
    meaning is in ``table.meta["status"]``. It can be written by ``table.write("fit.ecsv")``.
    """
    from astropy.table import QTable

    result = result.compute()
    columns: dict[str, Any] = {
        f"index_{axis}": index.reshape(-1) for axis, index in enumerate(np.indices(result.shape))
    }
    columns |= {name: values.reshape(-1) for name, (values, _) in _world(result).items()}
    for name, values, unit in _maps(result):
        flat = np.reshape(values, -1)
        columns[_free_name(name, columns)] = flat if unit is None else flat * unit
    return QTable(columns, meta=_meta(result) | {"status": NAMES}, copy=False)


def to_xarray(result: FitResult) -> Dataset:
    """A variable for each map, named as in `to_table`, with the attribute ``units``.

    Dimensions are ``y`` and ``x`` for a map of the sky, else ``axis_0`` …; world coordinates have the
    dimensions that they depend on. Lazy results stay lazy.
    """
    import xarray

    dims = dims_of(result.wcs, result.shape)
    coords = {
        name: (tuple(dims[axis] for axis in axes), _along(values, axes).value, _units(values.unit))
        for name, (values, axes) in _world(result).items()
    }
    variables: dict[str, Any] = {}
    for name, values, unit in _maps(result):
        attributes = FLAGS if values is result.status else _units(unit)
        variables[_free_name(name, {**coords, **variables})] = (dims, values, attributes)
    return xarray.Dataset(variables, coords, attrs=_meta(result))


def _maps(result: FitResult) -> Iterator[tuple[str, Any, Any]]:
    """All maps without their units: name, values, unit."""
    for name in result.names:
        yield name, result.parameters.value(name), result.units[name]
        yield f"{name}_error", result.parameters.error(name), result.units[name]
    for name in OTHERS:
        yield name, getattr(result, name), None


def _free_name(name: str, taken: Any) -> str:
    """A name that no other column has: a model may have a parameter named ``ra`` or ``status``."""
    while name in taken:
        name = f"{name}_"
    return name


def _units(unit: Any) -> dict[str, str]:
    return {} if unit is None else {"units": unit.to_string()}


def _meta(result: FitResult) -> dict[str, Any]:
    from .. import __version__

    return {
        "creator": f"manyfit {__version__}",
        "model": shown(result.template),
        "statistic": result.options.statistic,
    }


# -- coordinates ---------------------------------------------------------------------------------------------


def _world(result: FitResult) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Each world coordinate as a map with its unit, and the axes that it depends on."""
    import astropy.units as u

    wcs = None if result.wcs is None else low_level(result.wcs)
    if wcs is None or 0 in result.shape:
        return {}
    values = wcs.array_index_to_world_values(*np.indices(result.shape))
    values = [values] if wcs.world_n_dim == 1 else values
    found: dict[str, tuple[Any, tuple[int, ...]]] = {}
    for i, name in enumerate(_world_names(wcs)):
        axes = np.flatnonzero(wcs.axis_correlation_matrix[i][::-1])
        unit = u.Unit(wcs.world_axis_units[i])
        found[_free_name(name, found)] = (np.asarray(values[i], np.float64) * unit, tuple(axes.tolist()))
    return found


def _world_names(wcs: Any) -> list[str]:
    """A short name for each world coordinate."""
    named = zip(wcs.world_axis_physical_types, wcs.world_axis_names, strict=True)
    return [
        SHORT.get(kind or "") or name or (kind or "").rpartition(".")[2] or f"world_{i}"
        for i, (kind, name) in enumerate(named)
    ]


def _along(values: Any, axes: tuple[int, ...]) -> Any:
    """A map reduced to the axes that it depends on."""
    return values[tuple(slice(None) if axis in axes else 0 for axis in range(values.ndim))]


def dims_of(wcs: Any, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the axes of maps: ``y`` and ``x`` on the sky, else ``axis_0`` …."""
    own = None if wcs is None else low_level(wcs)
    kinds = [] if own is None else [kind or "" for kind in own.world_axis_physical_types]
    if len(shape) == 2 and sum(kind.startswith("pos.") for kind in kinds) == 2:
        return "y", "x"
    return tuple(f"axis_{axis}" for axis in range(len(shape)))

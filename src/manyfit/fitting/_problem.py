"""The door: everything a user may give, turned into one record of plain arrays to be fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, InputTypeError
from ._aligned import Aligned, align
from ._axes import Axes, axes_of
from ._data import data_of
from ._grid import grid_of
from ._inputs import read
from ._room import check_points
from ._start import bounds_of, common_bounds, start_of
from ._strip import UnitSystem, bare, check_stripped, dressed, unit_system
from ._tile import Tile, Tiles
from ._wcs import iterating_wcs
from ._weights import weighting_of
from ._world import low_level, world_of, world_or_own

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.units import UnitBase

    from ..blocks import Block


@dataclass(frozen=True)
class Problem:
    """What is to be fitted: a model without units and tiles of plain arrays.

    Attributes
    ----------
    model
        Copy of the model without units and with one number per parameter; its constraints are kept, bounds in
        the units of the fit. Start values, and bounds that differ between elements, are in the tiles.
    axes
        Fitting and iterating axes of the data.
    tiles
        Reads the data and all that goes with it, one block at a time; can be pickled without the model.
    units
        Units of coordinates, data and parameters.
    data_wcs
        Low-level WCS of all axes of the data, None without one.
    absolute_sigma
        Whether uncertainties were given, so that errors of parameters are absolute.
    """

    model: Model
    axes: Axes
    tiles: Tiles
    units: UnitSystem
    data_wcs: Any
    absolute_sigma: bool

    @cached_property
    def wcs(self) -> Any:
        """WCS of the iterating axes, None without one."""
        return None if self.data_wcs is None else iterating_wcs(self.data_wcs, self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The iterating shape: that of every map of results."""
        return self.axes.iterating_shape

    @property
    def fitting_shape(self) -> tuple[int, ...]:
        """Lengths of the fitting axes, in the order of the inputs of the model."""
        return self.axes.fitting_shape

    @property
    def n_points(self) -> int:
        """Number of points of one element."""
        return self.axes.n_points

    @property
    def parameter_units(self) -> dict[str, UnitBase | None]:
        """Unit of each parameter by name, None for plain numbers."""
        return self.units.parameters

    @property
    def data_unit(self) -> UnitBase | None:
        """Unit of the data, or None."""
        return self.units.data

    @property
    def world(self) -> tuple[Any, ...] | None:
        """Coordinates of the fitting axes with units; None if they differ between elements (see ``tile``)."""
        return self.tiles.grid.labelled()

    @property
    def native_chunks(self) -> tuple[int, ...] | None:
        """Shape over the iterating axes of the chunks in which the data is stored, None without chunks."""
        chunks = self.tiles.source.chunks
        return None if chunks is None else tuple(chunks[axis] for axis in self.axes.iterating)

    def coordinates(self, block: Block) -> NDArray[np.float64]:
        """Coordinates in ``units.inputs``: (inputs, points) if all share them, else with elements first."""
        return self.tiles.grid.read(block.slices)

    def tile(self, block: Block) -> Tile:
        """Everything the kernels need for one block."""
        return self.tiles.read(block.slices)

    def restore(self, parameters: Mapping[str, ArrayLike]) -> Model:
        """The user's model with fitted parameters, and with units if the model or the data had units.

        Parameters
        ----------
        parameters
            Values in ``parameter_units`` by name, each of the iterating shape.
        """
        return dressed(self.model, parameters, self.units)


def problem(
    model: Model,
    data: Any,
    *,
    fitting_axes: Any = 0,
    world: Any = None,
    uncertainty: Any = None,
    weights: Any = None,
    mask: Any = None,
    data_unit: Any = None,
    equivalencies: Any = None,
    bounds: Mapping[str, Any] | None = None,
    strict: bool = False,
) -> Problem:
    """Turn everything a user may give into one record of plain arrays.

    Parameters
    ----------
    model
        astropy model of one output, with or without units; parameters are numbers or arrays that broadcast to
        the iterating shape.
    data
        Data of any kind that ``read`` accepts. Values that are not finite are left out.
    fitting_axes
        Axis (or axes, in the order of the inputs of the model) of the data along which the model is fitted.
    world
        Coordinates of the fitting axes: a WCS, an array or a tuple of arrays. By default those that come with
        the data, else pixel indices; ``"pixel"`` asks for pixel indices, ``"wcs"`` for the WCS of the data.
    uncertainty
        Standard deviation, or ``NDUncertainty``, that broadcasts to the data.
    weights
        Factors on the residuals (1 / standard deviation) that broadcast to the data.
    mask
        True (or not zero) for values to be left out; added to the mask that comes with the data.
    data_unit
        Unit of the data; takes the place of one that comes with it (a Quantity is converted).
    equivalencies
        Equivalencies for the conversion of the world to the units of the model.
    bounds
        ``{name: (lower, upper)}`` in place of the model's: numbers, Quantities, arrays or None.
    strict
        Whether to refuse as world what ``parallel_fit_dask`` refuses.

    Raises
    ------
    InputError, InputTypeError
        Input that cannot be fitted as given; the text says what is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.modeling.models import Gaussian1D
    >>> p = problem(Gaussian1D(), np.zeros((30, 5, 6)))
    >>> p.shape, p.n_points
    ((5, 6), 30)
    """
    _check(model)
    labelled = data_of(data, data_unit)
    axes = axes_of(fitting_axes, labelled.source.shape, model.n_inputs, labelled.names)
    check_points(math.prod(axes.fitting_shape))
    if len(model) not in (1, axes.iterating_shape[0] if len(axes.iterating) == 1 else 1):
        raise InputError(
            f"A model set of {len(model)} models does not match the iterating shape {axes.iterating_shape}. "
            "Give one model whose parameters are arrays that broadcast to the iterating shape."
        )
    chosen = world_or_own(world, labelled, axes)
    coordinates = world_of(chosen, axes, strict=strict)
    units = unit_system(model, coordinates.units, labelled.unit, pixels=chosen is None)
    if uncertainty is None and weights is None:
        uncertainty = labelled.uncertainty
    lower, upper = bounds_of(model, units, axes.iterating_shape, bounds)
    tiles = Tiles(
        axes=axes,
        source=labelled.source,
        grid=grid_of(coordinates, units.inputs, model, equivalencies),
        masks=tuple(_mask(m, axes) for m in (labelled.mask, mask) if m is not None and m is not np.ma.nomask),
        weighting=weighting_of(uncertainty, weights, axes, labelled.unit),
        start=start_of(model, units, axes.iterating_shape),
        lower=lower,
        upper=upper,
    )
    absolute = tiles.weighting is not None and tiles.weighting.meaning != "weight"
    stripped = bare(model, common_bounds(model.param_names, lower, upper))
    made = Problem(stripped, axes, tiles, units, _data_wcs(chosen, labelled.wcs, axes), absolute)
    _check_units(made)
    return made


def _check(model: object) -> None:
    from astropy.modeling import Model

    if isinstance(model, type) and issubclass(model, Model):
        raise InputTypeError(f"model is the class {model.__name__}. Give an instance: {model.__name__}(...).")
    if not isinstance(model, Model):
        raise InputTypeError(
            f"model is a {type(model).__name__}. Give an instance of an astropy model, such as Gaussian1D(1, 0, 1)."
        )
    if model.n_outputs != 1:
        raise InputError(f"The model has {model.n_outputs} outputs. A model of one output can be fitted.")


def _mask(mask: Any, axes: Axes) -> Aligned:
    return align("mask", read(mask, "mask").source, axes)


def _data_wcs(chosen: Any, own: Any, axes: Axes) -> Any:
    """The WCS that was chosen as world, or else that of the data; None if it is not of all axes."""
    wcs = low_level(own if low_level(chosen) is None else chosen)
    return None if wcs is None or wcs.pixel_n_dim != len(axes.shape) else wcs


def _check_units(made: Problem) -> None:
    """Refuse a model whose values with units and without differ at one point of the first element."""
    if 0 in made.shape or not made.units.attached or made.data_unit is None:
        return
    first = tuple(slice(0, 1) for _ in made.shape)
    x = made.tiles.grid.read(first).reshape(len(made.fitting_shape), -1)[:, made.n_points // 2]
    start = dict(zip(made.model.param_names, made.tiles.start.read(first)[0], strict=True))
    check_stripped(made.model, start, made.units, x)


def bytes_per_element(problem: Problem) -> int:
    """Bytes that one element takes while its block is read and fitted, for the planner.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.modeling.models import Const1D
    >>> bytes_per_element(problem(Const1D(), np.zeros((100, 7))))
    824
    """
    return problem.tiles.bytes_per_element

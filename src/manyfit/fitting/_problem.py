"""The door: everything a user may give, turned into one record of plain arrays to be fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from ..errors import InputError, InputTypeError
from ._aligned import Aligned, align
from ._axes import Axes, axes_of
from ._grid import grid_of
from ._inputs import read
from ._labelled import Labelled
from ._source import kind_of
from ._start import bounds_of, start_of
from ._strip import UnitSystem, bare, dressed, unit_system
from ._tile import Tile, Tiles
from ._wcs import iterating_wcs
from ._weights import weighting_of
from ._world import low_level, world_of

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
        Copy of the model without units and with one number per parameter; its constraints are kept. Start
        values and bounds are in the tiles.
    axes
        Fitting and iterating axes of the data.
    tiles
        Reads the data and all that goes with it, one block at a time; can be pickled without the model.
    units
        Units of coordinates, data and parameters.
    wcs
        WCS of the iterating axes, None without one.
    absolute_sigma
        Whether uncertainties were given, so that errors of parameters are absolute.
    """

    model: Model
    axes: Axes
    tiles: Tiles
    units: UnitSystem
    wcs: Any
    absolute_sigma: bool

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
    unit = _unit(data_unit)
    labelled = _read(data, unit)
    axes = axes_of(fitting_axes, labelled.source.shape, model.n_inputs, labelled.names)
    given = _world(world, labelled, axes)
    coordinates = world_of(given, axes, strict=strict)
    units = unit_system(
        model, coordinates.units, labelled.unit if unit is None else unit, pixels=given is None
    )
    if uncertainty is None and weights is None:
        uncertainty = labelled.uncertainty
    lower, upper = bounds_of(model, units, axes.iterating_shape, bounds)
    tiles = Tiles(
        axes,
        labelled.source,
        grid_of(coordinates, units.inputs, model, equivalencies),
        tuple(_mask(m, axes) for m in (labelled.mask, mask) if m is not None),
        weighting_of(uncertainty, weights, axes, units.data),
        start_of(model, units, axes.iterating_shape),
        lower,
        upper,
    )
    wcs = low_level(labelled.wcs if low_level(given) is None else given)
    return Problem(
        bare(model),
        axes,
        tiles,
        units,
        None if wcs is None or wcs.pixel_n_dim != len(axes.shape) else iterating_wcs(wcs, axes),
        tiles.weighting is not None and tiles.weighting.meaning != "weight",
    )


def _unit(data_unit: Any) -> UnitBase | None:
    import astropy.units as u

    try:
        return None if data_unit is None else u.Unit(data_unit)
    except (ValueError, TypeError) as error:
        raise InputError(f"data_unit={data_unit!r} is no unit: {error}") from None


def _read(data: Any, unit: UnitBase | None) -> Labelled:
    import astropy.units as u

    if unit is not None and kind_of(data, "astropy", "Quantity"):
        try:
            data = data.to(unit)
        except u.UnitConversionError:
            raise InputError(f"data is in {data.unit}, which does not convert to data_unit={unit}.") from None
    labelled = read(data)
    if labelled.source.dtype.kind == "b":
        raise InputTypeError("data is made of booleans. Give numbers, for example data.astype(float).")
    return labelled


def _world(given: Any, labelled: Labelled, axes: Axes) -> Any:
    """What the user gave as world, or what came with the data."""
    if isinstance(given, str) and given == "pixel":
        return None
    if isinstance(given, str) and given == "wcs":
        if labelled.wcs is None:
            raise InputError(
                'world="wcs" was given, but the data has no WCS. Give the WCS itself, or arrays.'
            )
        return labelled.wcs
    if given is not None:
        return given
    if labelled.wcs is not None:
        return labelled.wcs
    if labelled.coordinates is not None:
        found = tuple(labelled.coordinates[axis] for axis in axes.fitting)
        return None if any(coordinate is None for coordinate in found) else found
    return None


def _mask(mask: Any, axes: Axes) -> Aligned:
    return align("mask", read(mask, "mask").source, axes)


def bytes_per_element(problem: Problem) -> int:
    """Bytes that one element takes in a tile and while it is read, for the planner.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.modeling.models import Const1D
    >>> bytes_per_element(problem(Const1D(), np.zeros((100, 7))))
    1624
    """
    tiles, n_points = problem.tiles, problem.n_points
    values = [tiles.source.dtype.itemsize * n_points, 8 * n_points]
    if tiles.grid.shared is None:
        values.append(2 * 8 * n_points * len(problem.axes.fitting))
    if tiles.weighting is not None and tiles.weighting.values.differs_between_elements:
        values.append(2 * 8 * n_points)
    values.append(n_points * len(tiles.masks))
    return sum(values) + 8 * 3 * len(problem.model.param_names)

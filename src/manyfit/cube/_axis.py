"""The spectral axis of data: where it is, its coordinates and what is known of their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from manyfit.cube._layout import Layout, layout_of
from manyfit.cube._spectral import is_velocity, spectral_unit
from manyfit.cube._stokes import plane_of, planes
from manyfit.errors import InputError, unknown_name
from manyfit.fitting._labelled import Labelled, unit_of
from manyfit.fitting._wcs import coordinates_of
from manyfit.fitting._world import low_level

if TYPE_CHECKING:
    from astropy.units import Quantity

CONVENTION_OF_TYPE = {"VRAD": "radio", "VOPT": "optical", "FELO": "optical", "VELO": "relativistic"}
MEDIUM_OF_TYPE = {"WAVE": "vacuum", "AWAV": "air"}
SPECTRAL_TYPES = (*CONVENTION_OF_TYPE, *MEDIUM_OF_TYPE, "FREQ", "ENER", "WAVN", "LAMBDA", "WAVELENG", "SPECTRAL")
WORLD = "spect", "em."
DIMENSIONS = ("spectral", "wavelength", "wave", "lambda", "frequency", "freq", "velocity", "vel", "energy", "channel")


@dataclass(frozen=True, eq=False)
class SpectralAxis:
    """The spectral axis that was found.

    Attributes
    ----------
    layout
        Where it is in the data.
    values
        Coordinates with unit, one for each channel, or of the shape of the cube.
    convention, medium
        As in `Cube`.
    notes
        What was assumed.
    """

    layout: Layout
    values: Quantity
    convention: str | None = None
    medium: str | None = None
    notes: tuple[str, ...] = ()


def spectral_axis_of(
    labelled: Labelled, given: Any, unit: Any, header: Any = None, stokes: str | int | None = None
) -> SpectralAxis:
    """The spectral axis, from what the user says or what came with the data.

    Parameters
    ----------
    labelled
        The data.
    given
        The number or name of the axis; or its coordinates with unit; or None.
    unit
        Unit of coordinates that came without one.
    header
        FITS header that the WCS is from, or None.
    stokes
        Name or number of the plane of polarisation, or None.

    Raises
    ------
    InputError
        There is no spectral axis, or its coordinates have no unit, or none is a finite number.
    """
    found = _found(labelled, given, unit, header, stokes)
    if not np.isfinite(found.values.value).any():
        raise InputError(
            f"None of the {found.values.size:,} coordinates of the spectral axis is a finite number. Give them as "
            "spectral_axis=, with a unit."
        )
    return found


def _found(labelled: Labelled, given: Any, unit: Any, header: Any, stokes: str | int | None) -> SpectralAxis:
    """From the first of what there is: what was given, the WCS, the coordinates."""
    shape = labelled.source.shape
    if stokes is not None and (labelled.wcs is None or not isinstance(given, int | str | None)):
        raise InputError(f"stokes={stokes!r} was given, and the data has no axis of polarisation. Leave it out.")
    if not isinstance(given, int | str | None):
        return _from_values(shape, u.Quantity(given), unit)
    if labelled.wcs is not None:
        return _from_wcs(low_level(labelled.wcs), shape, given, unit, header, stokes)
    if labelled.coordinates is not None:
        return _from_coordinates(labelled, given, unit)
    raise InputError(
        f"Data of shape {shape} came without coordinates. Give (data, wcs), or spectral_axis= with the coordinates of "
        "the channels, for example spectral_axis=np.linspace(-10, 10, 80) * u.km / u.s."
    )


def _from_values(shape: tuple[int, ...], values: Quantity, unit: Any) -> SpectralAxis:
    """Coordinates along the first axis of their length, or of the shape of the data with channels first."""
    values = _with_unit(values, unit)
    if values.ndim == 1:
        if len(values) not in shape:
            raise InputError(f"spectral_axis has {len(values)} channels, and no axis of data of shape {shape} has.")
        return SpectralAxis(layout_of(shape, shape.index(len(values))), values)
    if values.shape != shape:
        raise InputError(
            f"spectral_axis has shape {values.shape} and the data {shape}. Give one coordinate for each channel, or, "
            "where they differ between spectra, one for each voxel, the channels first."
        )
    return SpectralAxis(layout_of(shape, 0), values)


def _from_coordinates(labelled: Labelled, given: int | str | None, unit: Any) -> SpectralAxis:
    names, found = [str(name) for name in labelled.names or ()], labelled.coordinates or ()
    axis = names.index(_known(given, names)) if isinstance(given, str) else given
    if axis is None:
        axis = _spectral_dimension(names, found)
    if found[axis] is None:
        raise InputError(f"The dimension {names[axis]!r} has no coordinates. Give them as spectral_axis=, with a unit.")
    values = _with_unit(u.Quantity(found[axis]), unit)
    return SpectralAxis(layout_of(labelled.source.shape, axis), values)


def _known(name: str, names: list[str]) -> str:
    if name not in names:
        raise unknown_name("Dimension", name, names)
    return name


def _spectral_dimension(names: list[str], coordinates: tuple[Any, ...]) -> int:
    """The only dimension with a spectral unit, else the one with a spectral name."""
    units = [getattr(c, "unit", None) for c in coordinates]
    spectral = [i for i, unit in enumerate(units) if unit is not None and _is_spectral(unit)]
    named = [i for i, name in enumerate(names) if name.lower() in DIMENSIONS]
    candidates = spectral if len(spectral) == 1 else named
    if len(candidates) != 1:
        raise InputError(f"Which of the dimensions {names} is spectral is not clear. Give its name as spectral_axis=.")
    return candidates[0]


def _is_spectral(unit: Any) -> bool:
    return is_velocity(unit) or unit.is_equivalent(u.Hz, u.spectral())


def _with_unit(values: Quantity, unit: Any) -> Quantity:
    if values.unit != u.dimensionless_unscaled:
        spectral_unit(values.unit)
        return values.astype(np.float64)
    if unit is None:
        raise InputError("The spectral axis has no unit. Give spectral_unit=, for example 'Angstrom' or 'km/s'.")
    return values.astype(np.float64).value << spectral_unit(unit)


def _from_wcs(
    wcs: Any, shape: tuple[int, ...], given: Any, unit: Any, header: Any, asked: str | int | None
) -> SpectralAxis:
    if wcs.pixel_n_dim != len(shape):
        raise InputError(
            f"The WCS has {wcs.pixel_n_dim} axes and the data {len(shape)}: {shape}. Give both of the same."
        )
    types = _types(wcs)
    axis = given if isinstance(given, int) else _pixel_axis(wcs, types, len(shape))
    stokes = next((len(shape) - 1 - w for w, t in enumerate(types) if "polar" in t or t == "STOKES"), None)
    if stokes is None and asked is not None:
        raise InputError(f"stokes={asked!r} was given, and the data has no axis of polarisation. Leave it out.")
    plane = 0 if stokes is None else plane_of(asked, wcs, stokes, shape)
    layout = layout_of(shape, axis % len(shape), stokes=stokes, plane=plane)
    values, world = _coordinates(wcs, layout)
    kind, bare = types[world][:4], values.unit == u.dimensionless_unscaled
    notes = tuple(
        f"dropped the axis {types[len(shape) - 1 - a]!r} of length 1" for a in layout.dropped if shape[a] == 1
    )
    if stokes is not None and shape[stokes] > 1:
        notes += (f"took {planes(wcs, stokes, shape)[plane]} of {shape[stokes]} planes of polarisation",)
    notes += (f"the spectral axis {types[world].strip()!r} came without a unit and is taken as {unit}",) if bare else ()
    values = _as_in_header(_with_unit(values, unit), header, world)
    return SpectralAxis(layout, values, CONVENTION_OF_TYPE.get(kind), MEDIUM_OF_TYPE.get(kind), notes)


def _types(wcs: Any) -> list[str]:
    """CTYPE of each world axis where there is one, else its physical type."""
    physical = [str(t or "") for t in wcs.world_axis_physical_types]
    ctypes = list(getattr(getattr(wcs, "wcs", None), "ctype", physical))
    return [c if c.split("-")[0].upper() in SPECTRAL_TYPES else p or c for c, p in zip(ctypes, physical, strict=True)]


def _pixel_axis(wcs: Any, types: list[str], ndim: int) -> int:
    """The axis of the data on which the only spectral world axis depends, alone or most of all."""
    spectral = [w for w, t in enumerate(types) if t.split("-")[0].upper() in SPECTRAL_TYPES or t.startswith(WORLD)]
    if len(spectral) != 1:
        listing = ", ".join(repr(t) for t in types)
        raise InputError(
            f"{'No' if not spectral else 'More than one'} spectral axis is among the coordinates of the data "
            f"({listing}). A spectral cube is needed; if it is one, give the number of its spectral axis "
            "as spectral_axis=."
        )
    pixels = np.flatnonzero(np.asarray(wcs.axis_correlation_matrix)[spectral[0]])
    best = spectral[0] if spectral[0] in pixels else int(pixels[-1])
    return ndim - 1 - best


def _coordinates(wcs: Any, layout: Layout) -> tuple[Quantity, int]:
    """Coordinates of the channels with the unit of the header, and the world axis they are of."""
    axes = layout.axes
    found = coordinates_of(wcs, axes)
    world, unit = found.world_axes[0], found.units[0] or u.dimensionless_unscaled
    whole = tuple(slice(0, layout.shape[axis]) for axis in layout.spatial)
    if not np.asarray(wcs.axis_correlation_matrix)[world, [len(layout.shape) - 1 - a for a in layout.spatial]].any():
        whole = tuple(slice(0, 1) for _ in layout.spatial)
    elements = found.read(whole)[:, 0]  # (elements, channels); dropped axes have one pixel
    values = elements[0] if len(elements) == 1 else elements.T.reshape(layout.cube_shape)
    return values << unit, world


def _as_in_header(values: Quantity, header: Any, world: int) -> Quantity:
    """In the unit that the header has: wcslib turns km/s into m/s, which is not what its user expects."""
    unit = None if header is None else unit_of(header.get(f"CUNIT{world + 1}"))
    return values.to(unit) if unit is not None and unit.is_equivalent(values.unit) else values

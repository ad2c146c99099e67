"""`read`: a spectral cube from a file or from any object that holds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import astropy.units as u

from manyfit.cube._axis import SpectralAxis, spectral_axis_of
from manyfit.cube._cube import Cube
from manyfit.cube._given import Place, deviations
from manyfit.cube._input import Input, array_of, input_of
from manyfit.cube._layout import Layout
from manyfit.cube._noise import noise
from manyfit.cube._spectral import convention_of, is_velocity, rest_of
from manyfit.errors import InputError, unknown_name
from manyfit.fitting._wcs import iterating_wcs
from manyfit.fitting._world import low_level

if TYPE_CHECKING:
    from astropy.units import Quantity

MEDIA = ("air", "vacuum")
REST_KEYS = {"RESTFRQ": u.Hz, "RESTFREQ": u.Hz, "RESTWAV": u.m}


def read(
    source: Any,
    *,
    spectral_unit: Any = None,
    convention: str | None = None,
    rest: Any = None,
    unit: Any = None,
    uncertainty: Any = None,
    uncertainty_type: str = "std",
    gain: Any = None,
    mask: Any = None,
    hdu: str | int | None = None,
    spectral_axis: int | str | Quantity | None = None,
    medium: str | None = None,
    stokes: str | int | None = None,
) -> Cube:
    """Read a spectral cube, or a single spectrum, from a file or from any object that holds one.

    The spectral axis, wherever it is, comes first; axes of length 1 that are neither spectral nor spatial, such as
    one polarisation, are dropped. What was done is in ``cube.notes``. The values stay where they are until they are
    needed, but for files that are compressed as a whole.

    Parameters
    ----------
    source
        Path to a FITS file (``cube.fits``, ``cube.fits[SCI]``, ``cube.fits.gz``) or zarr store; HDU or HDUList;
        ``SpectralCube``; ``NDCube``; ``NDData``; ``xarray.DataArray``; ``(data, wcs)`` or ``(data, header)``; NumPy
        or dask array, Quantity, zarr array or HDF5 dataset together with `spectral_axis`.
    spectral_unit
        Unit that the spectral axis is converted to; or, where it comes without a unit, the unit that it has.
    convention
        ``"radio"``, ``"optical"`` or ``"relativistic"``: how velocities are defined. Default: as in the header.
    rest
        Rest frequency or wavelength with unit, in place of that of the header; velocities stay as they are (see
        `Cube.with_spectral_unit` to refer them to another line).
    unit
        Unit of the data, in place of the one that it comes with. Without any the data is dimensionless.
    uncertainty
        Noise that came with the data: number, Quantity, array that broadcasts to the cube or has its spatial shape or
        its channels, path, name of an extension of the same file, or ``NDUncertainty``. Without a unit it is in that
        of the data.
    uncertainty_type
        What `uncertainty` is: ``"std"``, ``"var"`` (variance) or ``"ivar"`` (inverse variance).
    gain
        Response of the instrument, such as a primary beam, to which noise is inversely proportional: the uncertainty
        becomes ``noise(cube, gain=gain)``. A path, map or cube.
    mask
        True for bad values; as `uncertainty`.
    hdu
        Name or number of the extension of a FITS file. Default: the first image with data.
    spectral_axis
        Number of the spectral axis, name of the dimension, or the coordinates of the channels with unit.
    medium
        ``"air"`` or ``"vacuum"``: what the wavelengths are in. Default: as in the header (AWAV or WAVE).
    stokes
        Which plane of polarisation, where there are several: its name (``"I"``, ``"Q"`` ... ``"XX"``) or its number
        from 0.

    Returns
    -------
    Cube

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        No spectral axis, no coordinates, several planes of polarisation without `stokes`, a 2-D image, a shape or unit
        that does not fit, a rest frequency that is needed and not known.
    InputTypeError
        Data of a kind that is not accepted.

    Examples
    --------
    >>> import manyfit, numpy as np
    >>> velocity = np.linspace(-10, 10, 41) * u.km / u.s
    >>> manyfit.cube.read(np.zeros((8, 9, 41)), spectral_axis=velocity, unit="K")
    <Cube: 41 channels, -10 to 10 km / s; 8 x 9 spectra in K>
    """
    given = input_of(source, hdu, unit)
    axis = spectral_axis_of(given.labelled, spectral_axis, spectral_unit, given.header, stokes)
    place = Place(axis.layout, given.file)
    cube = _described(_cube(given, axis, place, mask), rest, convention, medium)
    if spectral_unit is not None:
        cube = cube.with_spectral_unit(spectral_unit, convention)
    if gain is not None and uncertainty is not None:
        raise InputError("Both gain and uncertainty were given. Give one: gain is for noise that is estimated.")
    if gain is not None:
        return replace(cube, uncertainty=noise(cube, gain=place.lay("gain", gain)[0]).value)
    noise_given = given.labelled.uncertainty if uncertainty is None else uncertainty
    if noise_given is None:
        return cube
    return replace(
        cube, uncertainty=deviations(noise_given, place, cube.unit, uncertainty_type), notes=_used(cube.notes)
    )


def _cube(given: Input, axis: SpectralAxis, place: Place, mask: Any) -> Cube:
    """The cube with its axes in order, as its header describes it."""
    labelled, layout = given.labelled, axis.layout
    mask = labelled.mask if mask is None else mask
    wcs = None if labelled.wcs is None else low_level(iterating_wcs(low_level(labelled.wcs), layout.axes))
    return Cube(
        layout.arranged(array_of(labelled.source)),
        axis.values,
        u.dimensionless_unscaled if labelled.unit is None else labelled.unit,
        wcs=wcs,
        mask=None if mask is None else place.booleans("mask", mask),
        header=given.header,
        rest=_rest_of_wcs(labelled.wcs) if (rest := _rest_in(given.header)) is None else rest,
        convention=axis.convention,
        medium=axis.medium,
        notes=(*_moved(layout), *_unit_notes(given), *axis.notes, *given.notes),
    )


def _described(cube: Cube, rest: Any, convention: str | None, medium: str | None) -> Cube:
    """The cube with what the user says of its coordinates."""
    if medium is not None and medium not in MEDIA:
        raise unknown_name("medium", medium, MEDIA)
    if rest is not None:
        cube = replace(cube, rest=rest_of(rest))
    if convention is not None and cube.convention is None and is_velocity(cube.spectral_axis.unit):
        cube = replace(cube, convention=convention_of(convention))
    cube = replace(cube, medium=medium or cube.medium)
    if cube.medium is None and _refractive(cube.spectral_axis):
        note = "whether the wavelengths are in air or in vacuum is not known: medium='air' or 'vacuum' says it"
        return replace(cube, notes=(*cube.notes, note))
    return cube


def _refractive(axis: Quantity) -> bool:
    """Whether coordinates are wavelengths at which air and vacuum differ, 200 nm to 30 um."""
    return axis.unit.is_equivalent(u.m) and bool((axis.to_value(u.um).mean() > 0.2) & (axis.to_value(u.um).mean() < 30))


def _rest_in(header: Mapping[str, Any] | None) -> Quantity | None:
    """The rest frequency or wavelength of a header, where it has one that is not zero."""
    values = [(header or {}).get(key) for key in REST_KEYS]
    found = [
        v * unit for v, unit in zip(values, REST_KEYS.values(), strict=True) if isinstance(v, int | float) and v > 0
    ]
    return found[0] if found else None


def _rest_of_wcs(wcs: Any) -> Quantity | None:
    """The rest frequency or wavelength of a FITS WCS, where it has one."""
    keywords = getattr(wcs, "wcs", None)
    frequency, wavelength = getattr(keywords, "restfrq", 0.0), getattr(keywords, "restwav", 0.0)
    return frequency * u.Hz if frequency > 0 else wavelength * u.m if wavelength > 0 else None


def _moved(layout: Layout) -> tuple[str, ...]:
    left = [axis for axis in range(len(layout.shape)) if axis not in layout.dropped]
    return () if layout.spectral == left[0] else (f"moved the spectral axis from axis {layout.spectral} to the front",)


def _unit_notes(given: Input) -> tuple[str, ...]:
    if given.labelled.unit is not None:
        return ()
    text = (given.header or {}).get("BUNIT")
    why = f"BUNIT {str(text)!r} is no unit that is known" if text else "no unit came with the data"
    return (f"{why}: its values are taken as plain numbers; unit='K' would say that they are kelvin",)


def _used(notes: tuple[str, ...]) -> tuple[str, ...]:
    """Without advice on noise that could be read, now that some was."""
    return tuple(note for note in notes if "reads it as noise" not in note)

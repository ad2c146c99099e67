"""The WCS of maps as keywords of a FITS header, and back."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ..errors import CoordinatesWarning
from ._world import low_level

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.wcs import WCS


def wcs_header(wcs: Any, *, plane_axis: bool = False) -> Header | None:
    """Keywords for a WCS; None, with a warning, if FITS keywords cannot hold it.

    A map cut out of coordinates that belong together, such as one row of the sky, has more coordinates than
    axes: the header then has ``WCSAXES`` above ``NAXIS``, as the FITS standard provides for.

    Parameters
    ----------
    wcs
        APE-14 WCS of the map, or None.
    plane_axis
        Whether the image has one more axis, the slowest, that is only a number.
    """
    if wcs is None:
        return None
    found = _fits_wcs(low_level(wcs))
    if found is None:
        warnings.warn(
            f"The WCS is a {type(low_level(wcs)).__name__}, which FITS keywords cannot hold: the file has no "
            "coordinates. result.to_table() has them.",
            CoordinatesWarning,
            stacklevel=2,
        )
        return None
    whole, kept = found
    cut = [axis for axis in range(1, whole.naxis + 1) if axis not in kept]
    axes = [*kept, *([0] if plane_axis else []), *cut]
    arranged = whole if axes == list(range(1, whole.naxis + 1)) else whole.sub(axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what it puts into other words
        return arranged.to_header(relax=True)


def _fits_wcs(wcs: Any) -> tuple[WCS, list[int]] | None:
    """A FITS WCS whose first pixel is that of the map, and its axes (from 1) that the map has."""
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import SlicedLowLevelWCS

    if isinstance(wcs, WCS):
        return (wcs, list(range(1, wcs.naxis + 1))) if _fits_in_keywords(wcs) else None
    if isinstance(wcs, SlicedLowLevelWCS) and isinstance(wcs._wcs, WCS) and _fits_in_keywords(wcs._wcs):
        first = [cut.start if isinstance(cut, slice) else cut for cut in wcs._slices_array]
        whole = wcs._wcs.slice([slice(int(start or 0), None) for start in first])
        return whole, [int(axis) + 1 for axis in wcs._pixel_keep]
    return None


def _fits_in_keywords(wcs: WCS) -> bool:
    """Whether no part of a WCS is in tables of its own."""
    tables = (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)
    return all(table is None for table in tables) and not wcs.wcs.tab


def wcs_from_header(header: Header, ndim: int) -> Any:
    """The WCS of a map of some axes, whose header may have more coordinates."""
    from astropy.wcs import WCS, FITSFixedWarning
    from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        wcs = WCS(header)
    if wcs.naxis == ndim:
        return wcs
    wcs.pixel_shape = [header.get(f"NAXIS{axis}", 1) for axis in range(1, wcs.naxis + 1)]
    cut = [0] * (wcs.naxis - ndim) + [slice(None)] * ndim
    return HighLevelWCSWrapper(SlicedLowLevelWCS(wcs, cut))

"""Spectra of a star divided by a continuum of sines and cosines, its visits combined as asked for."""

from __future__ import annotations

from numpy.typing import ArrayLike

from manyfit.errors import InputError
from manyfit.spectra import Clip, Spectra, normalize, sinusoidal_continuum, stack

#: Rows of a file that are meant, and what becomes of them.
COMBINE = ("coadd", "stack", "visits", "all")


def normalised(
    spectra: Spectra, *, combine: str, order: int, length: float, continuum_regions: ArrayLike | None
) -> Spectra:
    """Normalised spectra.

    Parameters
    ----------
    spectra
        All rows of the file of a star.
    combine
        ``"coadd"``: the spectrum that the survey gives for the star. ``"stack"``: its visits, each normalised, then
        added. ``"visits"``: its visits one by one. ``"all"``: every row of the file, coadds among them.
    order, length
        Number of sines and of cosines, and their length in Å.
    continuum_regions
        Where continuum pixels are, (R, 2) in Å. None: all pixels, of which lines and spikes are clipped.
    """
    chosen = _chosen(spectra, combine)
    continuum = sinusoidal_continuum(
        chosen.wavelength,
        chosen.flux,
        chosen.ivar,
        length=length,
        order=order,
        continuum_regions=continuum_regions,
        clip=Clip() if continuum_regions is None else None,
    )
    divided = normalize(chosen, continuum)
    return stack(divided) if combine == "stack" and len(divided) > 1 else divided


def _chosen(spectra: Spectra, combine: str) -> Spectra:
    if combine == "coadd":
        return spectra.coadd
    if combine == "all":
        return spectra
    if not len(spectra.visits):
        raise InputError(f"There are no visits among {len(spectra)} rows. Take the coadd: combine='coadd'.")
    return spectra.visits

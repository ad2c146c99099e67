"""What a fit needs of counts, background, response and orientation: checked, aligned, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._axes import check_same
from ._counts import Counts, check_channels
from ._exposure import Exposure, fixed_exposure, pointed_exposure
from ._orientation import Orientation
from ._response import ReducedResponse
from ._spectrum import AnySpectrum
from ._zero_background import ZeroBackground, treat_zero_background

Array = NDArray[np.float64]

COMPTON = ("Em", "Phi", "PsiChi")


@dataclass(frozen=True)
class Options:
    """How each norm is fitted: see `manyfit.tsmap.fit`."""

    signed: bool
    level: float
    errors: bool


Rows = tuple[Array, Array]
"""Expected counts per second of each pixel (RING): in the bins with counts, (pixel, bin); in all, (pixel,)."""


@dataclass(frozen=True, eq=False)
class SkyProblem:
    """Counts and background in the bins with counts, and how to find the expectation there.

    Attributes
    ----------
    d, b
        Counts and background, (bin,).
    bins
        Which bins of the response these are, see `ReducedResponse.reduced`.
    background_sum
        Sum of the background over all bins if its scale is free, else 0.
    channels
        First energy channel, and one after the last.
    joint
        Whether bins differ in energy, or channels are summed.
    response
        Gives areas of bins.
    exposure
        Gives times of pixels.
    spectra
        One spectrum, or several of which each position has its best.
    options
        How each norm is fitted.
    zero_background
        What was done with counts where there is no background.
    """

    d: Array
    b: Array
    bins: NDArray[np.int64]
    background_sum: float
    channels: tuple[int, int]
    joint: bool
    response: ReducedResponse
    exposure: Exposure
    spectra: tuple[AnySpectrum, ...]
    options: Options
    zero_background: ZeroBackground

    def rows(self) -> Iterator[Rows]:
        """For each spectrum the response as the fit needs it, read when asked for."""
        return map(self._rows_of, self.spectra)

    def _rows_of(self, spectrum: AnySpectrum) -> Rows:
        flux = spectrum.flux(self.response.axes.interval("Ei").edges)
        channels = None if self.joint else self.channels
        rows = np.ascontiguousarray(self.response.reduced(self.bins, flux, channels))
        low, high = self.channels
        sums = np.einsum("pem,e->p", self.response.sums[:, :, low:high], flux)
        ring = _in_ring_order(self.response)
        return (rows, sums) if ring is None else (rows[ring], sums[ring])


def problem(
    counts: Any,
    background: Any,
    response: ReducedResponse,
    orientation: Orientation | None,
    spectra: tuple[AnySpectrum, ...],
    *,
    energy_channels: tuple[int, int] | None,
    joint: bool,
    free_background: bool,
    zero_background: str | float,
    occultation: bool,
    options: Options,
) -> SkyProblem:
    """Check and align the input of a fit.

    Raises
    ------
    InputError
        Axes, frames, times or channels do not fit together.
    """
    counts, background = _aligned(counts, response, "counts"), _aligned(background, response, "background")
    channels = _channels(energy_channels, response)
    d, b = (_chosen(each, channels, joint=joint) for each in (counts, background))
    background_sum = float(b.sum()) if free_background else 0.0
    d, b, found = treat_zero_background(d, b, zero_background)
    used = np.flatnonzero(d)
    return SkyProblem(
        d=d[used],
        b=b[used],
        bins=used + (channels[0] * response.axes["Phi"].n_bins * response.axes["PsiChi"].n_bins if joint else 0),
        background_sum=background_sum,
        channels=channels,
        joint=joint,
        response=response,
        exposure=_exposure(response, orientation, counts, occultation=occultation),
        spectra=spectra,
        options=options,
        zero_background=found,
    )


def _aligned(values: Any, response: ReducedResponse, name: str) -> Counts:
    """Counts over (Em, Phi, PsiChi) with the bins of the response; an array of that shape is taken as such."""
    if not isinstance(values, Counts):
        return Counts.from_dense(response.axes.chosen(COMPTON), values, name=name)
    check_same(values.axes, response.axes, COMPTON, (name, "response"))
    return values.compton()


def _channels(channels: tuple[int, int] | None, response: ReducedResponse) -> tuple[int, int]:
    n = response.axes["Em"].n_bins
    if channels is None:
        return 0, n
    low, high = channels
    check_channels((low, high), n)
    return int(low), int(high)


def _chosen(counts: Counts, channels: tuple[int, int], *, joint: bool) -> Array:
    part = counts.dense()[slice(*channels)]
    return np.asarray(part.reshape(-1) if joint else part.sum(axis=0).reshape(-1))


def _exposure(
    response: ReducedResponse, orientation: Orientation | None, counts: Counts, *, occultation: bool
) -> Exposure:
    """Exposure on the grid of the response, which moves with the telescope or is fixed on the sky."""
    grid = response.axes.healpix("NuLambda")
    if response.unit != "cm2":
        if orientation is not None or occultation:
            raise InputError(
                "The response has the orientation multiplied in (it is in cm2 s). Leave out orientation and "
                "occultation."
            )
        return fixed_exposure(grid.nside, grid.frame or "galactic")
    if orientation is None:
        raise InputError("The response is in the frame of the telescope. Give orientation=Orientation.read(...).")
    if len(counts.windows) == 1:
        orientation = orientation.during(counts.time_range)
    return pointed_exposure(orientation, grid.nside, occultation=occultation)


def _in_ring_order(response: ReducedResponse) -> NDArray[np.int64] | None:
    """Numbers of the response's pixels in RING order, or None if they are in this order."""
    grid = response.axes.healpix("NuLambda")
    if grid.scheme == "RING":
        return None
    from astropy_healpix.core import ring_to_nested

    return np.asarray(ring_to_nested(np.arange(grid.n_bins), grid.nside), np.int64)

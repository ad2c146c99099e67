"""What a source at each position of the sky leaves in the counts: detector responses and point source responses."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit._foreign import foreign
from manyfit.errors import InputError

from ._axes import Axes, HealpixAxis
from ._counts import check_channels
from ._hdf5 import INSTALL, created, opened
from ._histogram import write_axes, write_dense
from ._response_layout import Layout, detector_layout, point_source_layout

Bins = NDArray[np.int64]
Channels = tuple[int, int]


class ReducedResponse(Protocol):
    """What a fit needs of a response: of a file, or faster of its index."""

    @property
    def axes(self) -> Axes:
        """NuLambda, Ei, Em, Phi, PsiChi."""

    @property
    def unit(self) -> str:
        """Unit of the areas: "cm2", or "cm2 s" where times are multiplied in."""

    @property
    def sums(self) -> NDArray[np.float64]:
        """Area summed over all (Phi, PsiChi), (NuLambda, Ei, Em)."""

    def reduced(self, bins: Bins, weights: ArrayLike, channels: Channels | None = None) -> NDArray[np.float64]:
        """Area of bins, summed over Ei with weights, (..., NuLambda, bin).

        Parameters
        ----------
        bins
            Flat bins over (Em, Phi, PsiChi); with `channels` over (Phi, PsiChi), and Em is summed.
        weights
            A weight for each Ei (photons / (cm² s)), (Ei,), or several sets, (set, Ei).
        channels
            First energy channel, and one after the last.
        """


@dataclass(frozen=True, eq=False, repr=False)
class DetectorResponse:
    """A detector response: area in cm² over (NuLambda, Ei, Em, Phi, PsiChi), in the frame of the telescope.

    Files of version 1 (sparse and dense) and of version 2 are read. Nothing but axes is read before it is needed.

    Attributes
    ----------
    path
        The file.
    layout
        How the file holds it.
    """

    path: Path
    layout: Layout

    unit = "cm2"

    @classmethod
    def open(cls, path: str | Path) -> DetectorResponse:
        """Open a detector response.

        Raises
        ------
        InputError
            The file is none, its version is not known, or hdf5plugin is needed and not installed.
        """
        with foreign(path), opened(path) as file:
            return cls(Path(path), detector_layout(file))

    @property
    def axes(self) -> Axes:
        """NuLambda, Ei, Em, Phi, PsiChi."""
        return self.layout.axes

    @property
    def directions(self) -> HealpixAxis:
        """Pixels of the directions of the source."""
        return self.axes.healpix("NuLambda")

    def read(self, pixel: int) -> NDArray[np.float64]:
        """Area in cm² of one direction of the source, (Ei, Em, Phi, PsiChi)."""
        return read_pixel(self, pixel)

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """Area in cm² summed over all (Phi, PsiChi), (NuLambda, Ei, Em)."""
        return summed(self)

    def reduced(self, bins: Bins, weights: ArrayLike, channels: Channels | None = None) -> NDArray[np.float64]:
        """Area of bins, summed over Ei with weights, (..., NuLambda, bin): see `ReducedResponse`."""
        return reduced(self, bins, weights, channels)

    def __repr__(self) -> str:
        return f"<DetectorResponse {self.path.name}: {self.layout.kind}, {self.axes!r}>"


@dataclass(frozen=True, eq=False, repr=False)
class PointSourceResponse:
    """A response with the orientation multiplied in: cm² s over (NuLambda, Ei, Em, Phi, PsiChi), fixed on the sky.

    Whether a file keeps under- and overflow is told from its shape.

    Attributes
    ----------
    path
        The file.
    layout
        How the file holds it.
    """

    path: Path
    layout: Layout

    unit = "cm2 s"

    @classmethod
    def open(cls, path: str | Path) -> PointSourceResponse:
        """Open a point source response.

        Raises
        ------
        InputError
            The file is none, or the shape of its contents does not fit its axes.
        """
        with foreign(path), opened(path) as file:
            return cls(Path(path), point_source_layout(file))

    @property
    def axes(self) -> Axes:
        """NuLambda, Ei, Em, Phi, PsiChi."""
        return self.layout.axes

    @property
    def directions(self) -> HealpixAxis:
        """Pixels of the positions of the source."""
        return self.axes.healpix("NuLambda")

    def read(self, pixel: int) -> NDArray[np.float64]:
        """Exposure in cm² s of one position of the source, (Ei, Em, Phi, PsiChi)."""
        return read_pixel(self, pixel)

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """Exposure in cm² s summed over all (Phi, PsiChi), (NuLambda, Ei, Em)."""
        return summed(self)

    def reduced(self, bins: Bins, weights: ArrayLike, channels: Channels | None = None) -> NDArray[np.float64]:
        """Exposure of bins, summed over Ei with weights, (..., NuLambda, bin): see `ReducedResponse`."""
        return reduced(self, bins, weights, channels)

    def __repr__(self) -> str:
        padded = "padded" if any(self.layout.pad) else "unpadded"
        return f"<PointSourceResponse {self.path.name}: {padded}, {self.axes!r}>"


AnyResponse = DetectorResponse | PointSourceResponse


@contextmanager
def stored_pixels(response: AnyResponse) -> Generator[Any]:
    """A function that gives the numbers of a pixel as they are stored, (Ei, Em, Phi, PsiChi)."""
    with opened(response.path) as file:

        def read(pixel: int) -> NDArray[Any]:
            try:
                with foreign(response.path):
                    return response.layout.read(file, pixel)
            except OSError as error:
                raise InputError(f"{str(response.path)!r}: pixel {pixel} cannot be read ({error}).") from None

        yield read


def read_pixel(response: AnyResponse, pixel: int) -> NDArray[np.float64]:
    """Area of one pixel."""
    if not 0 <= pixel < response.directions.n_bins:
        raise InputError(f"Pixel {pixel} of {str(response.path)!r} is asked for; it has {response.directions.n_bins}.")
    with stored_pixels(response) as read:
        return np.asarray(read(pixel) * response.layout.scale[:, None, None, None])


def summed(response: AnyResponse) -> NDArray[np.float64]:
    """Area summed over all (Phi, PsiChi), (NuLambda, Ei, Em): the whole file is read."""
    with stored_pixels(response) as read:
        sums = [read(p).sum(axis=(2, 3), dtype=np.float64) for p in range(response.directions.n_bins)]
    return np.array(sums) * response.layout.scale[None, :, None]


def reduced(response: AnyResponse, bins: Bins, weights: ArrayLike, channels: Channels | None) -> NDArray[np.float64]:
    """Area of bins, summed over Ei with weights: the whole file is read, one pixel at a time."""
    bins, several = check_request(response.axes, bins, weights, channels)
    factors = several * response.layout.scale
    out = np.empty((len(factors), response.directions.n_bins, bins.size))
    with stored_pixels(response) as read:
        for pixel in range(out.shape[1]):
            out[:, pixel] = factors @ _chosen(read(pixel), bins, channels)
    return out if np.ndim(weights) > 1 else out[0]


def _chosen(stored: NDArray[Any], bins: Bins, channels: Channels | None) -> NDArray[np.float64]:
    """Stored numbers of bins, (Ei, bin); with channels summed over them."""
    if channels is None:
        return stored.reshape(len(stored), -1)[:, bins].astype(np.float64)
    part = stored.reshape(*stored.shape[:2], -1)[:, slice(*channels)]
    return np.asarray(part[..., bins].sum(axis=1, dtype=np.float64))


def check_request(
    axes: Axes, bins: ArrayLike, weights: ArrayLike, channels: Channels | None
) -> tuple[Bins, NDArray[np.float64]]:
    """Bins as int64 and weights as (set, Ei).

    Raises
    ------
    InputError
        Bins, channels or weights do not fit the axes.
    """
    n_ei, n_em, n_phi, n_psichi = axes.shape[1:]
    if channels is not None:
        check_channels(channels, n_em)
    size = n_phi * n_psichi * (n_em if channels is None else 1)
    flat = np.ascontiguousarray(bins, dtype=np.int64)
    if flat.ndim != 1 or (flat.size and not 0 <= flat.min() <= flat.max() < size):
        raise InputError(f"Bins are asked for that the response has not: it has {size}.")
    several = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if several.ndim != 2 or several.shape[1] != n_ei:
        raise InputError(f"weights have shape {np.shape(weights)}; the response has {n_ei} energies Ei.")
    return flat, np.ascontiguousarray(several)


def write_detector_response(
    path: str | Path,
    axes: Axes,
    pixels: Any,
    effective_area: ArrayLike,
    *,
    dtype: str = "uint16",
    compressed: bool = True,
    overwrite: bool = False,
) -> DetectorResponse:
    """Write a detector response of version 2.

    Parameters
    ----------
    path
        The file.
    axes
        NuLambda, Ei, Em, Phi, PsiChi.
    pixels
        Counts of each pixel of NuLambda, an iterable of integer arrays (Ei, Em, Phi, PsiChi), or one array.
    effective_area
        Area in cm² that one count is worth, (Ei,).
    dtype
        Integer type of the counts.
    compressed
        Whether to compress with Bitshuffle and LZ4, which needs hdf5plugin.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        The file exists and `overwrite` is not set.
    InputError
        Counts do not fit the type or the axes.
    """
    with created(path, overwrite=overwrite) as file:
        drm = file.create_group("DRM")
        drm.attrs.update({"VERSION": 2, "UNIT": "cm2", "SPARSE": False, "HEADER_ORDER": np.zeros(0)})
        drm.create_group("HEADERS")
        write_axes(drm.create_group("AXES"), axes)
        drm.create_dataset("EFF_AREA", data=np.asarray(effective_area, np.float64))
        chunks = (1, 1, *axes.shape[2:])
        counts = drm.create_dataset("COUNTS", axes.shape, dtype, chunks=chunks, **_bitshuffle(compressed))
        written = -1
        for written, values in enumerate(pixels):
            counts[written] = _as_counts(values, axes.shape[1:], np.dtype(dtype), written)
        if written + 1 != axes.shape[0]:
            raise InputError(f"pixels holds {written + 1} arrays; axis 'NuLambda' has {axes.shape[0]} pixels.")
    return DetectorResponse.open(path)


def write_point_source_response(
    path: str | Path, axes: Axes, exposure: ArrayLike, *, overwrite: bool = False
) -> PointSourceResponse:
    """Write a point source response in cm² s, an array of the shape (NuLambda, Ei, Em, Phi, PsiChi), unpadded.

    Raises
    ------
    OutputExists
        The file exists and `overwrite` is not set.
    InputError
        The shape is not that of the axes.
    """
    if np.shape(exposure) != axes.shape:
        raise InputError(f"The response has shape {np.shape(exposure)}; the axes have {axes.shape} bins.")
    write_dense(path, axes, exposure, unit="cm2 s", overwrite=overwrite)
    return PointSourceResponse.open(path)


def _bitshuffle(compressed: bool) -> dict[str, Any]:
    if not compressed:
        return {}
    try:
        import hdf5plugin
    except ImportError:
        raise InputError(
            f"Writing with Bitshuffle and LZ4 needs hdf5plugin. {INSTALL}; or give compressed=False."
        ) from None
    return dict(hdf5plugin.Bitshuffle())


def _as_counts(values: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any], pixel: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != shape:
        raise InputError(f"Counts of pixel {pixel} have shape {array.shape}; the axes have {shape} bins.")
    limit = np.iinfo(dtype).max
    if array.size and not (array.min() >= 0 and array.max() <= limit):
        found = f"{array.min()} to {array.max()}"
        raise InputError(f"Counts of pixel {pixel} run from {found}; {dtype} holds 0 to {limit}.")
    return array.astype(dtype)

"""Binned counts: data, a background model or a simulated source, kept as a list of the bins that are not empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

from ._axes import AnyAxis, Axes, check_same
from ._orientation import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes as MatplotlibAxes

    from ._orientation import Orientation

Window = tuple[float, float]
COMPTON = ("Em", "Phi", "PsiChi")
"""The axes that a fit uses, in the order of `Counts.dense` after `Counts.compton`."""

EDGE = 1e-6  # s, how far the ends of a window may be from edges of bins


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """Counts in bins of time, energy, Compton angle and direction.

    Attributes
    ----------
    axes
        The axes: "Em", "Phi", "PsiChi", perhaps "Time" and others.
    index
        Flat indices of the bins that are not zero, in C order of the axes, increasing, int64.
    values
        Their counts, float64.
    windows
        Intervals of time in which the counts were taken, in unix seconds; empty if not known.

    Raises
    ------
    InputError
        A count is negative or not finite, or lies outside of the axes.

    Examples
    --------
    >>> from manyfit.tsmap import Axis, Axes, HealpixAxis
    >>> axes = Axes([Axis("Time", [0, 10, 20]), Axis("Em", [100, 1000])])
    >>> counts = Counts.from_dense(axes, [[3], [5]])
    >>> counts.total, counts.during(10, 20).total, counts.time_range
    (8.0, 5.0, (0.0, 20.0))
    """

    axes: Axes
    index: NDArray[np.int64]
    values: NDArray[np.float64]
    windows: tuple[Window, ...] = ()
    name: str = "counts"

    def __post_init__(self) -> None:
        _check(self)

    # -- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def from_dense(
        cls, axes: Axes | Iterable[AnyAxis], values: ArrayLike, *, windows: Iterable[Window] = (), name: str = "counts"
    ) -> Counts:
        """Counts of an array with the shape of the axes.

        Raises
        ------
        InputError
            The shapes differ.
        """
        axes = axes if isinstance(axes, Axes) else Axes(axes)
        array = np.asarray(values, dtype=np.float64)
        if array.shape != axes.shape:
            raise InputError(f"{name} have shape {array.shape}; the axes have {axes.shape} ({', '.join(axes.labels)}).")
        flat = array.reshape(-1)
        index = np.flatnonzero(flat)
        return cls(axes, index, flat[index], known_windows(axes, windows), name)

    @classmethod
    def read(cls, path: str | Path, *, during: Any = None) -> Counts:
        """Read a histogram in HDF5: dense, COO or GCXS; under- and overflow are left out.

        Parameters
        ----------
        path
            The file.
        during
            Start and stop: only this window is kept, so a file of months needs little memory.

        Raises
        ------
        InputError
            The file is not such a histogram, counts are negative, or the window does not fit the bins of time.
        """
        from ._counts_file import read

        return read(Path(path), None if during is None else interval(during))

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a histogram in HDF5, COO, that `read` and the COSI tools read.

        Raises
        ------
        OutputExists
            The file exists and `overwrite` is not set.
        """
        from ._counts_file import write

        write(self, Path(path), overwrite=overwrite)

    # -- facts -------------------------------------------------------------------------------------------------------

    @property
    def total(self) -> float:
        """Sum of all counts."""
        return float(self.values.sum())

    @property
    def frame(self) -> str | None:
        """Frame of the scattering directions: "galactic", "icrs", "spacecraft", or None if the file does not say."""
        return self.axes.healpix("PsiChi").frame

    @property
    def time_range(self) -> Window:
        """First and last time, unix seconds.

        Raises
        ------
        InputError
            It is not known: there is no axis of time.
        """
        if not self.windows:
            raise InputError(f"The times of {self.name} are not known: there is no axis 'Time'. Give the times.")
        return self.windows[0][0], self.windows[-1][1]

    @property
    def duration(self) -> float:
        """Seconds in which the counts were taken, by the clock."""
        low, high = self.time_range
        return high - low if len(self.windows) == 1 else sum(b - a for a, b in self.windows)

    # -- time --------------------------------------------------------------------------------------------------------

    def during(self, window: Any, stop: Any = None) -> Counts:
        """The counts in a window of time, which must begin and end at edges of bins.

        Raises
        ------
        InputError
            There is no axis of time, or the window does not fit it; the text names the nearest edges.
        """
        low, high = time_bins(self.axes, interval(window, stop), self.name)
        return self._at_times(low, high)

    def excluding(self, window: Any, stop: Any = None) -> Counts:
        """The counts outside of a window of time, summed over time: an off-source background.

        Bins that the window cuts are left out, and `duration` is that of the bins that are left.

        Raises
        ------
        InputError
            There is no axis of time, or nothing is left.
        """
        start, end = interval(window, stop)
        edges = self.axes.interval("Time").edges
        outside = (edges[1:] <= start + EDGE) | (edges[:-1] >= end - EDGE)
        if not outside.any():
            raise InputError(f"All of {self.name} ({edges[0]} to {edges[-1]} s) lie in the window {start} to {end} s.")
        keep = outside[self._along("Time")]
        kept = replace(self, index=self.index[keep], values=self.values[keep])
        return replace(kept.without("Time"), windows=_joined(edges, outside))

    def scaled_to(self, window: Any, stop: Any = None, *, orientation: Orientation | None = None) -> Counts:
        """A background model for a window: these counts, summed over time, times the ratio of durations.

        Parameters
        ----------
        window, stop
            Start and stop of the window.
        orientation
            Gives the livetimes, whose ratio is then used; it must cover these counts and the window.

        Raises
        ------
        InputError
            The times of these counts are not known, or one livetime is zero.
        """
        target = interval(window, stop)
        _ = self.time_range
        if orientation is None:
            here, there = self.duration, target[1] - target[0]
        else:
            here, there = orientation.livetime_in(*self.windows), orientation.livetime_in(target)
        if not here > 0 or not there > 0:
            raise InputError(f"The livetime of {self.name} is {here} s, of the window {there} s. Both must be > 0.")
        return replace(self.without("Time") * (there / here), windows=(target,))

    # -- axes --------------------------------------------------------------------------------------------------------

    def project(self, *labels: str) -> Counts:
        """The counts summed over all axes but these, in this order.

        Raises
        ------
        InputError
            There is no such axis, or one is given twice.
        """
        axes = self.axes.chosen(labels)
        if axes == self.axes:
            return self
        places = np.unravel_index(self.index, self.axes.shape)
        flat = np.ravel_multi_index(tuple(places[self.axes.index(a)] for a in labels), axes.shape)
        return gathered(axes, np.asarray(flat, np.int64), self.values, self.windows, self.name)

    def without(self, label: str) -> Counts:
        """The counts summed over one axis; as they are if there is no such axis."""
        return self.project(*(a for a in self.axes.labels if a != label))

    def compton(self) -> Counts:
        """The counts over measured energy, Compton angle and scattering direction: what a fit uses."""
        return self.project(*COMPTON)

    def channels(self, low: int, high: int) -> Counts:
        """The counts in energy channels from `low` to before `high`.

        Raises
        ------
        InputError
            There are no such channels.
        """
        check_channels((low, high), self.axes.interval("Em").n_bins)
        return self._cut("Em", low, high)

    def dense(self) -> NDArray[np.float64]:
        """The counts as an array with the shape of the axes."""
        array = np.zeros(self.axes.size)
        array[self.index] = self.values
        return array.reshape(self.axes.shape)

    def __add__(self, other: Counts) -> Counts:
        """The sum of counts with the same axes."""
        check_same(self.axes, other.axes, self.axes.labels, (self.name, other.name))
        aligned = other.project(*self.axes.labels)
        index, values = np.concatenate([self.index, aligned.index]), np.concatenate([self.values, aligned.values])
        return gathered(self.axes, index, values, self.windows or other.windows, self.name)

    def __mul__(self, factor: float) -> Counts:
        """The counts times a number."""
        return replace(self, values=self.values * float(factor))

    __rmul__ = __mul__

    def plot(
        self,
        axis: str = "Em",
        *,
        background: Counts | None = None,
        source: Counts | None = None,
        ax: MatplotlibAxes | None = None,
    ) -> MatplotlibAxes:
        """Draw the distribution of the counts over one axis, and those of a background and of a source.

        Parameters
        ----------
        axis
            Label of the axis.
        background, source
            Counts with the same axis, drawn as well.
        ax
            Axes to draw into; by default those of a new figure, found as ``ax.figure``.
        """
        from ._counts_plot import plot_counts

        curves = {"data": self, "background": background, "source": source}
        return plot_counts({name: one for name, one in curves.items() if one is not None}, axis, ax=ax)

    def __repr__(self) -> str:
        return f"<Counts: {self.total:g} in {self.index.size} of {self.axes.size} bins, {self.axes!r}>"

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _along(self, label: str) -> NDArray[np.intp]:
        """The bin of each entry on one axis."""
        return np.unravel_index(self.index, self.axes.shape)[self.axes.index(label)]

    def _cut(self, label: str, low: int, high: int) -> Counts:
        place = self._along(label)
        keep = (place >= low) & (place < high)
        axes = self.axes.replaced(self.axes.interval(label).cut(low, high))
        places = list(np.unravel_index(self.index[keep], self.axes.shape))
        places[self.axes.index(label)] = places[self.axes.index(label)] - low
        return replace(
            self, axes=axes, index=np.asarray(np.ravel_multi_index(tuple(places), axes.shape)), values=self.values[keep]
        )

    def _at_times(self, low: int, high: int) -> Counts:
        edges = self.axes.interval("Time").edges
        return replace(self._cut("Time", low, high), windows=((float(edges[low]), float(edges[high])),))


def check_channels(channels: tuple[int, int], n_channels: int) -> None:
    """Refuse energy channels that are not there.

    Raises
    ------
    InputError
        Not 0 <= low < high <= number of channels.
    """
    low, high = channels
    if not 0 <= low < high <= n_channels:
        raise InputError(
            f"Energy channels {low} to {high} are asked for; there are {n_channels}. "
            f"Give low and high with 0 <= low < high <= {n_channels}; high is not included."
        )


def time_bins(axes: Axes, window: Window, name: str) -> tuple[int, int]:
    """Bins of time, first and one after the last, of a window that begins and ends at edges."""
    edges = axes.interval("Time").edges
    nearest = [int(np.argmin(np.abs(edges - t))) for t in window]
    if any(abs(edges[i] - t) > EDGE for i, t in zip(nearest, window, strict=True)) or nearest[0] == nearest[1]:
        raise InputError(
            f"The window {window[0]} to {window[1]} s does not begin and end at edges of the bins of time of {name}. "
            f"They run from {edges[0]} to {edges[-1]} s; the nearest are {edges[nearest[0]]} and {edges[nearest[1]]} s."
        )
    return nearest[0], nearest[1]


def gathered(
    axes: Axes, index: NDArray[np.int64], values: NDArray[np.float64], windows: tuple[Window, ...], name: str
) -> Counts:
    """Counts from a list in which a bin may be more than once."""
    if (np.diff(index) > 0).all():  # as most files list them
        return Counts(axes, index, values, windows, name)
    unique, inverse = np.unique(index, return_inverse=True)
    summed = np.bincount(inverse, weights=values, minlength=unique.size)
    return Counts(axes, np.asarray(unique, np.int64), np.asarray(summed, np.float64), windows, name)


def known_windows(axes: Axes, windows: Iterable[Window] = ()) -> tuple[Window, ...]:
    """The windows given, or that of the axis of time."""
    given = tuple(windows)
    if given or "Time" not in axes:
        return given
    edges = axes.interval("Time").edges
    return ((float(edges[0]), float(edges[-1])),)


def _joined(edges: NDArray[np.float64], keep: NDArray[np.bool_]) -> tuple[Window, ...]:
    """Intervals of runs of bins."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]])))
    return tuple((float(edges[a]), float(edges[b])) for a, b in zip(change[::2], change[1::2], strict=True))


def _check(counts: Counts) -> None:
    if counts.index.shape != counts.values.shape or counts.index.ndim != 1:
        raise InputError(f"{counts.name}: {counts.index.shape} indices and {counts.values.shape} values do not match.")
    if counts.index.size and not (counts.index[0] >= 0 and counts.index[-1] < counts.axes.size):
        raise InputError(f"{counts.name}: bins lie outside of the axes {counts.axes.shape}.")
    if not (np.diff(counts.index) > 0).all():
        raise InputError(f"{counts.name}: bins must be in increasing order, each once.")
    good = counts.values >= 0
    if not good.all() or not np.isfinite(counts.values).all():
        bad = int(np.argmin(good & np.isfinite(counts.values)))
        place = ", ".join(
            f"{label} {int(i)}"
            for label, i in zip(
                counts.axes.labels, np.unravel_index(int(counts.index[bad]), counts.axes.shape), strict=True
            )
        )
        raise InputError(f"{counts.name}: the bin at {place} holds {counts.values[bad]}; it must be finite and >= 0.")

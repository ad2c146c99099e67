"""The result of a TS map: what was found at every position of the sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._grid import Grid
from ._solution import Solution

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

    from ._problem import SkyProblem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """The position of the highest TS and what was found there.

    The norm and its errors are factors on the spectrum.
    """

    position: SkyCoord
    index: int
    ts: float
    norm: float
    norm_err: float
    norm_errn: float
    norm_errp: float
    norm_ul: float
    spectral_index: float | None = None

    def __str__(self) -> str:
        """One line."""
        where = self.position.to_string("decimal", precision=3)
        both = f"+{self.norm_errp:.3g} -{self.norm_errn:.3g}"
        error = both if np.isfinite(self.norm_errp) else f"± {self.norm_err:.3g}"
        return f"TS {self.ts:.2f} at {self.position.frame.name} {where}: norm {self.norm:.4g} {error}"


@dataclass(frozen=True, eq=False, repr=False)
class TSMap:
    """TS, norm, errors, upper limits and status of every position of a grid.

    Attributes
    ----------
    grid
        The positions.
    solution
        What was found at each.
    spectrum
        The spectrum that norms are factors of.
    confidence
        Of the upper limits.
    spectral_index
        Best index at each position, if indices were scanned.
    notes
        Sentences on the input that a reader of the map must know.
    problem
        The data, to `refine`; None for a map read from a file.
    """

    grid: Grid
    solution: Solution
    spectrum: Any = None
    confidence: float = 0.95
    spectral_index: Array | None = None
    notes: tuple[str, ...] = ()
    problem: SkyProblem | None = None

    # -- maps --------------------------------------------------------------------------------------------------------

    @property
    def ts(self) -> Array:
        """Test statistic: twice the log-likelihood above that without source."""
        return self.solution.ts

    @property
    def sqrt_ts(self) -> Array:
        """Significance in standard deviations, negative where the norm is."""
        return self.solution.sqrt_ts

    @property
    def norm(self) -> Array:
        """Best factor on the spectrum."""
        return self.solution.norm

    @property
    def norm_err(self) -> Array:
        """Standard deviation of the norm."""
        return self.solution.norm_err

    @property
    def norm_errn(self) -> Array:
        """Error downwards."""
        return self.solution.norm_errn

    @property
    def norm_errp(self) -> Array:
        """Error upwards."""
        return self.solution.norm_errp

    @property
    def norm_ul(self) -> Array:
        """Upper limit of the norm at `confidence`."""
        return self.solution.norm_ul

    @property
    def background_scale(self) -> Array:
        """Factor on the background; 1 unless it was free."""
        return self.solution.background_scale

    @property
    def niter(self) -> NDArray[np.int16]:
        """Evaluations until the norm was found."""
        return self.solution.niter

    @property
    def status(self) -> NDArray[np.int8]:
        """Codes of `SkyStatus`."""
        return self.solution.status

    @property
    def good(self) -> NDArray[np.bool_]:
        """Where there is a norm."""
        return self.solution.good

    def __len__(self) -> int:
        """Number of positions."""
        return len(self.grid)

    # -- looking -----------------------------------------------------------------------------------------------------

    @property
    def peak(self) -> Peak:
        """The position of the highest TS.

        Raises
        ------
        InputError
            If no position could be fitted.
        """
        if np.all(np.isnan(self.ts)):
            raise InputError("No position of the map could be fitted, so it has no peak. See status for the reasons.")
        i = int(np.nanargmax(self.ts))
        names = ("ts", "norm", "norm_err", "norm_errn", "norm_errp", "norm_ul")
        values = {name: float(getattr(self, name)[i]) for name in names}
        index = None if self.spectral_index is None else float(self.spectral_index[i])
        return Peak(self.grid.skycoord[i], i, **values, spectral_index=index)

    def refine(
        self,
        nside: int = 128,
        containment: float = 0.99,
        *,
        scheduler: Any = None,
        workers: int | None = None,
        memory: int | None = None,
        progress: bool | Callable[[int, int], None] | None = None,
    ) -> TSMap:
        """The map with smaller pixels where the source may be.

        Pixels whose TS is above that of the edge of a containment region, and those beside them, are divided into four
        and fitted again, until they have the size wanted.

        Parameters
        ----------
        nside
            Of the smallest pixels, a power of two.
        containment
            Probability that the source lies in the pixels that are divided.
        scheduler, workers, memory, progress
            Where to run, as in `manyfit.fit`.

        Returns
        -------
        TSMap
            Of pixels of several sizes.

        Raises
        ------
        InputError
            The map was read from a file, is a list of positions, or has pixels as small already.
        """
        from ._refine import refine
        from ._where import Where

        return refine(self, nside, containment, Where(scheduler, workers, memory, progress))

    def __repr__(self) -> str:
        """A line with grid and peak."""
        size = f"nside {self.grid.nside}" if self.grid.nside else "pixels of several sizes"
        grid = f"{len(self)} positions" if self.grid.uniq is None else f"{len(self)} pixels, {size}, {self.grid.frame}"
        best = "nothing fitted" if np.all(np.isnan(self.ts)) else str(self.peak)
        return f"<TSMap of {grid}; {best}>"

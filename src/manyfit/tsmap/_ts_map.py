"""The result of a TS map: what was found at every position of the sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._grid import Grid
from ._solution import Solution

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.table import QTable
    from astropy.units import Quantity
    from matplotlib.figure import Figure

    from ._containment import Region
    from ._problem import SkyProblem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """The position of the highest TS and what was found there.

    The norm and its errors are factors on the spectrum. Times `photon_flux`, they are fluxes.
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
    photon_flux: Quantity | None = None

    @property
    def flux(self) -> Quantity | None:
        """Photons / (cm² s) in the range of energies; None if the spectrum is not known."""
        return None if self.photon_flux is None else self.norm * self.photon_flux

    @property
    def flux_err(self) -> Quantity | None:
        """Standard deviation of the flux."""
        return None if self.photon_flux is None else self.norm_err * self.photon_flux

    @property
    def flux_ul(self) -> Quantity | None:
        """Upper limit of the flux."""
        return None if self.photon_flux is None else self.norm_ul * self.photon_flux

    def __str__(self) -> str:
        """One line."""
        where = self.position.to_string("decimal", precision=3)
        both = f"+{self.norm_errp:.3g} -{self.norm_errn:.3g}"
        error = both if np.isfinite(self.norm_errp) else f"± {self.norm_err:.3g}"
        text = f"TS {self.ts:.2f} at {self.position.frame.name} {where}: norm {self.norm:.4g} {error}"
        if self.photon_flux is None:
            return text
        unit = self.photon_flux.value
        return f"{text}, flux {self.norm * unit:.4g} ± {self.norm_err * unit:.2g} ph/(cm2 s)"


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
    energies
        Range of energies of fluxes, keV: that of the response.
    """

    grid: Grid
    solution: Solution
    spectrum: Any = None
    confidence: float = 0.95
    spectral_index: Array | None = None
    notes: tuple[str, ...] = ()
    problem: SkyProblem | None = None
    energies: tuple[float, float] | None = None

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
    def photon_flux(self) -> Quantity | None:
        """Photons / (cm² s) of norm 1 in the range of `energies`; one number, or (position,) if indices were tried."""
        from ._flux import photon_flux

        return photon_flux(self)

    @property
    def flux(self) -> Quantity | None:
        """Photons / (cm² s) at each position; None if the spectrum is not known."""
        return None if self.photon_flux is None else self.norm * self.photon_flux

    @property
    def flux_err(self) -> Quantity | None:
        """Standard deviation of the flux."""
        return None if self.photon_flux is None else self.norm_err * self.photon_flux

    @property
    def flux_ul(self) -> Quantity | None:
        """Upper limit of the flux at `confidence`."""
        return None if self.photon_flux is None else self.norm_ul * self.photon_flux

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
        flux = self.photon_flux
        flux = flux[i] if flux is not None and flux.shape else flux
        return Peak(self.grid.skycoord[i], i, **values, spectral_index=index, photon_flux=flux)

    @property
    def probability(self) -> Array:
        """Posterior probability that the source lies in each pixel, proportional to area times exp(TS / 2).

        The prior on the sky is flat, and the norm is the best one at each position. Positions without TS have none.
        """
        from ._containment import posterior, source_ts

        return posterior(source_ts(self), self.grid.area)

    def containment(self, containment: float = 0.9, *, method: str = "chi2") -> Region:
        """The pixels that hold the source with a probability.

        Parameters
        ----------
        containment
            The probability.
        method
            ``"chi2"``: TS is within the quantile of chi-square with two degrees of freedom of its peak, which holds
            for counts that are not few and for pixels smaller than the region. ``"posterior"``: the smallest set
            of pixels whose `probability` is as large.

        Returns
        -------
        Region
            With area, MOC, pixels and mask. It has one pixel at least.

        Raises
        ------
        InputError
            The map is a list of positions, nothing could be fitted, or a value is not one of those accepted.
        """
        from ._containment import containment as region_of

        return region_of(self, containment, method)

    def peaks(self, min_ts: float = 25.0, *, separation: Any = 10.0) -> QTable:
        """The positions whose TS is above that of all others near them, highest first.

        Parameters
        ----------
        min_ts
            TS that a peak has at least.
        separation
            How far a peak is from any higher position; a Quantity, or deg; two pixels at least. A telescope that sees
            a source as rings gives lower peaks where rings cross: take more than their width.

        Returns
        -------
        table
            Positions in the frame of the map and in ICRS, TS, norm, flux, errors, upper limits.
        """
        from ._peaks import peaks

        return peaks(self, min_ts, separation)

    def plot(
        self,
        name: str = "sqrt_ts",
        *,
        frame: str | None = None,
        containment: float | tuple[float, ...] | None = None,
        method: str = "chi2",
        true_position: SkyCoord | None = None,
        zoom: Any = None,
        centre: SkyCoord | None = None,
        limits: tuple[float, float] | None = None,
        cmap: str | None = None,
        title: str | None = None,
    ) -> Figure:
        """Draw a map: the whole sky in the projection of Mollweide, or a part of it.

        Parameters
        ----------
        name
            Which map: ``"ts"``, ``"sqrt_ts"``, ``"norm"``, ``"flux"``, ``"norm_ul"``, ``"probability"``, ...
        frame
            ``"galactic"`` or ``"icrs"``. Default: that of the map.
        containment, method
            Outline these regions, see `containment`.
        true_position
            Where the source is known to be; it gets a marker.
        zoom
            Width of a part of the sky around the peak, on axes with a WCS; a Quantity, or deg.
        centre
            Centre of that part in place of the peak.
        limits
            Of the colour scale. Default: all values.
        cmap
            A colour map of matplotlib.
        title
            Words above the map.

        Returns
        -------
        figure
            Pixels are drawn as they are, without smoothing; blanks and positions without a fit are grey.
        """
        from ._figure_parts import View
        from ._figures import draw

        view = View(name, frame or self.grid.frame, containment, method, true_position, limits, cmap, title)
        return draw(self, view, zoom, centre)

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

    # -- writing -----------------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """Peak, regions, notes, and how many positions have which status, with what to do about it."""
        from ._summary import summary

        return summary(self)

    def to_table(self) -> QTable:
        """One row for each position: coordinates, and all maps with units."""
        from ._table import to_table

        return to_table(self)

    def to_fits(self, path: str | Path, *, kind: str | None = None, overwrite: bool = False) -> None:
        """Write the map as FITS.

        Parameters
        ----------
        path
            Where to write. A name that ends in ``.multiorder.fits`` chooses that kind.
        kind
            ``"healpix"``: a table with a row for each pixel, in the order and frame of the map, on a part of the sky
            with the pixels' numbers. ``"multiorder"``: UNIQ and PROBDENSITY as the tools of alerts read them, with all
            maps beside them. That format knows ICRS alone: write it from a map fitted with ``frame="icrs"`` to keep
            its pixels; those of a galactic map are followed by ICRS pixels a quarter as wide, and elsewhere than near
            the peak half as wide.
        overwrite
            Whether a file may be there already.

        Raises
        ------
        InputError
            The map has no pixels, or a HEALPix table is asked for and its pixels differ in size.
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from ._files import write_fits

        write_fits(self, Path(path), kind, overwrite=overwrite)

    def to_ecsv(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write `to_table` as ECSV, which keeps lists of positions as well.

        Raises
        ------
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from ._table import write_ecsv

        write_ecsv(self, Path(path), overwrite=overwrite)

    @staticmethod
    def open(store: str | Path) -> TSMap:
        """Open a store that ``fit(..., store=...)`` writes: the positions that are done, all of them at the end.

        Nothing in a store is executed. To complete it, fit again.

        Parameters
        ----------
        store
            Folder or URL.

        Raises
        ------
        FileNotFoundError
            There is no such store.
        InputError
            It is no store of a TS map, of a later version, or damaged.
        """
        from ._store import open_map

        return open_map(store)

    @staticmethod
    def read(path: str | Path) -> TSMap:
        """Read what `to_fits` or `to_ecsv` wrote; all maps and what norms are factors of.

        Raises
        ------
        InputError
            There is no such file, or it is not one of these.
        """
        from ._read import read

        return read(Path(path))

    def report(
        self,
        path: str | Path,
        *,
        containment: float = 0.9,
        true_position: SkyCoord | None = None,
        title: str = "TS map",
        options: str = "",
        overwrite: bool = False,
    ) -> None:
        """Write a page of HTML that needs no other file: peak, regions, maps, statuses.

        Parameters
        ----------
        path
            Where to write.
        containment
            Of the region that is outlined.
        true_position
            Where the source is known to be.
        title, options
            Words at the top, and with which options all was made.
        overwrite
            Whether a file may be there already.

        Raises
        ------
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from ._report import write_report

        subject = (containment, true_position, title, options)
        write_report(self, Path(path), *subject, overwrite=overwrite)

    def __repr__(self) -> str:
        """A line with grid and peak."""
        size = f"nside {self.grid.nside}" if self.grid.nside else "pixels of several sizes"
        grid = f"{len(self)} positions" if self.grid.uniq is None else f"{len(self)} pixels, {size}, {self.grid.frame}"
        best = "nothing fitted" if np.all(np.isnan(self.ts)) else str(self.peak)
        return f"<TSMap of {grid}; {best}>"

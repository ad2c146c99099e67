"""The fit of the lines of a cube: maps of the parameters, the cube they were fitted to, and what was done to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.table import QTable
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from manyfit.cube._comparison import Comparison
    from manyfit.cube._cost import Cost
    from manyfit.cube._cube import Cube
    from manyfit.cube._moments import Moments
    from manyfit.cube._refit_report import RefitReport
    from manyfit.cube._signal import SignalMask
    from manyfit.cube._task import Task
    from manyfit.fitting._result import FitResult, Maps


@dataclass(frozen=True, eq=False, repr=False)
class CubeFit(Mapping[str, Any]):
    """Maps of fitted parameters, ``fit["mean"]``, of the spatial shape of the cube; NaN where nothing was fitted.

    Attributes
    ----------
    result
        The maps and all that `manyfit.fit` knows about them.
    task
        What was fitted to which spectra, and how.
    signal
        The mask of signal that selected them, or None.
    noise
        Standard deviation of each spectrum (a Quantity map) if the errors come from it; None if they come from the
        uncertainty of the cube, or from the residuals.
    refits
        What was refitted from neighbours, None if that was not asked for.
    cost
        Shapes and cost of the fit, measured on a few spectra, of a fit with ``compute=False``; else None.
    coherence
        Whether outliers among neighbours are refitted when a lazy fit is computed.
    store
        Where the results are, of a fit that was written to a store; its maps are dask arrays until `compute`.

    Examples
    --------
    >>> from manyfit import cube, datasets
    >>> simulated = datasets.simulate_cube((40, 6, 6))
    >>> fit = cube.fit_lines(cube.read(simulated.to_hdu(), spectral_unit="km/s"))
    >>> fit["mean"].shape, fit["mean"].unit
    ((6, 6), Unit("km / s"))
    """

    result: FitResult
    task: Task
    signal: SignalMask | None = None
    noise: Any = None
    refits: RefitReport | None = None
    cost: Cost | None = None
    coherence: bool = False
    store: str | None = None

    @property
    def cube(self) -> Cube:
        """What was fitted."""
        return self.task.cube

    @property
    def selected(self) -> NDArray[np.bool]:
        """Which spectra were fitted, of the spatial shape."""
        return self.task.select

    # -- maps --------------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        """The map of one parameter."""
        return self.result[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the parameters."""
        return iter(self.result)

    def __len__(self) -> int:
        """Number of parameters."""
        return len(self.result)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the model."""
        return self.result.names

    @property
    def error(self) -> Maps:
        """Standard deviations of the parameters, ``fit.error["mean"]``."""
        return self.result.error

    @property
    def covariance(self) -> Any:
        """Covariance matrices of the free parameters, (ny, nx, free, free)."""
        return self.result.covariance

    @property
    def statistic(self) -> Any:
        """Value of the statistic at the minimum."""
        return self.result.statistic

    @property
    def dof(self) -> Any:
        """Degrees of freedom."""
        return self.result.dof

    @property
    def status(self) -> Any:
        """Codes of `manyfit.Status`; ``NOT_FITTED`` where a spectrum was not selected."""
        return self.result.status

    @property
    def good(self) -> Any:
        """Where the fit converged."""
        return self.result.good

    @property
    def n_iter(self) -> Any:
        """Number of evaluations of the model."""
        return self.result.n_iter

    @property
    def n_points(self) -> Any:
        """Number of valid channels."""
        return self.result.n_points

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the maps."""
        return self.result.shape

    @property
    def wcs(self) -> Any:
        """Celestial WCS of the maps, or None."""
        return self.result.wcs

    @property
    def model(self) -> Model:
        """The model with parameters that are maps."""
        return self.result.model

    # -- made from the maps ------------------------------------------------------------------------------------------

    def model_cube(self) -> Cube:
        """The fitted model at every voxel as a cube whose data are a dask array, computed when they are asked for."""
        from manyfit.cube._lazy_cubes import model_cube

        return model_cube(self)

    def residual_cube(self) -> Cube:
        """Data minus model at every voxel, likewise."""
        from manyfit.cube._lazy_cubes import residual_cube

        return residual_cube(self)

    def integrated(self) -> Any:
        """Integral of the fitted lines along the spectral axis, without baseline or continuum; a map."""
        from manyfit.cube._integrated import integrated

        return integrated(self.result)[0]

    def integrated_error(self) -> Any:
        """Standard deviation of `integrated`, from the covariance of the parameters."""
        from manyfit.cube._integrated import integrated

        return integrated(self.result)[1]

    def compare(self, moments: Moments) -> Comparison:
        """Guess, fit and their difference, for each parameter that moments give and for the integrated intensity."""
        from manyfit.cube._comparison import compare

        return compare(self, moments)

    # -- lazy fits ---------------------------------------------------------------------------------------------------

    @property
    def is_lazy(self) -> bool:
        """Whether maps are dask arrays: of a fit that has not been computed yet, or of a store."""
        return self.result.is_lazy

    def compute(self) -> CubeFit:
        """The same fit computed; itself if it is."""
        if not self.is_lazy:
            return self
        from manyfit.cube._coherence import coherent

        done = replace(self, result=self.result.compute(), cost=None)
        return coherent(done) if self.coherence and self.refits is None else done

    @classmethod
    def open(cls, store: str | Path, cube: Cube, *, noise: Any = None, model: Model | None = None) -> CubeFit:
        """Open what ``fit_lines(..., store=...)`` wrote; maps are read when they are asked for.

        Spectra that are not fitted yet are NaN with the status ``NOT_FITTED``.

        Parameters
        ----------
        store
            Path, or URL that fsspec knows.
        cube
            The cube that was fitted.
        noise
            Standard deviations that it was fitted with, to be drawn and written with it.
        model
            The model that was fitted, if it is not in `astropy.modeling.models`.

        Raises
        ------
        FileNotFoundError
            There is no such store.
        InputError
            It is something else, is damaged, or of another cube.
        """
        from manyfit.cube._stored import open_fit

        return open_fit(store, cube, noise, model)

    # -- looking and writing -----------------------------------------------------------------------------------------

    def summary(self) -> str:
        """How many spectra converged, what failed and why, typical errors, what was refitted: text."""
        result = self.result if self.store is None else self.result.compute()
        parts = (str(result.summary()), self.cost, self.refits)
        return "\n\n".join(str(part) for part in parts if part is not None)

    def __repr__(self) -> str:
        """A line with the shape of the maps; the cost as well, of a fit that is not computed."""
        line = f"<CubeFit of {np.count_nonzero(self.selected)} spectra, {self.result!r}>"
        return line if self.cost is None or not self.is_lazy else f"{line}\n{self.cost}"

    def plot(self, name: str, *, ax: Axes | None = None) -> Axes:
        """Draw a map: a parameter, ``"error:NAME"``, ``"statistic"``, ``"reduced"`` (/ dof) or ``"status"``."""
        return self.result.plot(name, ax=ax)

    def plot_spectrum(self, index: tuple[int, ...]) -> Figure:
        """Draw data, fit and residual of the spectrum at (y, x)."""
        figure: Figure = self.result.plot_spectrum(index)
        return figure

    def to_table(self) -> QTable:
        """A table with a row for each fitted spectrum: its place, parameters, errors, statistic and status."""
        return self.result.to_table()[self.selected.reshape(-1)]

    def to_fits(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a FITS file as `FitResult.to_fits` does, and images of noise and integrated intensity.

        Raises
        ------
        InputError
            The fit is not computed.
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from manyfit.cube._products import write_fit

        if self.is_lazy and self.store is None:
            raise InputError("The fit is not computed. Write the fit that its compute() gives.")
        write_fit(self.compute(), path, overwrite=overwrite)

    def report(self, path: str | Path, *, moments: Moments | None = None, overwrite: bool = False) -> None:
        """Write a report of the fit as one HTML page: summary, noise, maps, example spectra.

        Parameters
        ----------
        path
            Where to write it.
        moments
            Moments to compare with. Default: those of the mask of signal, if there is one.
        overwrite
            Whether a file may be there already.

        Raises
        ------
        InputError
            The fit is not computed, or not of a cube with two spatial axes.
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from manyfit.cube._report import write_report

        write_report(self if self.store is None else self.compute(), path, moments=moments, overwrite=overwrite)

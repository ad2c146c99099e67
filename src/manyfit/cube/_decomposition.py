"""What `decompose` found: number of components of each spectrum, and maps of the parameters of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._sum_fit import PARAMETERS
from manyfit.errors import unknown_name
from manyfit.fitting._result import FitResult, Maps

if TYPE_CHECKING:
    from astropy.table import QTable
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from manyfit.cube._component_refits import ComponentRefits
    from manyfit.cube._cube import Cube

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition(Mapping[str, Any]):
    """Maps of the components of a cube: ``blended["mean"]`` is a Quantity (component, ny, nx).

    A component that a spectrum does not have is NaN; so is everything where nothing was fitted.

    Attributes
    ----------
    result
        The same as the result of one fit of ``max_components`` Gaussians, with parameters ``amplitude_0``, ``mean_0`` …
        ``stddev_2``, of which each spectrum has those of its own components.
    n_components
        Number of components (ny, nx); -1 where nothing was fitted.
    criteria
        Criterion for 0, 1, 2 … components (number, ny, nx); NaN where that many were not tried or not acceptable.
    criterion
        Its name.
    gain_needed
        How far chi2 had to fall with each component.
    cube
        What was decomposed.
    baseline
        Degree of the polynomial below the lines, None without one.
    refits
        What was changed by trying the components of neighbours, None if that was not asked for.

    Examples
    --------
    >>> import astropy.units as u, manyfit
    >>> v = np.arange(30.0)
    >>> data = 5 * np.exp(-0.5 * ((v - 12) / 2) ** 2)[:, None, None] * np.ones((1, 2, 2))
    >>> found = manyfit.cube.decompose(manyfit.cube.read(data * u.K, spectral_axis=v * u.km / u.s), noise=0.1)
    >>> found
    <Decomposition of (2, 2) spectra: 4 with 1>
    >>> found["amplitude"].shape, found.names
    ((3, 2, 2), ('amplitude', 'mean', 'stddev'))
    """

    result: FitResult
    n_components: NDArray[np.int64]
    criteria: Array
    criterion: str
    gain_needed: float
    cube: Cube
    baseline: int | None = None
    refits: ComponentRefits | None = None

    # -- maps --------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of one component."""
        return PARAMETERS

    @property
    def max_components(self) -> int:
        """Largest number that was tried."""
        return len(self.criteria) - 1

    def __getitem__(self, name: str) -> Any:
        """Values of one parameter of all components, (component, ny, nx)."""
        return self._stacked(name, self.result)

    def __iter__(self) -> Iterator[str]:
        """Names of the parameters."""
        return iter(self.names)

    def __len__(self) -> int:
        """Number of parameters."""
        return len(self.names)

    @property
    def error(self) -> Maps:
        """Standard deviations, ``found.error["mean"]``, (component, ny, nx); NaN for a width on its limit."""
        return Maps(self.names, lambda name: self._stacked(name, self.result.error))

    @property
    def statistic(self) -> Array:
        """chi2 of the chosen number of components."""
        chi2: Array = self.result.statistic
        return chi2

    @property
    def dof(self) -> NDArray[np.int64]:
        """Valid channels minus free parameters of the chosen number of components, and of the baseline."""
        dof: NDArray[np.int64] = self.result.dof
        return dof

    @property
    def n_baseline(self) -> int:
        """Number of coefficients of the polynomial below the lines."""
        return 0 if self.baseline is None else int(self.baseline) + 1

    @property
    def status(self) -> Any:
        """Codes of `manyfit.Status` of the chosen fit; without components it is ``CONVERGED``."""
        return self.result.status

    @property
    def wcs(self) -> Any:
        """Celestial WCS of the maps, or None."""
        return self.result.wcs

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the maps of one component."""
        return self.result.shape

    def _stacked(self, name: str, of: Mapping[str, Any]) -> Any:
        if name not in self.names:
            raise unknown_name("Parameter", name, self.names)
        return np.stack([of[each] for each in self._of_components(name)])

    def _of_components(self, name: str) -> list[str]:
        """The parameter of each component as it is called in `result`."""
        return [name] if name in self.result.names else [f"{name}_{i}" for i in range(self.max_components)]

    # -- made from the maps ------------------------------------------------------------------------------------------

    def integrated(self) -> Any:
        """Integral of each component along the axis, sqrt(2 pi) amplitude stddev, (component, ny, nx)."""
        return np.sqrt(2 * np.pi) * self["amplitude"] * self["stddev"]

    def model_cube(self) -> Cube:
        """Components and baseline at every voxel; its data are a dask array. NaN where nothing was fitted."""
        from manyfit.cube._decomposition_cubes import model_cube

        return model_cube(self)

    def residual_cube(self) -> Cube:
        """Data minus model, likewise."""
        from manyfit.cube._decomposition_cubes import residual_cube

        return residual_cube(self)

    # -- looking and writing -----------------------------------------------------------------------------------------

    def summary(self) -> str:
        """How many spectra have how many components, and the typical goodness of fit, as text."""
        numbers, counts = np.unique(self.n_components, return_counts=True)
        rows = [
            f"  {'not fitted' if n < 0 else f'{n} components':>14} {count:>9,}"
            for n, count in zip(numbers, counts, strict=True)
        ]
        fitted = self.n_components >= 0
        reduced = np.median(self.statistic[fitted] / np.maximum(self.dof[fitted], 1)) if fitted.any() else np.nan
        rule = f"{self.criterion}, and chi2 lower by {self.gain_needed:.1f} for each component"
        time = "" if self.result.seconds is None else f" in {self.result.seconds:.2f} s"
        return "\n".join(
            [
                f"{np.count_nonzero(fitted):,} spectra decomposed{time} ({rule})",
                *rows,
                f"  median chi2 / dof {reduced:.3f}",
                *([] if self.refits is None else ["", str(self.refits)]),
            ]
        )

    def __repr__(self) -> str:
        numbers, counts = np.unique(self.n_components[self.n_components >= 0], return_counts=True)
        text = ", ".join(f"{c} with {n}" for n, c in zip(numbers, counts, strict=True))
        return f"<Decomposition of {self.shape} spectra: {text or 'none fitted'}>"

    def plot(self, name: str = "n_components", *, ax: Axes | None = None) -> Axes:
        """Draw a map: ``"n_components"``, ``"mean_0"``, ``"error:mean_0"``, ``"statistic"``, ``"status"``."""
        from manyfit.cube._decomposition_figures import plot

        return plot(self, name, ax=ax)

    def plot_all(self) -> Figure:
        """Draw amplitude, mean and width of each component on one page, in one scale for each parameter.

        Raises
        ------
        InputError
            The maps do not have two axes.
        """
        from manyfit.cube._figures import component_maps

        return component_maps(self)

    def plot_spectrum(self, index: tuple[int, ...]) -> Figure:
        """Draw data, components, their sum and the residual of the spectrum at (y, x)."""
        from manyfit.cube._decomposition_figures import plot_spectrum

        return plot_spectrum(self, index)

    def to_table(self) -> QTable:
        """A table with a row for each component: place, world coordinates, number, parameters and errors."""
        from manyfit.cube._decomposition_files import to_table

        return to_table(self)

    def to_fits(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a FITS file as `FitResult.to_fits` does, with images of number of components and criteria.

        Raises
        ------
        OutputExists
            If the file exists and `overwrite` is not set.
        """
        from manyfit.cube._decomposition_files import write

        write(self, Path(path), overwrite=overwrite)

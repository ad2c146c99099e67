"""Fit of a whole cube: the way of the tutorial "Multispectrum parallel fitting" against ours, on the same cores.

Run with ``python -m benchmarks.cube_tutorial``. The cube is simulated, 300 x 64 x 64. The tutorial's way: spectral-cube
on dask in chunks of (300, 16, 16), a Python loop over the spectra of a chunk, each computed from dask and fitted by
astropy's LevMarLSQFitter from the peak, moment 1 and equivalent width, in threads. It has no errors and no chi2. Ours
is `manyfit.cube.fit_lines` on the same mask and moments, with errors, and with the refit of outliers.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.modeling.fitting import LevMarLSQFitter
from astropy.modeling.models import Gaussian1D
from numpy.typing import NDArray

from benchmarks.timing import Row, best_of, show
from manyfit import cube, datasets

TARGET = 100
SIDE = 16  # pixels of a chunk


def fit_chunk(chunk: Any, axis: NDArray[np.float64], guesses: list[Any], via_dask: bool, block_info: Any = None) -> Any:
    """Fit the spectra of one chunk one after the other; three planes of parameters."""
    import dask.array as da

    origin = [pair[0] for pair in block_info[0]["array-location"]] if isinstance(block_info, dict) else [0, 0, 0]
    spectra = da.atleast_3d(chunk) if via_dask else chunk
    found = np.full((3, *spectra.shape[1:]), np.nan)
    for y, x in np.ndindex(*spectra.shape[1:]):
        spectrum = spectra[:, y, x].compute() if via_dask else spectra[:, y, x]
        start = Gaussian1D(*(guess[y + origin[1], x + origin[2]] for guess in guesses))
        if not np.any(spectrum) or np.isnan(start.parameters).any():
            continue
        found[:, y, x] = LevMarLSQFitter()(start, axis, spectrum).parameters
    return found


def tutorial(data: Any, guesses: list[Any], *, via_dask: bool = True) -> NDArray[np.float64]:
    """The fitting step of the tutorial: a SpectralCube on dask, its chunks in threads, one for each core."""
    data.use_dask_scheduler("threads", num_workers=os.cpu_count())
    planned = data.apply_function_parallel_spectral(
        fit_chunk,
        return_new_cube=False,
        accepts_chunks=True,
        drop_axis=[0],
        chunks=(3, SIDE, SIDE),
        axis=data.spectral_axis.value,
        guesses=guesses,
        via_dask=via_dask,
    )
    return np.asarray(planned.compute())


def main() -> None:
    """The tutorial's way, the same without a dask task for each spectrum, and ours."""
    from spectral_cube import SpectralCube

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = datasets.simulate_clouds_cube().write(Path(folder) / "clouds.fits")
        theirs = SpectralCube.read(path, use_dask=True).with_spectral_unit(u.km / u.s).rechunk((-1, SIDE, SIDE))
        co = cube.read(path, spectral_unit="km/s")
        signal = cube.signal_mask(co)
        maps = cube.moments(co, signal)
        masked = theirs.with_mask(signal.spatial)
        guesses = [maps[name].value for name in ("peak", "moment1", "equivalent_width")]
        cube.fit_lines(co, signal, start=maps)
        ours = best_of(lambda: cube.fit_lines(co, signal, start=maps), 20)
        alone = best_of(lambda: cube.fit_lines(co, signal, start=maps, coherence=False), 20)
        _check(tutorial(masked, guesses), cube.fit_lines(co, signal, start=maps, noise="residuals", coherence=False))
        slow = best_of(lambda: tutorial(masked, guesses), 2)
        plain = best_of(lambda: tutorial(masked, guesses, via_dask=False), 2)
    n = int(signal.spatial.sum())
    show(
        [
            _row(f"fitting step, {n} of 4096 spectra: tutorial / fit_lines", slow, ours),
            _row("the same without the refit of outliers", slow, alone),
            _row("without a dask task for each spectrum, which the tutorial has / fit_lines", plain, ours, 0),
        ]
    )


def _check(theirs: NDArray[np.float64], ours: cube.CubeFit) -> None:
    """Both have fitted the same lines: the medians of their differences are far below the errors."""
    for values, name in zip(theirs, ours.names, strict=True):
        difference = np.abs(np.abs(values) - np.abs(ours[name].value)) / ours.error[name].value
        assert np.nanmedian(difference[ours.good]) < 1e-2, name


def _row(what: str, theirs: float, ours: float, target: int = TARGET) -> Row:
    ratio = theirs / ours
    words = f">= {target}x" if target else "none"
    return Row(what, f"{ratio:.0f}x ({theirs:.2f} s / {ours * 1e3:.1f} ms)", words, ratio >= target)


if __name__ == "__main__":
    main()

"""Spectra of surveys: reading, resampling, continuum and stacking of many, and the published continuum.

Run with ``python -m benchmarks.spectra``. The comparison with published numbers needs real files (MANYFIT_TEST_DATA).
"""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from numpy.typing import NDArray

from benchmarks.timing import Row, best_of, show
from manyfit import spectra

N_STARS = 256
LOG = {"CRVAL1": 4.179, "CDELT1": 6e-6, "CRPIX1": 1, "CTYPE1": "LOG-LINEAR", "DC-FLAG": 1}


def simulated(n: int = N_STARS) -> spectra.Spectra:
    """Noisy spectra with lines on the grid of apStar files, each at its own velocity."""
    rng = np.random.default_rng(1)
    grid = spectra.apogee_grid()
    lines = 1 - 0.4 * (rng.uniform(size=grid.size) < 0.1)
    flux = rng.uniform(100, 1000, (n, 1)) * lines * (1 + 0.01 * rng.normal(size=(n, grid.size)))
    rows = spectra.Spectra(grid, flux, np.ones(flux.shape)).rows
    rows["velocity"] = rng.normal(0, 50, n) * u.km / u.s
    return spectra.Spectra(grid, flux, (100 / flux) ** 2 * (rng.uniform(size=flux.shape) > 0.02), rows=rows)


def write_apstar(folder: Path, n: int) -> list[Path]:
    """Files of one coadd, one global coadd and three visits."""
    flux = np.ones((5, 8575), np.float32)
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU()]
    hdus[0].header["NVISITS"] = 3
    for data in (flux, flux * 0.01, flux.astype(np.int16)):
        hdus.append(fits.ImageHDU(data))
        hdus[-1].header.update(LOG)
    paths = [folder / f"apStar-{i}.fits" for i in range(n)]
    fits.HDUList(hdus).writeto(paths[0])
    for path in paths[1:]:
        path.write_bytes(paths[0].read_bytes())
    return paths


def per_spectrum(name: str, seconds: float, n: int, limit_ms: float) -> Row:
    """A row for a time in ms."""
    ms = 1e3 * seconds / n
    return Row(name, f"{ms:.2f} ms", f"<= {limit_ms:g} ms", ms <= limit_ms)


def speed() -> list[Row]:
    """Times for each spectrum of 8575 pixels."""
    s = simulated()
    clip = spectra.Clip()
    wide = ((15100, 15150), (15300, 15400), (15900, 16000), (16200, 16300), (16500, 16600), (16800, 16900))
    x, f, w = s.wavelength, s.flux, s.ivar
    few = slice(0, 64)
    return [
        per_spectrum(
            "sinusoidal continuum, its variance, 256 spectra x 8575 pixels",
            best_of(lambda: spectra.sinusoidal_continuum(x, f, w, continuum_regions=wide)),
            len(s),
            2,
        ),
        per_spectrum(
            "sinusoidal continuum, all pixels, clipped 5 times",
            best_of(lambda: spectra.sinusoidal_continuum(x, f[few], w[few], clip=clip)),
            64,
            20,
        ),
        per_spectrum(
            "Chebyshev continuum, order 4",
            best_of(lambda: spectra.chebyshev_continuum(x, f, w, regions=spectra.APOGEE_REGIONS)),
            len(s),
            3,
        ),
        per_spectrum("running quantile, 50 Å", best_of(lambda: spectra.quantile_continuum(x, f[few], w[few])), 64, 5),
        per_spectrum(
            "resampling, each at its own velocity",
            best_of(lambda: spectra.resample(s[few], x, velocity=s.rows["velocity"][few])),
            64,
            5,
        ),
        per_spectrum("stack", best_of(lambda: spectra.stack(s)), len(s), 0.5),
    ]


def streamed() -> list[Row]:
    """Reading of many files, a block at a time: rate and memory."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_apstar(Path(folder), 400)

        def run(n: int) -> None:
            for _ in spectra.read_many(paths[:n], block=50, prepare=lambda s: s.coadd):
                pass

        seconds = best_of(lambda: run(100), 3)
        peaks = [_peak_of(run, n) for n in (100, 400)]
    ratio = peaks[1] / peaks[0]
    return [
        per_spectrum("apStar file of 5 rows, coadd read", seconds, 100, 15),
        Row("peak memory of 400 files over that of 100, blocks of 50", f"{ratio:.2f}", "<= 1.1", ratio <= 1.1),
    ]


def _peak_of(run: object, n: int) -> int:
    tracemalloc.start()
    run(n)  # type: ignore[operator]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def published() -> list[Row]:
    """Largest relative difference to the published sinusoidal continuum."""
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "spectra" / "ref_continuum.npz"
    if not path.exists():
        return []
    reference = np.load(path)
    return [_compared(reference, order) for order in (2, 3)]


def _compared(reference: dict[str, NDArray[np.float64]], order: int) -> Row:
    made = spectra.sinusoidal_continuum(
        reference["wavelength"],
        reference["flux"],
        reference["ivar"],
        order=order,
        regions=((3000, 10000), *spectra.APOGEE_REGIONS),
        continuum_regions=reference["continuum_regions"],
        fill=1.0,
    )
    difference = float(np.max(np.abs(made.values / reference[f"continuum_o{order}"] - 1)))
    what = f"sinusoidal continuum of order {order}, relative difference to the published one"
    return Row(what, f"{difference:.1e}", "<= 1e-9", difference <= 1e-9)


def main() -> None:
    """All figures."""
    show([*published(), *speed(), *streamed()])


if __name__ == "__main__":
    main()

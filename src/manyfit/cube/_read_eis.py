"""`read_eis`: a spectral window of the Hinode/EIS spectrometer, whose wavelengths differ between spectra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from manyfit.cube._cube import Cube
from manyfit.errors import InputError

if TYPE_CHECKING:
    import os

MISSING = -100  # counts of pixels without data
READ_NOISE = 2.29 * 6.3  # electrons: DN, and electrons per DN
ELECTRON = 3.65  # eV of a photon that free one electron in silicon
PHOTON = 12398.5  # eV Angstrom


def read_eis(path: str | os.PathLike[str], window: float = 0, *, calibrated: bool = True) -> Cube:
    """Read a spectral window of Hinode/EIS from its level 1 HDF5 files, ``....data.h5`` and ``....head.h5``.

    The wavelength of a channel differs between spectra by the tilt of the slit and the drift of the orbit, which the
    header file gives; so ``cube.spectral_axis`` has the shape of the data. The noise is that of the photons and of the
    detector: sqrt(|N| + r²) photons, with r = 14.4 electrons over the number of electrons that a photon frees.

    Parameters
    ----------
    path
        Either file; the other is expected beside it.
    window
        Number of the window, or, from 100 on, a wavelength in Angstrom that is in it.
    calibrated
        Whether to convert counts to erg / (cm² s sr) by the pre-flight calibration in the header file.

    Returns
    -------
    Cube
        Of (wavelength, y, x), with uncertainty, mask of missing pixels, and a WCS of helioprojective coordinates in
        arcsec.

    Raises
    ------
    FileNotFoundError
        One of the files is missing.
    InputError
        There is no such window, or several exposures per position.
    """
    import h5py

    data, head = _pair(Path(path))
    with h5py.File(data) as values, h5py.File(head) as about:
        name = _window(about["wininfo"], window)
        counts = np.asarray(values[f"level1/{name}"], np.float64)
        if counts.ndim != 3:
            raise InputError(
                f"Window {name} of {str(data)!r} has {counts.ndim} axes. One exposure per position is read."
            )
        wavelength = np.asarray(about[f"wavelength/{name}"]) - np.asarray(about["wavelength/wave_corr"])[..., None]
        response = np.asarray(about[f"radcal/{name}_pre"], np.float64) if calibrated else 1.0
        wcs = _wcs(about["pointing"], counts.shape[:2], float(np.mean(about[f"ccd_offsets/{name}"])))
        line = bytes(about[f"wininfo/{name}/line_id"][0]).decode()
    read = READ_NOISE * ELECTRON * wavelength / PHOTON
    sigma = np.sqrt(np.abs(counts) + read**2)
    return Cube(
        _first(counts * response),
        _first(wavelength) << u.AA,
        u.Unit("erg / (cm2 s sr)") if calibrated else u.photon,
        wcs=wcs,
        uncertainty=_first(sigma * response),
        mask=_first(counts <= MISSING),
        header={"TELESCOP": "Hinode", "INSTRUME": "EIS", "OBJECT": line},
        medium="vacuum",
        notes=(
            f"window {name[3:]}: {line}",
            "wavelengths differ between spectra",
            "moved the spectral axis to the front",
        ),
    )


def _first(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(array, -1, 0))


def _pair(path: Path) -> tuple[Path, Path]:
    """The files of data and header."""
    stem = path.name.replace(".head.h5", "").replace(".data.h5", "")
    pair = path.with_name(f"{stem}.data.h5"), path.with_name(f"{stem}.head.h5")
    for file in pair:
        if not file.is_file():
            raise FileNotFoundError(
                f"There is no file {str(file)!r}. EIS level 1 comes as a .data.h5 and a .head.h5 file."
            )
    return pair


def _window(about: Any, window: float) -> str:
    """Name of a window from its number or a wavelength in it."""
    names: list[str] = sorted(str(key) for key in about if key.startswith("win"))
    spans = {name: (float(about[name]["wvl_min"][0]), float(about[name]["wvl_max"][0])) for name in names}
    found: list[str] = [n for n, (low, high) in spans.items() if low <= window <= high or n == f"win{int(window):02d}"]
    if len(found) != 1:
        listing = ", ".join(f"{name[3:]}: {low:.1f} to {high:.1f}" for name, (low, high) in spans.items())
        raise InputError(f"There is no window {window}. Give a number or a wavelength in Angstrom. Windows: {listing}.")
    return found[0]


def _wcs(pointing: Any, shape: tuple[int, ...], offset: float) -> Any:
    """Helioprojective coordinates; the centre is moved by the offset of the detector in pixels of 1 arcsec."""
    from astropy.wcs import WCS

    value = {key: float(pointing[key][0]) for key in ("xcen", "ycen", "offset_x", "offset_y", "x_scale", "y_scale")}
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["HPLN-TAN", "HPLT-TAN"]
    wcs.wcs.cunit = ["arcsec", "arcsec"]
    wcs.wcs.cdelt = [value["x_scale"], value["y_scale"]]
    centre = [value["xcen"] + value["offset_x"], value["ycen"] + value["offset_y"] - offset]
    corner = [c - step * n / 2 for c, step, n in zip(centre, wcs.wcs.cdelt, shape[::-1], strict=True)]
    wcs.wcs.crpix, wcs.wcs.crval = [1.0, 1.0], corner
    wcs.wcs.set()
    wcs.array_shape = shape
    return wcs

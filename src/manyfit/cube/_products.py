"""What came of a cube as FITS files: the fit, the moments, the mask of signal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._decomposition import Decomposition
from manyfit.cube._decomposition_files import hdus_of
from manyfit.cube._fits_axis import cube_header
from manyfit.cube._fits_maps import annotate, image, primary, table, write_hdus
from manyfit.fitting._fits_write import hdu_list

if TYPE_CHECKING:
    from astropy.io.fits import ImageHDU

    from manyfit.cube._cube import Cube
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._moments import Moments
    from manyfit.cube._signal import SignalMask


def write_fit(
    fit: CubeFit | Decomposition,
    path: str | Path,
    *,
    moments: Moments | None = None,
    history: Iterable[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a fit as a FITS file with an image for each map; `manyfit.FitResult.read` reads it back.

    To the images of ``FitResult.to_fits`` come the noise, the integrated intensity and its error, and the moments.

    Parameters
    ----------
    fit
        The fit.
    path
        Where to write it.
    moments
        Moments to write with it.
    history
        Remarks for the header, such as options; the notes of reading are written in any case.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    hdus = hdus_of(fit) if isinstance(fit, Decomposition) else hdu_list(fit.result.compute())
    annotate(hdus[0].header, fit.cube.header, [*fit.cube.notes, *history])
    taken = {hdu.name for hdu in hdus}
    extras = [hdu for hdu in _extras(fit, moments) if hdu.name not in taken]
    write_hdus(Path(path), [*hdus, *extras], overwrite=overwrite)


def _extras(fit: CubeFit | Decomposition, moments: Moments | None) -> Iterable[ImageHDU]:
    if (noise := noise_of(fit)) is not None:
        yield image("noise", noise, wcs=fit.wcs)
    if isinstance(fit, Decomposition):
        for i, values in enumerate(fit.integrated()):
            yield image(f"integrated_{i}", values, wcs=fit.wcs)
    else:
        yield image("integrated", fit.integrated(), wcs=fit.wcs)
        yield image("integrated_err", fit.integrated_error(), wcs=fit.wcs)
    if moments is not None:
        yield from _moment_images(moments, prefix="moments_")


def noise_of(fit: CubeFit | Decomposition) -> Any:
    """The map of standard deviations that a fit was made with, or None: the cube may have some for each voxel."""
    found = getattr(fit, "noise", None)
    if found is None and fit.cube.uncertainty is None and fit.signal is not None:
        found = fit.signal.noise
    return found if found is not None and np.shape(found) == fit.result.shape else None


def write_moments(
    moments: Moments,
    path: str | Path,
    *,
    cube: Cube | None = None,
    history: Iterable[str] = (),
    overwrite: bool = False,
) -> None:
    """Write moments as a FITS file with an image for each map and each error.

    Parameters
    ----------
    moments
        The moments.
    path
        Where to write them.
    cube
        The cube they are of: what its header says of object, telescope and beam is written with them.
    history
        Remarks for the header.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    first = primary("moments of a cube", None if cube is None else cube.header, _history(cube, history))
    write_hdus(Path(path), [first, *_moment_images(moments)], overwrite=overwrite)


def _moment_images(moments: Moments, prefix: str = "") -> Iterable[ImageHDU]:
    for name, values in moments.items():
        yield image(f"{prefix}{name}", values, wcs=moments.wcs)
        yield image(f"{prefix}{name}_err", moments.error[name], wcs=moments.wcs)


def write_signal(
    signal: SignalMask, cube: Cube, path: str | Path, *, history: Iterable[str] = (), overwrite: bool = False
) -> None:
    """Write a mask of signal as a FITS file: labels of the regions as a cube, their table, the noise.

    Parameters
    ----------
    signal
        The mask.
    cube
        The cube it is of, for its coordinates.
    path
        Where to write it.
    history
        Remarks for the header.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    from astropy.io.fits import ImageHDU

    labels = ImageHDU(signal.labels, header=cube_header(cube), name="LABELS")
    labels.header["CONTENT"] = ("labels", "number of the region, 0 outside of all")
    hdus: list[Any] = [primary("mask of signal", cube.header, _history(cube, history)), labels]
    hdus.append(image("noise", signal.noise, wcs=cube.wcs))
    if len(signal.regions):
        hdus.append(table("REGIONS", signal.regions))
    write_hdus(Path(path), hdus, overwrite=overwrite)


def _history(cube: Cube | None, history: Iterable[str]) -> list[str]:
    return [*(() if cube is None else cube.notes), *history]

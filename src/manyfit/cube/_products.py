"""What came of a cube as FITS files: the fit, the moments, the mask of signal."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._decomposition import Decomposition
from manyfit.cube._decomposition_files import hdus_of
from manyfit.cube._fits_axis import cube_header
from manyfit.cube._fits_maps import annotate, image, primary, table, write_hdus
from manyfit.cube._regions_text import plain_regions
from manyfit.errors import InputError
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
    noise: Any = None,
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
    noise
        Map of standard deviations. Default: that of the fit, if it has one.
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
    extras = [hdu for hdu in _extras(fit, moments, noise) if hdu.name not in taken]
    write_hdus(Path(path), [*hdus, *extras], overwrite=overwrite)


def _extras(fit: CubeFit | Decomposition, moments: Moments | None, noise: Any) -> Iterable[ImageHDU]:
    noise = getattr(fit, "noise", None) if noise is None else noise
    if noise is not None and np.shape(noise) == fit.shape:
        yield image("noise", noise, wcs=fit.wcs)
    if isinstance(fit, Decomposition):
        for i, values in enumerate(fit.integrated()):
            yield image(f"integrated_{i}", values, wcs=fit.wcs)
    else:
        with suppress(InputError):  # a model may have no line whose integral is known
            yield image("integrated", fit.integrated(), wcs=fit.wcs)
            yield image("integrated_err", fit.integrated_error(), wcs=fit.wcs)
    if moments is not None:
        for name, values in moments.items():
            yield image(f"moments_{name}", values, wcs=moments.wcs)
            yield image(f"moments_{name}_err", moments.error[name], wcs=moments.wcs)


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
    hdus = moments.to_hdulist()
    annotate(hdus[0].header, None if cube is None else cube.header, _history(cube, history))
    write_hdus(Path(path), hdus, overwrite=overwrite)


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
        hdus.append(table("REGIONS", plain_regions(signal.regions)))
    write_hdus(Path(path), hdus, overwrite=overwrite)


def _history(cube: Cube | None, history: Iterable[str]) -> list[str]:
    return [*(() if cube is None else cube.notes), *history]

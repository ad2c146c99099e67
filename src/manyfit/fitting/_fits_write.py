"""A result as a FITS file."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels._status import TABLE
from ..models._describe import describe
from ._atomic import replacing
from ._fits_layout import CONTENT, FORMAT, KINDS, MAPS, extension_names, to_ascii, unit_text
from ._fits_stream import write_streamed
from ._fits_wcs import wcs_header
from ._template import UnknownModel, shown

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList, Header, ImageHDU, PrimaryHDU

    from ._result import FitResult


def write(result: FitResult, path: Path, *, overwrite: bool = False) -> None:
    """Write a result to a file that appears when it is whole; ``.gz`` is compressed.

    A store is read block by block, unless the file is compressed.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    with replacing(path, overwrite=overwrite) as file:
        if path.suffix != ".gz" and _is_large(result):
            write_streamed(hdu_list(result), result.status.chunks[0], file)
            return
        hdus = hdu_list(result.compute())
        if path.suffix == ".gz":
            with gzip.GzipFile(path.stem, "wb", fileobj=file) as packed:
                hdus.writeto(packed, checksum=True)
        else:
            hdus.writeto(file, checksum=True)


def _is_large(result: FitResult) -> bool:
    """Whether maps are in a store and may be larger than memory."""
    return result.is_lazy and result.store is not None and result.shape != () and 0 not in result.shape


def hdu_list(result: FitResult) -> HDUList:
    """All HDUs of a result."""
    from astropy.io.fits import HDUList

    coordinates = wcs_header(result.wcs)
    hdus = [_primary(result, has_wcs=coordinates is not None)]
    for name, extension in extension_names(result.names).items():
        value = _image(result.parameters.value(name), "value", extension, coordinates)
        error = _image(result.parameters.error(name), "error", f"{extension}_ERR", coordinates)
        hdus += [_named(hdu, name, result.system.parameters[name]) for hdu in (value, error)]
    others = ("statistic", "dof", "n_points", "n_iter")
    hdus += [_image(getattr(result, name), name, MAPS[name], coordinates) for name in others]
    hdus.append(_status(result, coordinates))
    if result.parameters.columns.free:
        hdus.append(_covariance(result))
    if result.tracebacks:
        hdus.append(_tracebacks(result))
    return HDUList(hdus)


# -- the header for the whole --------------------------------------------------------------------------------


def _primary(result: FitResult, *, has_wcs: bool) -> PrimaryHDU:
    from astropy.io.fits import PrimaryHDU

    from .. import __version__

    header = (hdu := PrimaryHDU()).header
    header["CREATOR"] = (f"manyfit {__version__}", "software that wrote this file")
    header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC")
    header["CONTENT"] = (CONTENT, "images of parameters and errors")
    header["MFFORMAT"] = (FORMAT, "version of this layout")
    _fit_keywords(header, result)
    header["MAPAXES"] = (len(result.shape), "axes of the maps")
    for i, length in enumerate(result.shape):
        header[f"MAPLEN{i}"] = (length, "in the order of NumPy")
    header["HASWCS"] = (has_wcs, "whether the maps have coordinates")
    _unit_keywords(header, result)
    _parameter_keywords(header, result)
    header.add_history(f"{to_ascii(shown(result.template))} fitted by manyfit {__version__}")
    return hdu


def _fit_keywords(header: Header, result: FitResult) -> None:
    options = result.options
    text = None if isinstance(result.template, UnknownModel) else describe(result.template)
    if text is not None:
        header["MODEL"] = text
    header["MODELEXP"] = to_ascii(shown(result.template))
    header["STATNAME"] = (options.statistic, "statistic that was minimised")
    header["PRECIS"] = (options.precision, "precision of iterations")
    header["MAXITER"] = (int(options.max_iterations), "limit on evaluations")
    header["TOLERANC"] = (float(options.tolerance), "distance from minimum in sigma")
    header["ABSSIGMA"] = (bool(options.absolute_sigma), "errors do not depend on residuals")
    if result.seconds is not None:
        header["SECONDS"] = (float(result.seconds), "[s] time of the fit")


def _unit_keywords(header: Header, result: FitResult) -> None:
    system = result.system
    header["QUANTITY"] = (bool(system.attached), "whether the fitted model had units")
    if system.data is not None:
        header["DATAUNIT"] = unit_text(system.data)
    header["INPUTS"] = (len(system.inputs), "coordinates of the model")
    for i, unit in enumerate(system.inputs):
        if unit is not None:
            header[f"INUNIT{i}"] = unit_text(unit)


def _parameter_keywords(header: Header, result: FitResult) -> None:
    columns = result.parameters.columns
    header["PARAMS"] = (len(columns.names), "parameters of the model")
    for i, name in enumerate(columns.names):
        kind = next(kind for kind in KINDS if name in getattr(columns, kind))
        header[f"PAR{i}"] = to_ascii(name)
        header[f"KIND{i}"] = kind


# -- extensions ----------------------------------------------------------------------------------------------


def _image(values: Any, content: str, extension: str, coordinates: Header | None) -> ImageHDU:
    """An image; a single number is an image of one pixel."""
    from astropy.io.fits import ImageHDU

    hdu = ImageHDU(np.atleast_1d(values), header=coordinates, name=extension)
    hdu.header["CONTENT"] = (content, "what the numbers are")
    return hdu


def _named(hdu: ImageHDU, name: str, unit: Any) -> ImageHDU:
    """The same image with name and unit of its parameter."""
    hdu.header["PARNAME"] = to_ascii(name)
    if unit is not None:
        hdu.header["BUNIT"] = unit_text(unit)
    return hdu


def _status(result: FitResult, coordinates: Header | None) -> ImageHDU:
    """Codes with their meaning in the header."""
    hdu = _image(result.status.astype(np.int16), "status", MAPS["status"], coordinates)
    for code, text in TABLE.items():
        hdu.header[f"FLAG{int(code)}"] = text.name
    for code, text in TABLE.items():
        for line in wrap(f"{int(code)} {text.name}: {text.sentence} {text.remedy}", 72):
            hdu.header.add_comment(line)
    return hdu


def _covariance(result: FitResult) -> ImageHDU:
    """The lower triangles of the covariance matrices, one plane for each pair of free parameters."""
    free = result.parameters.columns.free
    pairs = [(i, j) for i in range(len(free)) for j in range(i + 1)]
    planes = np.stack([result.parameters.covariance_of(i, j) for i, j in pairs])
    hdu = _image(planes, "covariance", MAPS["covariance"], wcs_header(result.wcs, plane_axis=True))
    for plane, (i, j) in enumerate(pairs, 1):
        hdu.header[f"PLANE{plane}"] = to_ascii(f"{free[i]} {free[j]}")
    return hdu


def _tracebacks(result: FitResult) -> BinTableHDU:
    """Text of exceptions by the number of the element, counted in the order of NumPy."""
    from astropy.io.fits import BinTableHDU, Column

    indices, texts = zip(*sorted(result.tracebacks.items()), strict=True)
    lines = np.array([to_ascii(text) for text in texts])
    columns = [
        Column("INDEX", "K", array=np.array(indices)),
        Column("TEXT", f"{lines.dtype.itemsize // 4}A", array=lines),
    ]
    hdu = BinTableHDU.from_columns(columns, name=MAPS["tracebacks"])
    hdu.header["CONTENT"] = "tracebacks"
    return hdu

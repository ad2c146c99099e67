"""A result from a FITS file; nothing in the file is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._fits_headers import check_headers
from .._foreign import foreign, quiet
from ..errors import InputError
from ..kernels import Options, Solution
from ..models import parse
from ._fits_layout import CONTENT, FORMAT, KINDS, MAPS, from_ascii, unit_from_text
from ._fits_wcs import wcs_from_header
from ._parameters import Parameters
from ._result import FitResult
from ._strip import UnitSystem, bare
from ._template import UnknownModel
from ._work import Columns

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.modeling import Model


def read(path: Path, model: Model | None = None) -> FitResult:
    """Read a result; every number of every map is as it was.

    Parameters
    ----------
    path
        File written by ``FitResult.to_fits``.
    model
        The model, if it is no model of `astropy.modeling.models` or has ties.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        It was not written by manyfit, is of a later version, damaged, or of another model.
    """
    with quiet, foreign(path), _opened(path) as hdus:
        header = hdus[0].header
        _check_format(path, header)
        _check_sums(path, hdus)
        columns = _columns(header)
        images = _images(hdus, tuple(header[f"MAPLEN{i}"] for i in range(header["MAPAXES"])))
        return FitResult(
            parameters=_parameters(columns, images, header["MAPAXES"]),
            template=_template(path, header, columns, model),
            system=_system(header, hdus, columns),
            options=_options(header),
            wcs=wcs_from_header(hdus[MAPS["statistic"]].header, header["MAPAXES"]) if header["HASWCS"] else None,
            seconds=header.get("SECONDS"),
            tracebacks=_tracebacks(hdus),
        )


@contextmanager
def _opened(path: Path) -> Iterator[HDUList]:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}. Check the name and the folder.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyUserWarning)  # a truncated file is only warned about
            check_headers(path, path)
            with fits.open(path, memmap=False) as hdus:
                yield hdus
    except InputError:
        raise
    except (OSError, EOFError, TypeError, ValueError, KeyError, IndexError, AstropyUserWarning) as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({error}). It is damaged or no FITS file: write it again."
        ) from error


def _check_format(path: Path, header: Header) -> None:
    if header.get("CONTENT") != CONTENT:
        raise InputError(
            f"{str(path)!r} is a FITS file, but no result of manyfit. "
            "Give a file written by FitResult.to_fits or 'manyfit fit'."
        )
    if header["MFFORMAT"] > FORMAT:
        raise InputError(
            f"{str(path)!r} was written by {header['CREATOR']}, in a layout ({header['MFFORMAT']}) that this "
            f"version does not know (up to {FORMAT}). Update manyfit."
        )


def _check_sums(path: Path, hdus: HDUList) -> None:
    """Refuse data that have changed; a header may have been edited."""
    for hdu in hdus:
        if "DATASUM" in hdu.header and hdu.verify_datasum() == 0:
            raise InputError(f"{str(path)!r} is damaged: extension {hdu.name} does not have its checksum.")


# -- parts of the result -------------------------------------------------------------------------------------


def _columns(header: Header) -> Columns:
    kinds = {from_ascii(header[f"PAR{i}"]): header[f"KIND{i}"] for i in range(header["PARAMS"])}
    if unknown := set(kinds.values()).difference(KINDS):
        raise InputError(f"The header is damaged: there are no parameters of kinds {unknown}.")
    of_kind = [tuple(name for name in kinds if kinds[name] == kind) for kind in KINDS]
    return Columns(tuple(kinds), *of_kind)


def _images(hdus: HDUList, shape: tuple[int, ...]) -> dict[tuple[str, str], Any]:
    """All images by what they are and the name of the parameter, in native byte order."""
    images = {}
    for hdu in hdus[1:]:
        if not hdu.is_image:
            continue
        content, name = hdu.header["CONTENT"], from_ascii(hdu.header.get("PARNAME", ""))
        own = (-1, *shape) if content == "covariance" and 0 not in shape else shape
        stored = np.empty(own) if hdu.data is None else hdu.data
        images[content, name] = stored.astype(stored.dtype.newbyteorder("=")).reshape(own)
    return images


def _parameters(columns: Columns, images: Mapping[tuple[str, str], Any], ndim: int) -> Parameters:
    """The numbers behind the maps. Covariances were written as they are shown, so they are absolute here."""
    shape = images["statistic", ""].shape
    free = [images["value", name] for name in columns.free]
    n = len(free)
    triangles = images["covariance", ""] if n and 0 not in shape else np.empty((n * (n + 1) // 2, *shape))
    return Parameters(
        columns,
        Solution(
            values=np.stack(free, axis=-1) if free else np.empty((*shape, 0)),
            covariance=np.ascontiguousarray(np.moveaxis(triangles, 0, ndim)),
            statistic=images["statistic", ""],
            n_points=images["n_points", ""],
            n_iter=images["n_iter", ""],
            status=images["status", ""].astype(np.int8),
        ),
        fixed={name: images["value", name] for name in columns.fixed},
        tied={},
        absolute_sigma=True,
        stored={name: (images["value", name], images["error", name]) for name in columns.tied},
    )


def _template(path: Path, header: Header, columns: Columns, model: Model | None) -> Model | UnknownModel:
    if model is not None:
        if tuple(model.param_names) != columns.names:
            raise InputError(
                f"model has the parameters {model.param_names}, but the result in {str(path)!r} has {columns.names}."
            )
        return bare(model)
    unknown = UnknownModel(from_ascii(header["MODELEXP"]))
    try:
        template = parse(header["MODEL"]) if "MODEL" in header else unknown
    except InputError:  # of another version of astropy
        return unknown
    return template


def _system(header: Header, hdus: HDUList, columns: Columns) -> UnitSystem:
    texts = {
        from_ascii(hdu.header["PARNAME"]): hdu.header.get("BUNIT") for hdu in hdus if hdu.header["CONTENT"] == "value"
    }
    inputs = tuple(_unit(header.get(f"INUNIT{i}")) for i in range(header["INPUTS"]))
    parameters = {name: _unit(texts[name]) for name in columns.names}
    return UnitSystem(inputs, _unit(header.get("DATAUNIT")), parameters, header["QUANTITY"])


def _unit(text: str | None) -> Any:
    return None if text is None else unit_from_text(text)


def _options(header: Header) -> Options:
    return Options(
        statistic=header["STATNAME"],
        precision=header["PRECIS"],
        max_iterations=header["MAXITER"],
        tolerance=header["TOLERANC"],
        absolute_sigma=header["ABSSIGMA"],
    )


def _tracebacks(hdus: HDUList) -> dict[int, str]:
    tables = [hdu.data for hdu in hdus if hdu.name == MAPS["tracebacks"]]
    return {int(row["INDEX"]): from_ascii(row["TEXT"]) for table in tables for row in table}

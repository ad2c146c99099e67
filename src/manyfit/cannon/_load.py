"""Read a model from a file; nothing in it is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from manyfit._fits_headers import check_headers
from manyfit.errors import InputError, ManyfitError

from ._model import CannonModel
from ._model_parts import ModelParts, model_of
from ._save import HEADER

PICKLE = b"\x80"


def load(path: str | Path) -> CannonModel:
    """Read a model: what `CannonModel.load` does."""
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"PK"):
        return model_of(_read_npz(path), str(path))
    if start == b"SIMPLE":
        return model_of(_read_fits(path), str(path))
    hint = " It seems to be a pickle: manyfit.cannon.read_annies_lasso reads those of AnniesLasso."
    raise InputError(f"{str(path)!r} is no npz and no FITS file.{hint * start.startswith(PICKLE)}")


def _read_npz(path: Path) -> ModelParts:
    with _reading(path) as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if HEADER not in arrays:
        raise InputError(f"{str(path)!r} has no header; it is no model that manyfit wrote.")
    return ModelParts(str(arrays.pop(HEADER)), arrays)


def _read_fits(path: Path) -> ModelParts:
    from astropy.io import fits

    check_headers(path, path)
    with _reading(path) as file, fits.open(file, memmap=False, checksum=True) as hdus:
        arrays = {hdu.name.lower(): hdu.data for hdu in hdus[1:]}
    if HEADER not in arrays:
        raise InputError(f"{str(path)!r} has no HDU {HEADER.upper()}; it is no model that manyfit wrote.")
    return ModelParts(bytes(arrays.pop(HEADER)).decode(), arrays)


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """The content of a file; damage, of which the libraries warn or raise anything, as an error that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of wrong checksums and missing bytes
        try:
            yield BytesIO(path.read_bytes())
        except ManyfitError:
            raise
        except Exception as error:
            raise InputError(f"{str(path)!r} cannot be read: it is damaged or truncated ({error}).") from error

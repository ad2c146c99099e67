"""Write a model to a file, as npz or FITS; never as a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from manyfit.errors import unknown_name
from manyfit.fitting._atomic import check_output, replacing

from ._model import CannonModel
from ._model_parts import FORMAT, VERSION, ModelParts, parts_of

HEADER = "header"  # the array, or HDU, of the bytes of the JSON header


def save(model: CannonModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a model: what `CannonModel.save` does."""
    path = Path(path)
    if path.suffix not in WRITERS:
        raise unknown_name("Suffix of a model", path.suffix, WRITERS)
    check_output(path, overwrite=overwrite)
    parts = parts_of(model)
    with replacing(path, overwrite=overwrite) as file:
        WRITERS[path.suffix](parts, file)


def _write_npz(parts: ModelParts, file: BinaryIO) -> None:
    everything: dict[str, Any] = {HEADER: np.array(parts.header), **parts.arrays}
    np.savez_compressed(file, **everything)


def _write_fits(parts: ModelParts, file: BinaryIO) -> None:
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    primary.header["CONTENT"] = (FORMAT, "what this file holds")
    primary.header["VERSION"] = (VERSION, "of the format")
    text = fits.ImageHDU(np.frombuffer(parts.header.encode(), dtype=np.uint8), name=HEADER)
    text.header["COMMENT"] = "The bytes of a JSON text: names of labels, terms, chips, how the model was made."
    images = [fits.ImageHDU(np.asarray(array), name=name) for name, array in parts.arrays.items()]
    fits.HDUList([primary, text, *images]).writeto(file, checksum=True)


WRITERS = {".npz": _write_npz, ".fits": _write_fits}

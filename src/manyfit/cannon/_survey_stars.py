"""Files of a survey as stars of a store: one spectrum of each file."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block
from manyfit.errors import InputError
from manyfit.fitting._fingerprint import path_print

from ._stars import Part

if TYPE_CHECKING:
    from manyfit.spectra import Spectra

READ = 64  # files whose content tells a list from another; of all others name and size do


@dataclass(frozen=True, eq=False)
class SurveyStars:
    """Files that `manyfit.spectra.read` knows.

    Attributes
    ----------
    paths
        The files.
    prepare
        What makes the spectrum of a file normalised, at rest, on the wavelengths.
    wavelength
        Those of the model, (P,).
    """

    paths: tuple[Path, ...]
    prepare: Callable[[Spectra], Spectra]
    wavelength: NDArray[np.float64]

    @property
    def n_stars(self) -> int:
        """Number of files."""
        return len(self.paths)

    @property
    def ids(self) -> NDArray[Any]:
        """Paths of the files."""
        return np.array([str(path) for path in self.paths])

    def read(self, block: Block) -> Part:
        """The spectra of some files; none, and why, where a file cannot be used."""
        from manyfit.spectra import read_many

        from ._infer import check_wavelength

        (rows,) = block.slices
        flux, ivar = np.zeros((2, block.n_elements, len(self.wavelength)))
        (part,) = read_many(self.paths[rows], block=block.n_elements, prepare=self._one)
        files = part.files
        used = np.flatnonzero(files["status"] == "ok")
        if part.spectra is not None:
            check_wavelength(self.wavelength, part.spectra.wavelength.to_value("Angstrom"))
            flux[used], ivar[used] = part.spectra.flux, part.spectra.ivar
        failed = {int(i): str(files["message"][i]) for i in np.flatnonzero(files["status"] != "ok")}
        return Part(flux, ivar, failed=failed)

    def _one(self, spectra: Spectra) -> Spectra:
        prepared = self.prepare(spectra)
        if len(prepared) != 1:
            raise InputError(
                f"It gives {len(prepared)} spectra, and a store takes one of each file. Let prepare choose or stack, "
                "or write a table without store."
            )
        return prepared

    def fingerprint(self) -> dict[str, Any]:
        """Names and sizes of all files, content of some, and how spectra are prepared."""
        sizes = [[str(path), path.stat().st_size if path.is_file() else None] for path in self.paths]
        chosen = sorted({int(i) for i in np.linspace(0, len(self.paths) - 1, READ)}) if self.paths else []
        content = [path_print(self.paths[i]) for i in chosen if self.paths[i].is_file()]
        return {"files": len(self.paths), "names and sizes": _digest(sizes), "samples": _digest(content)} | {
            "prepare": prepare_print(self.prepare)
        }


def prepare_print(prepare: Callable[..., Any]) -> Any:
    """What tells a function that prepares spectra from another: what it says of itself, or its source."""
    if hasattr(prepare, "fingerprint"):
        return prepare.fingerprint()
    name = getattr(prepare, "__qualname__", type(prepare).__qualname__)
    try:
        return {"name": name, "source": _digest(inspect.getsource(prepare))}
    except (OSError, TypeError):  # it was typed into a prompt, or is an object
        return {"name": name}


def _digest(thing: Any) -> str:
    return hashlib.sha256(json.dumps(thing).encode()).hexdigest()[:32]

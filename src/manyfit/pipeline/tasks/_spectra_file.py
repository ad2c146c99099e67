"""A file of spectra that is here: of any kind that can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manyfit.pipeline._input_file import StoredFile
from manyfit.pipeline._parameters import Choice, File
from manyfit.pipeline._task import Task

if TYPE_CHECKING:
    from manyfit import spectra


class SpectraFile(StoredFile):
    """A file of spectra; its value is the spectra in it.

    Parameters
    ----------
    path
        The file.
    medium, frame
        What plain files do not say: see `manyfit.spectra.read`.
    """

    version = "1"
    path = File()
    medium = Choice("vacuum", "air", "unknown", default=None)
    frame = Choice("rest", "barycentric", "observed", "unknown", default=None)

    def location(self) -> Path:
        """Where the file is."""
        return Path(self.path)

    def input_files(self) -> dict[str, str]:
        """The file, by the name of its parameter."""
        return Task.input_files(self)

    def read(self, path: Path) -> spectra.Spectra:
        """The spectra in the file."""
        from manyfit.spectra import read

        return read(path, medium=self.medium, frame=self.frame)

"""Files that a pipeline starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import luigi

from manyfit.errors import InputError

from ._parameters import File
from ._task import Task


class StoredFile(Task):
    """A file that is not made here: it is its own product, and what requires it waits for it.

    A subclass says where the file is, and what `read` makes of it. A class that inherits from such a file and has a
    `compute` of its own is a step that works on the file, with a product of its own::

        class ContinuumNormalize(SinusoidalContinuum, ApStarFile): ...
    """

    version = "1"

    def location(self) -> Path:
        """Where the file is."""
        raise NotImplementedError(f"{type(self).__name__} has no location(self).")

    def input_files(self) -> dict[str, str]:
        """The file itself is what the identity depends on."""
        return super().input_files() | {"file": str(self.location())}

    def output(self) -> luigi.LocalTarget:
        """The file."""
        return luigi.LocalTarget(str(self.location())) if self._is_the_file() else super().output()

    def complete(self) -> bool:
        """Whether the file exists."""
        return self.location().exists() if self._is_the_file() else super().complete()

    def run(self) -> None:
        """Get the file, if it can be had.

        Raises
        ------
        InputError
            It has to appear by itself.
        """
        if not self._is_the_file():
            super().run()
            return
        self.prepare()
        self._there()

    def compute(self, inputs: Any) -> Any:  # noqa: ARG002  it requires nothing
        """What is in the file."""
        return self.read(self._there())

    def value(self) -> Any:
        """What is in the file."""
        return self.compute(None) if self._is_the_file() else super().value()

    def _is_the_file(self) -> bool:
        return type(self).compute is StoredFile.compute

    def _there(self) -> Path:
        path = self.location()
        if not path.exists():
            raise InputError(f"The file {str(path)!r} does not exist yet.")
        return path


class InputFile(StoredFile):
    """A file that is there already, or will be.

    Parameters
    ----------
    path
        The file.
    """

    version = "1"
    path = File()

    def location(self) -> Path:
        """Where the file is."""
        return Path(self.path)

    def input_files(self) -> dict[str, str]:
        """The file, by the name of its parameter."""
        return Task.input_files(self)

    def read(self, path: Path) -> Path:
        """The path: what is in the file is for others to read."""
        return path

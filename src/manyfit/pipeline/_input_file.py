"""A file that a pipeline starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import luigi

from manyfit.errors import InputError

from ._parameters import File
from ._task import Task


class InputFile(Task):
    """A file that is there already, or will be: what requires it waits for it.

    Parameters
    ----------
    path
        The file.
    """

    path = File()

    def output(self) -> luigi.LocalTarget:
        """The file."""
        return luigi.LocalTarget(self.path)

    def complete(self) -> bool:
        """Whether the file exists."""
        return Path(self.path).exists()

    def run(self) -> None:
        """Nothing can be done: the file has to appear.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"The file {self.path!r} does not exist yet.")

    def compute(self, inputs: Any) -> Path:  # noqa: ARG002  it requires nothing
        """The path of the file."""
        if not self.complete():
            self.run()
        return Path(self.path)

    def value(self) -> Path:
        """The path of the file."""
        return self.compute(None)

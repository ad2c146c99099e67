"""A trained model as a product: what `manyfit.cannon.CannonModel.save` writes."""

from __future__ import annotations

from pathlib import Path

from manyfit.cannon import CannonModel
from manyfit.pipeline._task import Task


class ModelProduct(Task):
    """A step whose value is a trained model."""

    version = "1"
    suffix = ".npz"

    def write(self, value: CannonModel, path: Path) -> None:
        """Write the model."""
        value.save(path)

    def read(self, path: Path) -> CannonModel:
        """Read it."""
        return CannonModel.load(path)

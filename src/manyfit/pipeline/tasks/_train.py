"""Training of The Cannon, as a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyfit.pipeline.tasks._model_product import ModelProduct
from manyfit.pipeline.tasks._training import Training

if TYPE_CHECKING:
    from manyfit import cannon


class Train(Training, ModelProduct):
    """A trained model of The Cannon; its product is an npz file of arrays.

    Parameters
    ----------
    training_set, label_names, order, regularization, scatter, workers
        As for `Training`.
    """

    version = "1"

    def compute(self, inputs: Any) -> cannon.CannonModel:  # noqa: ARG002  it requires nothing
        """The model of all stars."""
        return self.train(self.stars())

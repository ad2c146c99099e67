"""Training of The Cannon, as a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyfit.pipeline._parameters import Integer
from manyfit.pipeline.tasks._model_product import ModelProduct
from manyfit.pipeline.tasks._training import Training

if TYPE_CHECKING:
    from manyfit import cannon


class Train(Training, ModelProduct):
    """A trained model of The Cannon; its product is an npz file of arrays.

    Parameters
    ----------
    folds
        Number of parts of a cross-validation that calibrates the errors of labels; 0 leaves them formal, which is
        several times too small where the model is wrong in many pixels at once.
    training_set, label_names, order, regularization, scatter, workers
        As for `Training`.
    """

    version = "2"
    folds = Integer(default=0)

    def compute(self, inputs: Any) -> cannon.CannonModel:  # noqa: ARG002  it requires nothing
        """The model of all stars."""
        stars = self.stars()
        model = self.train(stars)
        if self.folds == 0:
            return model
        return model.calibrated(model.validate(stars, n_folds=self.folds, workers=self.workers))

"""What training takes: parameters that training and its validation share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit.pipeline._parameters import Choice, File, Float, Integer, Names
from manyfit.pipeline._task import Task

if TYPE_CHECKING:
    from manyfit import cannon


class Training(Task):
    """A step that trains The Cannon.

    Parameters
    ----------
    training_set
        File of stars with known labels, as `manyfit.cannon.TrainingSet.read` takes it: npz, FITS, Parquet, or the
        pickled dictionary of the tutorial, of which nothing is executed.
    label_names
        Labels of the model; all of the training set if not given.
    order
        Largest total power of the polynomial.
    regularization
        Strength of the L1 penalty.
    scatter
        How the scatter of pixels is found: see `manyfit.cannon.train`.
    workers
        Number of threads.
    """

    version = "1"
    training_set = File()
    label_names = Names(default=None)
    order = Integer(default=2)
    regularization = Float(default=0)
    scatter = Choice("ml", "mean", "median", default="ml")
    workers = Integer(default=None, significant=False)

    def stars(self) -> cannon.TrainingSet:
        """The stars, with the labels that are asked for."""
        from manyfit.cannon import TrainingSet

        return TrainingSet.read(self.training_set, labels=self.label_names)

    def train(self, stars: cannon.TrainingSet) -> cannon.CannonModel:
        """A model of some stars."""
        from manyfit.cannon import train

        return train(
            stars, order=self.order, regularization=self.regularization, scatter=self.scatter, workers=self.workers
        )

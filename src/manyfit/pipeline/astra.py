"""The names of the tutorial "Using The Cannon with APOGEE spectra" of SDSS Astra: its script needs other imports only.

Two mistakes of that workflow are not repeated, and a warning names each:

- The order of The Cannon became that of the continuum, because both parameters are called ``order``. Here
  `get_common_param_kwargs` hands on parameters that have one declaration, not one name.
- ``sum_axis = 0`` added the coadds in rows 0 and 1 of an apStar file to the visits that they are made of, so each
  photon counted three times. Here the visits are normalised and added.

Prefer `manyfit.pipeline.tasks` for what is new.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import luigi

from manyfit.errors import ManyfitWarning

from . import tasks
from ._declared import declares
from ._parameters import Choice, File, Flag, Float, Integer, Names, Text
from ._task import Task
from .tasks._labels_product import LabelsProduct
from .tasks._model_product import ModelProduct
from .tasks._spectra_product import SpectraProduct

if TYPE_CHECKING:
    from manyfit import cannon
    from manyfit.spectra import Spectra

__all__ = ["ApStarFile", "BaseTask", "Sinusoidal", "Test", "Train"]


class BaseTask(Task):
    """A task that can hand on its parameters."""

    version = "1"

    def get_common_param_kwargs(self, klass: type[luigi.Task]) -> dict[str, Any]:
        """Parameters that another class has from the same declaration, and their values.

        Warns
        -----
        ManyfitWarning
            Another parameter of the same name has a value of its own, which is not handed on.
        """
        common = {}
        for name, parameter in klass.get_params():
            if declares(type(self), name, parameter):
                common[name] = getattr(self, name)
            elif hasattr(self, name) and getattr(self, name) != (default := _default(klass, name, parameter)):
                warnings.warn(
                    f"{name}={getattr(self, name)!r} of {type(self).__name__} is another parameter than {name!r} of "
                    f"{klass.__name__}, which stays {default!r}: parameters are not handed on by equal names. To "
                    f"change it, write {name} = ... in the body of {klass.__name__}.",
                    ManyfitWarning,
                    stacklevel=2,
                )
        return common


def _default(klass: type[luigi.Task], name: str, parameter: luigi.Parameter[Any]) -> Any:
    family = klass.get_task_family()
    return parameter.task_value(family, name) if parameter.has_task_value(family, name) else None


class ApStarFile(BaseTask, tasks.ApStarFile):
    """An apStar file, of data release 16 unless another is given: see `manyfit.pipeline.tasks.ApStarFile`."""

    version = "1"
    release = Text(default="dr16")


class Sinusoidal(BaseTask, SpectraProduct):
    """Spectra divided by a continuum of sines and cosines.

    Parameters
    ----------
    sum_axis
        None: all rows of the file, each by itself. 0: the visits are normalised and added.
    L
        Length of the sines and cosines in Å.
    order
        Their number; another parameter than the order of The Cannon.
    continuum_regions_path
        Text file with pieces of continuum; None: see `manyfit.pipeline.tasks.SinusoidalContinuum`.
    """

    version = "1"
    sum_axis = Integer(default=None)
    L = Float(default=1400)
    order = Integer(default=3)
    continuum_regions_path = File(default=None)

    def compute(self, inputs: Spectra) -> Spectra:
        """Normalised spectra of one star."""
        from manyfit.pipeline.tasks._normalised import normalised
        from manyfit.spectra import read_regions

        if self.sum_axis is not None and len(inputs.coadds):
            warnings.warn(
                f"sum_axis = {self.sum_axis} is meant to stack visits, but {len(inputs.coadds)} rows of the file are "
                "coadds of these visits. Only the visits are added (in manyfit.pipeline.tasks: "
                "SinusoidalContinuum with combine = 'stack').",
                ManyfitWarning,
                stacklevel=2,
            )
        path = self.continuum_regions_path
        return normalised(
            inputs,
            combine="all" if self.sum_axis is None else "stack",
            order=self.order,
            length=self.L,
            continuum_regions=None if path is None else read_regions(path),
        )


class _TrainingParameters(BaseTask):
    version = "1"
    training_set_path = File()
    label_names = Names()
    order = Integer(default=2)
    regularization = Float(default=0)
    scatter = Choice("ml", "mean", "median", default="ml")


class Train(_TrainingParameters, ModelProduct):
    """A trained model of The Cannon.

    Parameters
    ----------
    training_set_path
        The pickled dictionary of the tutorial, of which nothing is executed, or another training set.
    label_names
        Labels of the model.
    order, regularization, scatter
        As for `manyfit.pipeline.tasks.Train`.
    """

    version = "1"

    def compute(self, inputs: Any) -> cannon.CannonModel:  # noqa: ARG002  it requires nothing
        """The model."""
        from manyfit.cannon import TrainingSet, train

        stars = TrainingSet.read(self.training_set_path, labels=self.label_names)
        return train(stars, order=self.order, regularization=self.regularization, scatter=self.scatter)


class Test(_TrainingParameters, LabelsProduct):
    """Labels of stars by a trained model.

    Parameters
    ----------
    training_set_path, label_names, order, regularization, scatter
        As for `Train`, to which they are handed on.
    N_initialisations
        From how many stars of the training set the labels are looked for.
    use_derivatives
        Accepted, and without effect: derivatives are always used, and change no label.
    """

    __test__ = False  # no test of pytest
    version = "1"
    shared_requirements = ("model",)
    N_initialisations = Integer(default=10)
    use_derivatives = Flag(default=True, significant=False)

    def compute(self, inputs: Mapping[str, Any]) -> cannon.LabelTable:
        """Labels of the spectra of one star."""
        from manyfit.pipeline.tasks._infer import spectra_of
        from manyfit.pipeline.tasks._infer_many import infer_many

        observed = spectra_of(type(self).__name__, inputs)
        (found,) = infer_many(inputs["model"], [observed], [self.N_initialisations])
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

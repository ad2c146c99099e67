"""Labels of stars by a trained model, as a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manyfit.errors import InputError
from manyfit.pipeline._parameters import Flag, Integer, ParametersOf
from manyfit.pipeline.tasks._labels_product import LabelsProduct, columns_of
from manyfit.pipeline.tasks._train import Train

if TYPE_CHECKING:
    from manyfit import cannon, spectra


class Infer(LabelsProduct):
    """Labels of a star, with errors and flags; its product is a FITS table.

    It requires a ``"model"``, which is that of all rows of a table, and spectra under any other name::

        class StellarParameters(Infer, ApStarFile):
            def requires(self):
                return {"model": Train(**self.training), "spectrum": self.clone(ContinuumNormalize)}

    Parameters
    ----------
    training
        Parameters of `Train`.
    n_starts
        From how many stars of the training set the labels are looked for.
    lists
        Whether a row of a table may have several spectra, such as visits: its columns are then lists.
    """

    version = "1"
    shared_requirements = ("model",)
    training = ParametersOf(Train, default={})
    n_starts = Integer(default=4)
    lists = Flag(default=False)

    def compute(self, inputs: Mapping[str, Any]) -> cannon.LabelTable:
        """Labels of the spectra of one star."""
        (found,) = type(self).compute_rows([self], [inputs])
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    @classmethod
    def compute_rows(cls, tasks: Sequence[Any], inputs: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Labels of many stars, all spectra at once."""
        from manyfit.pipeline.tasks._infer_many import infer_many

        try:
            model, observed = inputs[0]["model"], [spectra_of(cls.__name__, given) for given in inputs]
        except KeyError:
            raise InputError(
                f"requires() of {cls.__name__} gives no 'model': such as Train(**self.training)."
            ) from None
        return infer_many(model, observed, [task.n_starts for task in tasks])

    def to_row(self, value: cannon.LabelTable) -> Mapping[str, Any]:
        """Labels, errors, chi-squared and flags of a star; lists of them if there may be several spectra."""
        if not self.lists and len(value) != 1:
            raise InputError(f"There are labels of {len(value)} spectra. Combine them, or give lists=True.")
        columns = columns_of(value)
        return {name: values if self.lists else values[0] for name, values in columns.items()}


def spectra_of(name: str, inputs: Mapping[str, Any]) -> spectra.Spectra:
    """The spectra among the inputs of a step that has a model too."""
    others = [value for key, value in inputs.items() if key != "model"]
    if len(others) != 1:
        raise InputError(
            f"requires() of {name} gives {', '.join(map(repr, inputs))}. Give a 'model' and, by another name, spectra."
        )
    return others[0]  # type: ignore[no-any-return]

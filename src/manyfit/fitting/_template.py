"""The model of a result, which a result from a file may not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from ..models._describe import expression

if TYPE_CHECKING:
    from astropy.modeling import Model


@dataclass(frozen=True)
class UnknownModel:
    """Stands for a model that cannot be made from the text in a file.

    Attributes
    ----------
    expression
        Its classes, to be shown.
    """

    expression: str


def shown(template: Model | UnknownModel) -> str:
    """The classes of a model and how they are joined."""
    return template.expression if isinstance(template, UnknownModel) else expression(template)


def known(template: Model | UnknownModel) -> Model:
    """The model itself.

    Raises
    ------
    InputError
        It is not known; the text says how to give it.
    """
    if isinstance(template, UnknownModel):
        raise InputError(
            f"The model of this result ({template.expression}) cannot be made from the file, which "
            "holds only models of astropy.modeling.models. Give it: FitResult.read(path, model=...), or "
            "FitResult.open(store, model=...). All maps are here."
        )
    return template

"""A copy of a model whose parameters are tracers, for code that reads parameters from a model."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from manyfit.models._tracer import Tracer


def is_compound(model: Any) -> bool:
    """Whether a model is made of two others by an operator."""
    from astropy.modeling import CompoundModel

    return isinstance(model, CompoundModel)


def stand_in(model: Any, tracers: Sequence[Tracer]) -> Any:
    """A shallow copy of a model with tracers as its parameters; the model itself is not changed.

    Parameters
    ----------
    model
        An astropy model, compound or not.
    tracers
        One for each of `model.param_names`.
    """
    clone = copy(model)
    clone.__dict__.update(zip(model.param_names, tracers, strict=True))
    # `model.parameters` fills this array.
    clone.__dict__["_parameters"] = np.empty(len(tracers), dtype=object)
    if is_compound(model):
        n = len(model.left.param_names)
        clone.left = stand_in(model.left, tracers[:n])
        clone.right = model.right if model.op == "fix_inputs" else stand_in(model.right, tracers[n:])
        clone._leaflist = clone._tdict = None
    return clone

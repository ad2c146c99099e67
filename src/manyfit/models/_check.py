"""Whether a traced expression gives what the model's own ``evaluate`` gives.

Tracing sees one point. A model that uses the mean of all points, their order or their number would be traced
to something else; comparing at a few points finds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from manyfit.errors import ModelNotCompiled
from manyfit.kernels._expression import Node, evaluate

PLACES = (0.0173, 0.71, 2.39, -0.83, 5.17)


def check(leaf: Any, outputs: Sequence[Node], coordinates: Sequence[str]) -> None:
    """Compare the expressions of one model that is not compound with its `evaluate`.

    Raises
    ------
    ModelNotCompiled
        They differ at a point where the model is finite.
    """
    twin, shown = _moved(leaf)
    points = _points(shown, len(coordinates))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        # The second call shows what the first left behind.
        theirs = [_evaluate(twin, points) for _ in range(2)][-1]
    known = dict(zip((*coordinates, *leaf.param_names), (*points, *shown), strict=True))
    for output, expected in zip(outputs, theirs, strict=True):
        _compare(np.broadcast_to(evaluate(output, known), points[0].shape), expected)


def _moved(leaf: Any) -> tuple[Any, list[float]]:
    """A copy of the model with parameters near its own, not the same: zeros and ones hide mistakes."""
    twin, shown = copy(leaf), []
    for name in leaf.param_names:
        parameter = copy(getattr(leaf, name))
        shown.append(1.03 * float(np.ravel(parameter.value)[0]) + 0.011)
        parameter._value = np.array(shown[-1])
        if parameter._setter is not None:
            parameter._internal_value = np.array(parameter._setter(shown[-1]))
        twin.__dict__[name] = parameter
    return twin, shown


def _points(values: Sequence[float], n_inputs: int) -> list[np.ndarray[Any, Any]]:
    near = [1.0137 * value + shift for value in values[:6] for shift in (-0.21, 0.34)]
    places = np.array([*PLACES, *near])
    return [np.roll(places, 3 * i) + 0.07 * i for i in range(n_inputs)]


def _evaluate(model: Any, points: list[Any]) -> list[np.ndarray[Any, Any]]:
    own = (getattr(model, name) for name in model.param_names)
    values = [np.array([p.value if p._setter is None else p._internal_value]) for p in own]
    result = model.evaluate(*(p.copy() for p in points), *values)
    outputs = result if isinstance(result, tuple) else (result,)
    return [np.broadcast_to(np.asarray(o, dtype=float), points[0].shape) for o in outputs]


def _compare(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> None:
    finite = np.isfinite(theirs)
    scale = np.max(np.abs(theirs[finite]), initial=0.0)
    with np.errstate(invalid="ignore"):
        same = np.abs(ours - theirs) <= 1e-6 * np.abs(theirs) + 1e-10 * scale
    if not np.all(same[finite]):
        raise ModelNotCompiled(
            "the value at one point depends on more than that point (on the mean, the order or the number of "
            "points, or on what an earlier call left behind)"
        )

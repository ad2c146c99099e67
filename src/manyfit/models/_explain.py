"""Which models compile, and why others do not."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from manyfit.errors import ModelNotCompiled
from manyfit.kernels._expression import to_text
from manyfit.models._trace import formula

#: Larger formulas are not written out: as text their shared parts repeat.
LARGEST_TEXT = 5000


@dataclass(frozen=True)
class Explanation:
    """Whether a model compiles.

    Attributes
    ----------
    compiled
        Whether the model becomes a kernel; if not, the astropy fitter runs it.
    reason
        What stopped the compilation; empty for a compiled model.
    formula
        The value at one point, of coordinates ``x[0]``, ``x[1]`` … and parameters; empty where there is none.
    """

    compiled: bool
    reason: str
    formula: str


@dataclass(frozen=True)
class Row:
    """One built-in model of the table.

    Attributes
    ----------
    name
        Name in `astropy.modeling.models`.
    n_inputs
        Number of coordinates.
    explanation
        Whether it compiles.
    """

    name: str
    n_inputs: int
    explanation: Explanation


def explain(model: Any) -> Explanation:
    """Say whether a model compiles, and what stops it if not.

    Parameters
    ----------
    model
        An astropy model; parameters may have units.

    Raises
    ------
    InputError
        Ties run in a circle.

    Examples
    --------
    >>> from astropy.modeling.models import Linear1D, Spline1D
    >>> explain(Linear1D(2, 1)).formula
    '(slope*x[0] + intercept)'
    >>> explain(Spline1D()).reason
    'Spline1D cannot be compiled: a spline is known by its knots, not by a formula'
    """
    try:
        value = formula(without_units(model)).value
    except ModelNotCompiled as error:
        return Explanation(compiled=False, reason=str(error), formula="")
    text = to_text(value) if value.size <= LARGEST_TEXT else f"(a formula of {value.size} parts)"
    return Explanation(compiled=True, reason="", formula=text)


def without_units(model: Any) -> Any:
    """A copy of a model whose parameters are the same numbers without their units."""
    clone = model.deepcopy()
    for name in clone.param_names:
        getattr(clone, name)._set_unit(None, force=True)
    return clone


def table() -> tuple[Row, ...]:
    """One row for each model of `astropy.modeling.models` that can be fitted.

    Examples
    --------
    >>> [row.name for row in table() if not row.explanation.compiled]
    ['Spline1D']
    """
    return tuple(Row(type(m).__name__, m.n_inputs, explain(m)) for m in examples())


def examples() -> list[Any]:
    """One instance of each built-in model that can be fitted, in the order of their names."""
    from astropy.modeling import FittableModel, models

    public = {kind for name, kind in vars(models).items() if inspect.isclass(kind) and not name.startswith("_")}
    kinds = [kind for kind in public if issubclass(kind, FittableModel) and _is_complete(kind)]
    return [kind(*_arguments(kind)) for kind in sorted(kinds, key=attrgetter("__name__"))]


def _is_complete(kind: type) -> bool:
    return not inspect.isabstract(kind) and not kind.__name__.endswith("Base")


def _arguments(kind: type) -> tuple[Any, ...]:
    """What a model cannot be made without: degrees, the mapping of inputs."""
    needed: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(["Polynomial1D", "Chebyshev1D", "Legendre1D", "Hermite1D", "Polynomial2D"], (3,)),
        **dict.fromkeys(["Chebyshev2D", "Legendre2D", "Hermite2D"], (2, 2)),
        "Mapping": ((0,),),
        "Identity": (1,),
    }
    return needed.get(kind.__name__, ())

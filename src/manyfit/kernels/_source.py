"""The generated source of a kernel, to be looked at."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from manyfit.kernels import _emit
from manyfit.kernels._formula import Formula

#: Packages that turn other kinds of model into a `Formula`; looked for by name, so that this floor imports none.
FRONT_ENDS = ("manyfit.models",)


def source(model: Formula | Any, *, statistic: str = "chi2", weighted: bool = False, real: str = "float64") -> str:
    """The Python source that is compiled for a model.

    Parameters
    ----------
    model
        A `Formula`, or a model that a front end knows, such as an astropy model without units.
    statistic
        ``"chi2"`` or ``"cash"``.
    weighted
        Whether points have weights of their own.
    real
        Type of numbers, ``"float64"`` or ``"float32"``.

    Raises
    ------
    ModelNotCompiled
        If the model has no closed form.

    Examples
    --------
    >>> from astropy.modeling.models import Scale
    >>> print(source(Scale()).splitlines()[0].strip('"'))
    chi2 of factor*x[0]
    """
    if not isinstance(model, Formula):
        model = import_module(FRONT_ENDS[0]).formula(model)
    return _emit.source(_emit.KernelSpec(model, statistic, weighted, real)).replace(
        "{target}", "manyfit.kernels.targets.functions"
    )

"""From an astropy model to text that `parse` reads back."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError
from manyfit.models._parse import NOT_IN_TEXT, PRECEDENCE, models_by_name, parse
from manyfit.models._stand_in import is_compound

if TYPE_CHECKING:
    from astropy.modeling import Model

#: Arguments of constructors that are kept as attributes of the same name.
STRUCTURE = (
    *("degree", "x_degree", "y_degree", "domain", "x_domain", "y_domain", "window", "x_window", "y_window"),
    *("axes_order", "mapping", "n_inputs", "method"),
)
#: Arguments that are other words for the values of parameters.
OTHER_WORDS = ("cov_matrix", "r_out", "name")


def describe(model: Model) -> str | None:
    """Text from which `parse` makes the same model again, or None if there is none.

    Classes, operators, names of parts, values (to the last bit), units, ``fixed`` and ``bounds`` are in the
    text; ties, which are functions, are not. There is no text for models that are not in
    `astropy.modeling.models`, splines and tables, and parameters that are arrays.

    Parameters
    ----------
    model
        An astropy model.

    Examples
    --------
    >>> from astropy.modeling.models import Const1D, Gaussian1D
    >>> describe(Gaussian1D(1, 2, 3, fixed={"mean": True}) + Const1D(0.1))
    "Gaussian1D(amplitude=1.0, mean=2.0, stddev=3.0, fixed={'mean': True}) + Const1D(amplitude=0.1)"
    """
    try:
        text = _joined(model, lambda leaf, names: _leaf(leaf, [getattr(model, name) for name in names]))
        return text if _same(model, parse(text)) else None
    except (_NoTextError, InputError):
        return None


def expression(model: Model) -> str:
    """The classes of a model and how they are joined, to be shown.

    Examples
    --------
    >>> from astropy.modeling.models import Const1D, Gaussian1D
    >>> expression((Gaussian1D() + Gaussian1D()) * Const1D())
    '(Gaussian1D + Gaussian1D) * Const1D'
    """
    try:
        return _joined(model, lambda leaf, _: type(leaf).__name__)
    except _NoTextError:
        return "compound model"


class _NoTextError(Exception):
    """There is no text for this model."""


def _joined(model: Model, leaf_text: Callable[[Model, list[str]], str]) -> str:
    return _text(model, iter(model.param_names), leaf_text)


def _text(model: Model, names: Iterator[str], leaf_text: Callable[[Model, list[str]], str]) -> str:
    """The text of a tree; `names` gives the names of its parameters in the whole, leaf by leaf."""
    if not is_compound(model):
        return leaf_text(model, [next(names) for _ in model.param_names])
    if model.op not in PRECEDENCE:
        raise _NoTextError
    left, right = _text(model.left, names, leaf_text), _text(model.right, names, leaf_text)
    own, is_power = PRECEDENCE[model.op], model.op == "**"
    if _strength(model.left) < own + is_power:
        left = f"({left})"
    if _strength(model.right) < own + (not is_power):
        right = f"({right})"
    return f"{left} {model.op} {right}"


def _strength(model: Model) -> int:
    """How strongly the parts of a model are joined."""
    return PRECEDENCE.get(model.op, 0) if is_compound(model) else 10


def _leaf(model: Model, parameters: list[Any]) -> str:
    """The call that makes one part."""
    kind = type(model)
    if models_by_name().get(kind.__name__) is not kind:
        raise _NoTextError
    structure = _structure(model)
    plain = kind(**{name: value for name, value in structure.items() if name in _required(kind)})
    words = [
        f"{name}={_value(value)}"
        for name, value in structure.items()
        if name in _required(kind) or not _equal(getattr(plain, name), value)
    ]
    words += [f"{name}={_quantity(p)}" for name, p in zip(model.param_names, parameters, strict=True)]
    usual = [getattr(plain, name) for name in model.param_names]
    own = list(zip(model.param_names, parameters, usual, strict=True))
    fixed = {name: bool(p.fixed) for name, p, default in own if bool(p.fixed) != bool(default.fixed)}
    bounds = {name: tuple(p.bounds) for name, p, default in own if tuple(p.bounds) != tuple(default.bounds)}
    words += [f"{word}={_value(given)}" for word, given in (("fixed", fixed), ("bounds", bounds)) if given]
    words += [f"name={_value(model.name)}"] if model.name is not None else []
    return f"{kind.__name__}({', '.join(words)})"


def _structure(model: Model) -> dict[str, Any]:
    """Arguments of the constructor that are no parameters."""
    own = [name for name in inspect.signature(type(model).__init__).parameters if name not in NOT_IN_TEXT]
    extra = [name for name in own if name not in model.param_names and name not in OTHER_WORDS]
    if any(name not in STRUCTURE or not hasattr(model, name) for name in extra):
        raise _NoTextError
    return {name: getattr(model, name) for name in extra}


def _required(kind: type[Model]) -> list[str]:
    arguments = inspect.signature(kind.__init__).parameters.values()
    return [a.name for a in arguments if a.default is a.empty and a.name in STRUCTURE]


def _equal(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b)) if a is not None and b is not None else a is b


def _quantity(parameter: Any) -> str:
    unit = parameter.unit
    number = _value(parameter.value)
    return number if unit is None else f"{number} {unit.to_string() or 'dimensionless'}"


def _value(value: Any) -> str:
    """Numbers, strings and what is made of them, as `parse` reads them."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_value(k)}: {_value(v)}' for k, v in value.items())}}}"
        case list() | tuple():
            return f"({', '.join(map(_value, value))}{',' * (len(value) == 1)})"
        case str():
            return ascii(value)
        case None | bool() | int():
            return repr(value)
    if np.size(value) != 1:
        raise _NoTextError
    return repr(int(value) if isinstance(value, np.integer) else float(value))


def _same(a: Model, b: Model) -> bool:
    """Whether a model that was read is the one that was written."""
    return a.param_names == b.param_names and all(
        _same_parameter(getattr(a, name), getattr(b, name)) for name in a.param_names
    )


def _same_parameter(a: Any, b: Any) -> bool:
    # an angle that is kept in another unit than it is shown may differ in its last bit
    tolerance = 0.0 if a._setter is None else 1e-15
    x, y = float(a.value), float(b.value)
    same = (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=tolerance, abs_tol=0.0)
    return same and a.unit == b.unit and bool(a.fixed) == bool(b.fixed) and tuple(a.bounds) == tuple(b.bounds)

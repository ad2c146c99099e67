"""Which unit each parameter of a model has, given the units of its coordinates and of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import astropy.units as u
from astropy.modeling import CompoundModel
from astropy.modeling.models import Scale

from ..errors import InputError

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.units import UnitBase

Units: TypeAlias = "tuple[UnitBase | None, ...]"


def has_units(model: Model) -> bool:
    """Whether any parameter of the model has a unit.

    >>> from astropy.modeling.models import Const1D
    >>> has_units(Const1D(1)), has_units(Const1D(1 * u.K))
    (False, True)
    """
    return any(getattr(model, name).unit is not None for name in model.param_names)


def input_units(model: Model) -> Units:
    """The unit that the model's parameters expect for each coordinate, None where any unit will do.

    Of a sum or product the first part that expects a unit decides, whichever side it is on.
    """
    if isinstance(model, CompoundModel) and model.op in ("+", "-", "*", "/", "**"):
        left, right = input_units(model.left), input_units(model.right)
        return tuple(a if a is not None else b for a, b in zip(left, right, strict=True))
    if isinstance(model, CompoundModel) and model.op == "|":
        return input_units(model.left)
    if isinstance(model, CompoundModel) and model.op == "&":
        return input_units(model.left) + input_units(model.right)
    expected = model.input_units or {}
    return tuple(expected.get(name) for name in model.inputs)


def parameter_units(model: Model, inputs: Units, outputs: Units) -> Units:
    """Unit of each parameter, in the order of ``model.param_names``; None for a number without unit.

    Parameters
    ----------
    model
        Model with or without units.
    inputs, outputs
        Units of the coordinates and of the data; None where there is none.

    Examples
    --------
    >>> from astropy.modeling.models import Const1D, Linear1D
    >>> parameter_units(Linear1D() + Const1D(), (u.s,), (u.m,))
    (Unit("m / s"), Unit("m"), Unit("m"))
    """
    if not isinstance(model, CompoundModel):
        return _leaf_units(model, inputs, outputs)
    left, right = model.left, model.right
    match model.op:
        case "+" | "-":
            return parameter_units(left, inputs, outputs) + parameter_units(right, inputs, outputs)
        case "*" | "/":
            first, second = _factors(model, inputs, outputs)
            return parameter_units(left, inputs, first) + parameter_units(right, inputs, second)
        case "|":
            between = _between(model, inputs)
            return parameter_units(left, inputs, between) + parameter_units(right, between, outputs)
        case "&":
            n, m = left.n_inputs, left.n_outputs
            return parameter_units(left, inputs[:n], outputs[:m]) + parameter_units(right, inputs[n:], outputs[m:])
        case "fix_inputs":
            return parameter_units(left, _with_fixed(model, inputs), outputs)
    raise InputError(
        f"The units of a model with the operator {model.op!r} cannot be known. "
        "Give the model and the data without units."
    )


def _leaf_units(model: Model, inputs: Units, outputs: Units) -> Units:
    """Units by the model's own rule (astropy's ``_parameter_units_for_data_units``)."""
    if not model._supports_unit_fitting:
        if has_units(model):
            raise InputError(
                f"{type(model).__name__} has parameters with units but no rule that says how they follow "
                "from the units of the data. Give its parameters as numbers, in the units of world and data."
            )
        return (None,) * len(model.param_names)
    if type(model) is Scale:
        return (None,)  # a plain factor: astropy's rule names the unit of the output, but its evaluate drops it
    one = u.dimensionless_unscaled
    found = model._parameter_units_for_data_units(
        {name: one if unit is None else unit for name, unit in zip(model.inputs, inputs, strict=True)},
        {name: one if unit is None else unit for name, unit in zip(model.outputs, outputs, strict=True)},
    )
    unknown = None in (*inputs, *outputs)
    return tuple(_plain(found.get(name), unknown) for name in model.param_names)


def _plain(unit: UnitBase | None, unknown: bool) -> UnitBase | None:
    """A number without unit stays one where the dimensionless unit only stood for an unknown one."""
    return None if unit is not None and unknown and unit == u.dimensionless_unscaled else unit


def _factors(model: Model, inputs: Units, outputs: Units) -> tuple[Units, Units]:
    """Units of the two parts of a product or quotient.

    A part with units keeps them and the other takes the rest; if none has units the first takes all.
    """
    quotient = model.op == "/"
    right = _known_outputs(model.right, inputs)
    if right is None:
        left = _known_outputs(model.left, inputs)
        if left is None:
            return outputs, (None,) * len(outputs)
        pairs = zip(left, _ones(outputs), strict=True)
        return left, tuple(a / out if quotient else out / a for a, out in pairs)
    pairs = zip(right, _ones(outputs), strict=True)
    return tuple(out * b if quotient else out / b for b, out in pairs), right


def _ones(units: Units) -> tuple[UnitBase, ...]:
    return tuple(u.dimensionless_unscaled if unit is None else unit for unit in units)


def _known_outputs(model: Model, inputs: Units) -> tuple[UnitBase, ...] | None:
    """Units of the values of a model whose parameters have units; None if they have none."""
    if not has_units(model):
        return None
    values = model(*(1.0 if unit is None else 1.0 * unit for unit in inputs))
    values = values if isinstance(values, tuple) else (values,)
    return tuple(getattr(value, "unit", u.dimensionless_unscaled) for value in values)


def _between(model: Model, inputs: Units) -> Units:
    """Units of what the first model of a chain hands to the second."""
    expected = input_units(model.right)
    if None not in expected:
        return expected
    known = _known_outputs(model.left, inputs)
    if known is None and model.left.n_inputs == model.left.n_outputs:
        known = inputs  # a shift, a factor or a rotation keeps the unit
    if known is None:
        return expected
    return tuple(a if a is not None else b for a, b in zip(expected, known, strict=True))


def _with_fixed(model: Model, inputs: Units) -> Units:
    """Units of all inputs of a model some of which are fixed."""
    free = iter(inputs)
    fixed = {
        model.left.inputs[key] if isinstance(key, int) else key: getattr(value, "unit", None)
        for key, value in model.right.items()
    }
    return tuple(fixed[name] if name in fixed else next(free) for name in model.left.inputs)

"""Typed parameters of tasks: declared once, validated when a task is made, written one way in identities.

Each is a `luigi.Parameter`, so that tasks are set on the command line and in ``luigi.cfg`` as luigi's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import luigi
from luigi.freezing import FrozenOrderedDict

from manyfit.errors import InputError

from ._declared import checked_values


class Typed(luigi.Parameter[Any]):
    """What all kinds share; `check` gives the value in its one form, or raises `InputError`."""

    def check(self, value: Any) -> Any:
        """The value in its one form."""
        raise NotImplementedError

    def record(self, value: Any) -> Any:
        """What stands for the value in an identity: plain JSON."""
        return value

    def normalize(self, x: Any) -> Any:
        """The value in its one form; luigi calls this for every value."""
        return None if x is None and self._default is None else self.check(x)

    def parse(self, x: str) -> Any:
        """The value that a text means, as on a command line."""
        return self.normalize(x)

    def serialize(self, x: Any) -> str:
        """Text of the value."""
        return "" if x is None else str(x)


class Float(Typed):
    """A number; 0 and 0.0 are one value."""

    def check(self, value: Any) -> float:
        """The number as float."""
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{value!r} was given, a finite number is needed.")
        return number + 0.0  # no negative zero


class Integer(Typed):
    """A whole number."""

    def check(self, value: Any) -> int:
        """The number as int."""
        number = Float.check(self, value)  # type: ignore[arg-type]
        if number != int(number):
            raise InputError(f"{value!r} was given, a whole number is needed.")
        return int(number)


class Flag(Typed):
    """True or False."""

    def check(self, value: Any) -> bool:
        """The flag as bool."""
        known = {True: True, False: False, "true": True, "false": False}
        key = value.lower() if isinstance(value, str) else value
        if not isinstance(key, bool | str) or key not in known:
            raise InputError(f"{value!r} was given, true or false is needed.")
        return known[key]


class Text(Typed):
    """A text."""

    def check(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str):
            raise InputError(f"{value!r} was given, a text is needed.")
        return value


class Choice(Typed):
    """One of some texts.

    Parameters
    ----------
    *choices
        What is accepted.
    """

    def __init__(self, *choices: str, **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices

    def check(self, value: Any) -> str:
        """The text, if it is one of the choices."""
        if value not in self.choices:
            raise InputError(f"{value!r} was given, accepted are {', '.join(map(repr, self.choices))}.")
        return str(value)


class Names(Typed):
    """Texts in an order, such as names of labels; written ``A,B,C`` on a command line."""

    def check(self, value: Any) -> tuple[str, ...]:
        """The texts as a tuple."""
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(isinstance(part, str) and part.strip() for part in parts):
            raise InputError(f"{value!r} was given, a list of names is needed.")
        return tuple(part.strip() for part in parts)

    def serialize(self, x: Any) -> str:
        """The names with commas between."""
        return "" if x is None else ",".join(x)


class Quantity(Typed):
    """A number with a unit, such as ``"1400 Angstrom"``; the same length in other units is the same value.

    Parameters
    ----------
    unit
        Unit in which it is kept; numbers without unit are in this one.
    """

    def __init__(self, unit: str, **options: Any) -> None:
        super().__init__(**options)
        self.unit = unit

    def check(self, value: Any) -> Any:
        """The quantity in the unit of the parameter."""
        from astropy import units as u

        try:
            quantity = u.Quantity(value)
            quantity = quantity * u.Unit(self.unit) if quantity.unit == u.one else quantity.to(self.unit)
        except (TypeError, ValueError, u.UnitsError) as error:
            raise InputError(f"{value!r} was given, a quantity in units like {self.unit} is needed.") from error
        if quantity.ndim or not math.isfinite(quantity.value):
            raise InputError(f"{value!r} was given, one finite quantity in units like {self.unit} is needed.")
        # Twelve digits: a conversion of units is no change.
        return u.Quantity(float(f"{quantity.value:.12g}"), self.unit)

    def record(self, value: Any) -> Any:
        """Number and unit."""
        return [float(value.value), self.unit]


class File(Typed):
    """An input file: what it holds is part of the identity of a task, where it lies is not."""

    def check(self, value: Any) -> str:
        """The path as a text."""
        if not isinstance(value, str | Path) or not str(value):
            raise InputError(f"{value!r} was given, the path of a file is needed.")
        return str(value)


class ParametersOf(Typed):
    """Parameters of another task, handed on to it as they are: ``Train(**self.training)``.

    Parameters
    ----------
    task
        The class of the other task.
    """

    def __init__(self, task: type[luigi.Task], **options: Any) -> None:
        super().__init__(**options)
        self.task = task

    def check(self, value: Any) -> FrozenOrderedDict:
        """The values, each checked by its own parameter."""
        if not isinstance(value, Mapping):
            raise InputError(f"{value!r} was given, a dictionary of parameters of {self.task.__name__} is needed.")
        return FrozenOrderedDict(sorted(checked_values(self.task, value).items()))

    def parse(self, x: str) -> Any:
        """The parameters from JSON."""
        import json

        return self.normalize(json.loads(x))

    def record(self, value: Any) -> Any:
        """The values as they stand in the identity of the other task, without its files."""
        if value is None:
            return None
        kinds = dict(self.task.get_params())
        return {
            name: record_of(kinds[name], found)
            for name, found in sorted(value.items())
            if kinds[name].significant and not isinstance(kinds[name], File)
        }

    def serialize(self, x: Any) -> str:
        """The parameters as JSON."""
        import json

        kinds = dict(self.task.get_params())
        return json.dumps({name: kinds[name].serialize(found) for name, found in x.items()}, sort_keys=True)


def record_of(parameter: luigi.Parameter[Any], value: Any) -> Any:
    """What stands for a value in an identity, for luigi's own parameters too."""
    if isinstance(parameter, Typed):
        return None if value is None else parameter.record(value)
    return parameter.serialize(value)

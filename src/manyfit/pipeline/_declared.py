"""Which class declared a parameter: two of the same name are the same only if one declaration made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import luigi

from manyfit.errors import InputError, unknown_name


def parameter_of(classes: tuple[type, ...], name: str) -> luigi.Parameter[Any] | None:
    """The parameter that the first of these classes declares under a name."""
    for part in classes:
        value = part.__dict__.get(name)
        if isinstance(value, luigi.Parameter):
            return value
    return None


def declares(task: type, name: str, parameter: luigi.Parameter[Any]) -> bool:
    """Whether a class has a parameter from this declaration, its own or inherited, fixed or not."""
    return any(part.__dict__.get(name) is parameter for part in task.__mro__)


def checked(task: type, name: str, parameter: luigi.Parameter[Any], value: Any) -> Any:
    """The value in its one form; an error names the task and the parameter."""
    try:
        return parameter.normalize(value)
    except InputError as error:
        raise InputError(f"{task.__name__}, parameter {name!r}: {error}") from error


def checked_values(task: type[luigi.Task], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of some parameters of a task in their one form.

    Raises
    ------
    InputError
        A name that the task does not have, or a value that is not accepted.
    """
    kinds = dict(task.get_params())
    for name in given:
        if name not in kinds:
            raise unknown_name(f"Parameter of {task.__name__}", name, kinds)
    return {name: checked(task, name, kinds[name], value) for name, value in given.items()}

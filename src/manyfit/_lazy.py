"""Public names whose module is imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a package whose public names live in private modules.

    Parameters
    ----------
    package
        `__name__` of the package.
    homes
        The module of each public name, relative to the package; a name that is its own module is a
        subpackage.

    Examples
    --------
    >>> get, names, _ = lazy("manyfit", {"InputError": "errors", "errors": "errors"})
    >>> get("InputError"), names()
    (<class 'manyfit.errors.InputError'>, ['InputError', 'errors'])
    """
    names = sorted(homes)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}. It has: {', '.join(names)}.")
        module = import_module(f"{package}.{homes[name]}")
        value = module if name == homes[name] else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return get, names.copy, names

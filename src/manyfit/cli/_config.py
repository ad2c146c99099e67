"""Options from a TOML file, by the same names as on the command line, which has the last word."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from manyfit.errors import InputError, unknown_name


def load(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Make the values of a file the defaults of a command: callback of its ``--config``.

    Raises
    ------
    InputError
        The file is no TOML, names an option that the command has not, or has several values of one.
    """
    if path is not None:
        given = _read(path)
        known = {str(p.name): p for p in ctx.command.params if p.name not in (None, "config")}
        plain = {_known(name, path, list(known)): _plain(value) for name, value in given.items()}
        for name, value in plain.items():
            if isinstance(value, list) and not getattr(known[name], "multiple", False) and known[name].nargs == 1:
                raise InputError(f"{name} in {str(path)!r} is a list or a table. Give one value.")
        ctx.default_map = plain
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (ValueError, RecursionError) as error:  # of TOML, of bytes that are no text, of long numbers
        raise InputError(f"{str(path)!r} is no TOML file: {error}.") from error


def _known(name: str, path: Path, known: list[str]) -> str:
    plain = name.replace("-", "_")
    if plain not in known:
        raise unknown_name(f"Option in {str(path)!r}", name, known)
    return plain


def _plain(value: Any) -> Any:
    """A value as it would be on the command line: a table of bounds is a list of NAME=LOW:HIGH."""
    if isinstance(value, dict):
        return [f"{name}={side}" for name, side in value.items()]
    return value if isinstance(value, bool | str | list) else str(value)  # numbers and dates: taken or refused as text

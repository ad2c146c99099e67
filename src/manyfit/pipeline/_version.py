"""The version of the code of a task: what its author says, else a digest of its source."""

from __future__ import annotations

import ast
import inspect
import textwrap

from ._canonical import digest


def version_of(task: type) -> str:
    """The version of a class and of all that it inherits from.

    A class that says ``version = "2"`` is at that version until its author changes it. The source of any other class
    is read: comments, docstrings and layout do not count.
    """
    return digest([_own(part) for part in task.__mro__[:-1] if "luigi" not in part.__module__.split(".")])


def _own(part: type) -> str:
    said = part.__dict__.get("version")
    if said is not None:
        return f"{part.__qualname__}:{said}"
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
    except (OSError, TypeError):
        return part.__qualname__  # made without a file, as in a console: only its name is known
    return ast.dump(_without_docstrings(tree))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node, False):
            node.body = node.body[1:] or [ast.Pass()]
    return tree

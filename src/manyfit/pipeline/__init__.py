"""Pipelines: tasks that never repeat work and never lie about what is done.

A task is a class on luigi with typed parameters. What it is, is a digest of its name, the version of its code, its
parameters, the content of its input files and the identities of what it requires: a change upstream flows down, and
nothing else runs again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.pipeline._input_file import InputFile as InputFile
    from manyfit.pipeline._input_file import StoredFile as StoredFile
    from manyfit.pipeline._parameters import Choice as Choice
    from manyfit.pipeline._parameters import File as File
    from manyfit.pipeline._parameters import Flag as Flag
    from manyfit.pipeline._parameters import Float as Float
    from manyfit.pipeline._parameters import Integer as Integer
    from manyfit.pipeline._parameters import Names as Names
    from manyfit.pipeline._parameters import ParametersOf as ParametersOf
    from manyfit.pipeline._parameters import Quantity as Quantity
    from manyfit.pipeline._parameters import Text as Text
    from manyfit.pipeline._task import Task as Task
    from manyfit.pipeline._workspace import Workspace as Workspace

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Choice": "_parameters",
        "File": "_parameters",
        "Flag": "_parameters",
        "Float": "_parameters",
        "InputFile": "_input_file",
        "Integer": "_parameters",
        "Names": "_parameters",
        "ParametersOf": "_parameters",
        "Quantity": "_parameters",
        "StoredFile": "_input_file",
        "Task": "_task",
        "Text": "_parameters",
        "Workspace": "_workspace",
    },
)

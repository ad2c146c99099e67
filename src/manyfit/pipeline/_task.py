"""Tasks: classes on luigi whose identity is a digest of all that their product depends on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import luigi
from luigi.task import flatten

from manyfit.errors import InputError

from ._canonical import digest
from ._cycles import no_cycle
from ._declared import checked, checked_values, declares, parameter_of
from ._files import digests
from ._parameters import File, record_of
from ._version import version_of
from ._workspace import Workspace


class Task(luigi.Task):
    """A step of a pipeline with one product.

    A subclass declares parameters, says what it `requires`, and has three methods: `compute` gives a value from the
    values of what is required, `write` puts it into a file, `read` takes it out again. The rest is done here.

    An attribute that takes the place of a parameter fixes it: ``order = 2`` in a class body is part of the identity
    as ``order=2`` in a call would be.

    Attributes
    ----------
    version
        Version of the code. A class without one of its own has a digest of its source.
    suffix
        End of the name of the product.
    shared_requirements
        Keys of what `requires` gives that are the same for all rows of a table, such as a trained model.

    Examples
    --------
    >>> from manyfit.pipeline import Float, Task
    >>> class Double(Task):
    ...     number = Float(default=1)
    ...
    ...     def compute(self, inputs):
    ...         return {"double": 2 * self.number}
    >>> Double(number=3).compute(None)
    {'double': 6.0}
    """

    version: ClassVar[str] = "1"
    suffix: ClassVar[str] = ".json"
    shared_requirements: ClassVar[tuple[str, ...]] = ()
    _parameters: ClassVar[list[tuple[str, luigi.Parameter[Any]]]]
    _fixed: ClassVar[Mapping[str, tuple[luigi.Parameter[Any], Any]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Find parameters that the class body fixes."""
        super().__init_subclass__(**options)
        fixed = dict(cls._fixed)
        for name, value in list(cls.__dict__.items()):
            parameter = parameter_of(cls.__mro__[1:], name)
            if isinstance(value, luigi.Parameter):
                fixed.pop(name, None)
            elif parameter is not None:
                fixed[name] = (parameter, checked(cls, name, parameter, value))
                setattr(cls, name, fixed[name][1])
        cls._fixed = fixed

    # -- parameters --------------------------------------------------------------------------------------------------

    @classmethod
    def get_params(cls) -> Any:
        """Names and kinds of the parameters that a call may give; found once for each class."""
        if "_parameters" not in cls.__dict__:
            cls._parameters = super().get_params()
        return cls._parameters

    @classmethod
    def get_param_values(cls, params: Any, args: Any, kwargs: Any) -> Any:
        """Values of the parameters, each checked; luigi calls this when a task is made."""
        try:
            return super().get_param_values(params, args, checked_values(cls, kwargs))
        except luigi.parameter.MissingParameterException as error:
            left = [(n, p) for n, p in params if n not in kwargs][len(args) :]
            missing = [n for n, p in left if not p.has_task_value(cls.get_task_family(), n)]
            raise InputError(f"{cls.__name__} needs the parameter {', '.join(missing)}.") from error

    def clone(self, cls: type[luigi.Task] | None = None, **changed: Any) -> Any:
        """A task of another class with those parameters that both have from the same declaration.

        A parameter that only has the same name is another one, and is not handed on.
        """
        target = type(self) if cls is None else cls
        shared = {
            name: getattr(self, name)
            for name, parameter in target.get_params()
            if declares(type(self), name, parameter)
        }
        return target(**(shared | changed))

    # -- identity ----------------------------------------------------------------------------------------------------

    def record(self) -> dict[str, Any] | None:
        """What the identity is a digest of; None while an input file does not exist.

        Raises
        ------
        InputError
            The task requires itself, by way of others.
        """
        with no_cycle(self):
            return self._record()

    def _record(self) -> dict[str, Any] | None:
        files = self.input_files()
        found = digests(self.workspace.index, files.values()) if files else {}
        required = {str(key): identity_of(task) for key, task in required_of(self).items()}
        if None in found.values() or None in required.values():
            return None
        return {
            "task": self.get_task_family(),
            "version": version_of(type(self)),
            "parameters": {
                name: record_of(parameter, getattr(self, name))
                for name, parameter in self.all_parameters()
                if parameter.significant and not isinstance(parameter, File)
            },
            "files": {name: found[path] for name, path in files.items()},
            "requires": required,
        }

    @property
    def identity(self) -> str | None:
        """The sha256 of the record; None while an input file does not exist."""
        record = self.record()
        return None if record is None else digest(record)

    @classmethod
    def all_parameters(cls) -> list[tuple[str, luigi.Parameter[Any]]]:
        """Names and kinds of all parameters, of those too that a class body fixes."""
        return [*cls.get_params(), *((name, parameter) for name, (parameter, _) in cls._fixed.items())]

    def input_files(self) -> dict[str, str]:
        """Paths of files whose content is part of the identity, by name: those of parameters, as it stands."""
        return {
            name: getattr(self, name)
            for name, parameter in self.all_parameters()
            if isinstance(parameter, File) and getattr(self, name) is not None
        }

    def missing_files(self) -> list[str]:
        """Paths of input files that do not exist, of this task and of what it requires."""
        own = [path for path in self.input_files().values() if not Path(path).exists()]
        parts = [part.missing_files() for part in required_of(self).values() if isinstance(part, Task)]
        return list(dict.fromkeys([*own, *(path for part in parts for path in part)]))

    # -- what luigi asks for -----------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Workspace:
        """The folder of products."""
        return Workspace.current()

    def output(self) -> luigi.LocalTarget:
        """The product, as a target of luigi."""
        identity = self.identity or "pending"
        return luigi.LocalTarget(str(self.workspace.product(self.get_task_family(), identity, self.suffix)))

    def complete(self) -> bool:
        """Whether the product of this very identity is there."""
        identity = self.identity
        return identity is not None and self.workspace.is_done(identity)

    def run(self) -> None:
        """Make the product, unless another process has made it meanwhile."""
        record = self.record()
        if record is None:
            raise InputError(f"{self!r} cannot run: {', '.join(self.missing_files())} does not exist yet.")
        identity, started = digest(record), time.time()
        with self.workspace.claim(identity):
            if self.workspace.is_done(identity):
                return
            try:
                self._make(identity, record, started)
            except Exception:
                self.workspace.failed(identity, record, started=started, seconds=time.time() - started)
                raise

    def _make(self, identity: str, record: Mapping[str, Any], started: float) -> None:
        value = self.compute(self.values())
        with self.workspace.writing(self.get_task_family(), identity, self.suffix) as path:
            self.write(value, path)
        product = self.workspace.product(self.get_task_family(), identity, self.suffix)
        self.workspace.commit(identity, record, product, started=started, seconds=time.time() - started)

    # -- what a subclass says ----------------------------------------------------------------------------------------

    def compute(self, inputs: Any) -> Any:
        """The value of the task.

        Parameters
        ----------
        inputs
            Values of what is required, in the structure that `requires` gives: one, a list or a dictionary.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute(self, inputs).")

    def prepare(self) -> None:
        """Get what `compute` needs from elsewhere, such as a file from a server; called for rows that are pending."""

    def may_be_elsewhere(self) -> bool:
        """Whether `prepare` may find what is not here."""
        return False

    @classmethod
    def compute_rows(cls, tasks: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
        """Values of many tasks of this class, or the exceptions that they end with.

        As it stands, `compute` is called for one after the other. A class that can do a thousand at once says so here.
        """
        return [_attempt(task.compute, given) for task, given in zip(tasks, inputs, strict=True)]

    def to_row(self, value: Any) -> Mapping[str, Any]:
        """Columns of a table that a value becomes: numbers, texts and lists of them."""
        return value if isinstance(value, Mapping) else {"value": value}

    @classmethod
    def for_rows(cls, table: str | Path, *, batch: int = 1000, **shared: Any) -> Any:
        """A task that does the work of many tasks of this class, one for each row of a table.

        Parameters
        ----------
        table
            Parquet, FITS, ECSV or CSV file with a column for each parameter that differs between rows.
        batch
            Rows whose results are written together.
        **shared
            Parameters that all rows have.

        Returns
        -------
        Rows
            Its product is a Parquet file with all columns of the table and those of the values.
        """
        from ._rows import rows_of

        rows: Any = rows_of(cls)
        return rows(table=str(table), batch=batch, shared=shared)

    def write(self, value: Any, path: Path) -> None:
        """Put a value into a file; as it stands, JSON."""
        import json

        path.write_text(json.dumps(value))

    def read(self, path: Path) -> Any:
        """Take a value out of a file that `write` made."""
        import json

        return json.loads(path.read_text())

    def value(self) -> Any:
        """The value of the task from its product.

        Raises
        ------
        InputError
            It has not run.
        """
        if not self.complete():
            raise InputError(f"{self!r} has no product yet: run it first.")
        return self.read(Path(self.output().path))

    def values(self) -> Any:
        """Values of what is required, in the structure that `requires` gives."""
        return _values(self.requires())


def _attempt(function: Callable[[Any], Any], given: Any) -> Any:
    try:
        return function(given)
    except Exception as error:  # noqa: BLE001  a row may fail in any way, the others go on
        return error


def identity_of(task: luigi.Task) -> str | None:
    """The identity of a task; of one of luigi's own, its name and parameters."""
    if isinstance(task, Task):
        return task.identity
    return digest({"task": task.get_task_family(), "parameters": task.to_str_params(only_significant=True)})


def required_of(task: luigi.Task) -> dict[str, luigi.Task]:
    """What a task requires by name; the parts of a list are numbered.

    Raises
    ------
    InputError
        Something that it requires is no task.
    """
    required = task.requires()
    if isinstance(required, Mapping):
        found = {
            f"{name}.{i}" if i else str(name): t for name, part in required.items() for i, t in enumerate(flatten(part))
        }
    else:
        found = {str(i): part for i, part in enumerate(flatten(required))}
    for name, part in found.items():
        if not isinstance(part, luigi.Task):
            raise InputError(
                f"requires() of {type(task).__name__} gives {part!r} as {name!r}. Give a task, a list or a dictionary."
            )
    return found


def _values(required: Any) -> Any:
    if isinstance(required, Mapping):
        return {name: _values(part) for name, part in required.items()}
    if isinstance(required, list | tuple):
        return [_values(part) for part in required]
    return required.value() if isinstance(required, Task) else required.output()

"""Read pickled arrays and plain containers, and execute nothing.

A pickle is a program that may call any function. Here the few functions that arrays need are replaced by records of
what they were called with, and all others are refused by name. Arrays are made from the records when the program has
ended, by NumPy's own checks of type, shape and size; not even NumPy's code that restores arrays is run.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from manyfit.errors import InputError

NUMBERS = "biufcSU"  # kinds of arrays whose bytes are values
MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
PLAIN = (str, bytes, bytearray, bool, int, float, complex, type(None))
PLAIN_CALLS: dict[str, Any] = {
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    "complex": complex,
    "bytes": bytes,
    "bytearray": bytearray,
}
DEEPEST = 50  # containers within containers


def read_pickle(path: str | Path) -> Any:
    """The arrays and plain containers of a pickle; nothing is executed.

    Parameters
    ----------
    path
        A file that any version of Python wrote.

    Returns
    -------
    content
        Dictionaries, lists, tuples, sets, numbers, texts, bytes, None, and arrays of numbers or texts, also with named
        columns.

    Raises
    ------
    InputError
        The pickle holds, or wants to call, anything else; or it is damaged.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.pkl").write_bytes(pickle.dumps({"flux": np.ones(2)}))
    ...     _ = Path(folder, "b.pkl").write_bytes(pickle.dumps(print))
    ...     print(read_pickle(f"{folder}/a.pkl"))
    ...     try:
    ...         read_pickle(f"{folder}/b.pkl")
    ...     except InputError as error:
    ...         print(str(error).partition("wants")[2][:24])
    {'flux': array([1., 1.])}
     to use 'builtins.print'
    """
    path = Path(path)
    content = path.read_bytes()
    try:
        return _made(_Restricted(path, content).load(), 0)
    except InputError as error:
        raise InputError(f"{str(path)!r} {error}") from error
    # damaged bytes make the unpickler raise anything
    except Exception as error:
        raise InputError(
            f"{str(path)!r} cannot be read as a pickle: it is damaged, truncated or no pickle "
            f"({type(error).__name__}: {error}). Nothing was executed."
        ) from error


class _Restricted(pickle._Unpickler):
    """An unpickler that knows records only. Texts of Python 2 are read as Latin-1, which keeps their bytes.

    It is the one in Python: that in C makes a list as long as any number that a pickle gives for a place in it.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        super().__init__(BytesIO(content), encoding="latin1")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of a function or class."""
        if (module, name) == ("collections", "OrderedDict"):
            return _Stand("dict")
        if module in {"builtins", "__builtin__"} and name in PLAIN_CALLS:
            return _Stand(name)
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}:
            return _Stand(name)
        if module in MODULES and name in {"_reconstruct", "scalar", "_frombuffer"}:
            return _Stand(name)
        raise InputError(
            f"wants to use '{module}.{name}'; only arrays, numbers, texts and plain containers are read, and "
            "nothing was executed. If you trust the file, write its arrays as npz where it was made: "
            "numpy.savez('file.npz', **arrays)."
        )

    def persistent_load(self, pid: Any) -> Any:
        """Nothing is kept elsewhere."""
        raise InputError(f"refers to {pid!r} outside of the file. Nothing was executed.")


class _Stand:
    """What a pickle may call: it gives a record, or a plain value."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any) -> Any:
        """The record of a call."""
        if self._name in {"_reconstruct", "ndarray"}:
            return _Array()
        if self._name == "dtype":
            return _Type(str(args[0]))
        if self._name == "scalar":
            return _Array((1, (), *_expect((_Type, object), *args[:2])[:1], False, args[1]), is_scalar=True)
        if self._name == "_frombuffer":
            raw, kind, shape, order = args
            return _Array((1, shape, kind, order == "F", raw))
        if self._name == "encode":
            text, coding = _expect((str, str), *args)
            return text.encode("latin1" if coding in {"latin1", "latin-1"} else "utf-8")
        if self._name in {"bytes", "bytearray"}:
            return b"".join(_raw(part) for part in args[:1])  # of a number it would be that many zeros
        return PLAIN_CALLS[self._name](*args)


class _Array:
    """What is said of an array."""

    __slots__ = ("is_scalar", "state")

    def __init__(self, state: tuple[Any, ...] | None = None, *, is_scalar: bool = False) -> None:
        self.state, self.is_scalar = state, is_scalar

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def made(self, depth: int) -> Any:
        """The array."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise InputError("has an array without its values. Nothing was executed.")
        _, shape, kind, is_fortran, raw = self.state
        dtype, shape = _expect((_Type,), kind)[0].made(0), tuple(int(n) for n in shape)
        if dtype.kind == "O":
            return _texts(_made(raw, depth + 1), shape)
        values = _raw(raw)
        if min(shape, default=0) < 0 or len(values) != prod(shape) * dtype.itemsize:
            raise InputError(f"has an array of shape {shape} and {len(values)} bytes, which do not belong together.")
        array = np.frombuffer(values, dtype) if dtype.itemsize else np.zeros(prod(shape), dtype)
        array = array.reshape(shape, order="F" if is_fortran else "C").copy()
        return array[()] if self.is_scalar else array


@dataclass
class _Type:
    """What is said of the type of an array."""

    name: str
    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def made(self, depth: int) -> np.dtype[Any]:
        """The type, if it is of numbers, texts, or of columns of these."""
        byte_order, fields = (self.state[1], self.state[4]) if len(self.state) > 4 else ("|", None)
        if fields and depth < DEEPEST:
            return _columns_type(self.state[3], fields, int(self.state[5]), depth)
        dtype = np.dtype(self.name)
        if dtype.kind not in NUMBERS + "O" or dtype.names or dtype.subdtype or (depth and dtype.kind == "O"):
            raise InputError(f"has an array of type {self.name!r}; arrays of numbers and texts are read.")
        return dtype.newbyteorder(">") if byte_order == ">" else dtype


def _columns_type(names: Any, fields: dict[str, Any], size: int, depth: int) -> np.dtype[Any]:
    parts = [_expect((_Type,), fields[name][0])[0].made(depth + 1) for name in names]
    offsets = [int(fields[name][1]) for name in names]
    return np.dtype({"names": list(names), "formats": parts, "offsets": offsets, "itemsize": size})


def _made(value: Any, depth: int) -> Any:
    """A value with arrays in place of their records."""
    if depth > DEEPEST:
        raise InputError(f"has containers within containers, more than {DEEPEST} deep. Nothing was executed.")
    if isinstance(value, _Array):
        return value.made(depth)
    if type(value) is dict:
        return {_made(key, depth + 1): _made(item, depth + 1) for key, item in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(_made(item, depth + 1) for item in value)
    if type(value) in PLAIN:
        return value
    raise InputError(f"holds a {type(value).__name__.strip('_').lower()} on its own, which is no value.")


def _texts(values: Any, shape: tuple[int, ...]) -> Any:
    """An array of Python texts as one of NumPy's."""
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values) or len(values) != prod(shape):
        raise InputError("has an array of Python objects; arrays of numbers and texts are read. Nothing was executed.")
    return np.array(values, dtype=str).reshape(shape)


def _raw(values: Any) -> bytes:
    """Bytes, which Python 2 called text."""
    if isinstance(values, bytes | bytearray):
        return bytes(values)
    (text,) = _expect((str,), values)
    return str(text).encode("latin1")


def _expect(kinds: tuple[Any, ...], *values: Any) -> tuple[Any, ...]:
    """Values that must be of some kinds."""
    if len(values) < len(kinds) or not all(map(isinstance, values, kinds)):
        raise InputError("is damaged, or made to mislead: a call has other arguments than arrays need.")
    return values

"""Functions that Numba compiles as they are written, kept on disk until any such function of manyfit changes.

Numba looks for changes in the file of a function alone, and keeps machine code beside that file: a change in a function
that is called from there, or a new version of the package, would go unnoticed. Here the folder is that of the generated
kernels, under a name that holds a digest of all files in which such functions are: ``*_kernel.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from manyfit.kernels._cache import engine_digest, usable

F = TypeVar("F", bound=Callable[..., Any])


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(*, reassociate: bool) -> Callable[[F], F]: ...
def compiled(function: F | None = None, *, reassociate: bool = False) -> F | Callable[[F], F]:
    """Decorate a function of plain arrays and numbers, so that it is compiled for the types it is called with.

    It runs without the interpreter's lock. A division by zero gives infinity or NaN, as in NumPy.

    Parameters
    ----------
    function
        In a file ``*_kernel.py``.
    reassociate
        Whether sums may be taken in another order, which vectorises them. The order depends on their length alone.
    """

    def decorate(plain: F) -> F:
        options: dict[str, Any] = {"fastmath": {"reassoc"}} if reassociate else {}
        dispatcher: Any = numba.njit(nogil=True, error_model="numpy", **options)(plain)
        dispatcher._cache = _Cache(plain)  # type: ignore[no-untyped-call]
        return dispatcher  # type: ignore[no-any-return]

    return decorate if function is None else decorate(function)


@cache
def kernels_digest() -> str:
    """A digest of all files with compiled functions, of the engine, and of the compilers' versions."""
    digest = hashlib.sha256(engine_digest().encode())
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*_kernel.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def folder() -> Path:
    """Where machine code is kept; a temporary folder where the user's cannot be written."""
    return usable(f"functions-{kernels_digest()}")


class _Locator(_CacheLocator):
    """What tells Numba where machine code is kept, and which source it belongs to."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._place = f"{function.__module__.rpartition('.')[0]}-{function.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, function: Callable[..., Any], _: str) -> _Locator:
        return cls(function)

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> str:
        return kernels_digest()

    def get_disambiguator(self) -> str:
        return self._place


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Locator]  # type: ignore[list-item]  # noqa: RUF012


class _Cache(FunctionCache):
    """Numba's cache of one function, at our place."""

    _impl_class = _Implementation

"""The CPU: kernels and solver compiled by Numba, kept on disk."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from manyfit.kernels import _emit, _solver
from manyfit.kernels._cache import forget_machine_code, load

MATHEMATICS = "manyfit.kernels.targets.functions"

#: Sums may be taken in any order, which vectorises them; tests for NaN and infinity stay (no "nnan", no "ninf").
FAST = frozenset(["reassoc", "contract", "arcp", "nsz", "afn"])


@dataclass(frozen=True)
class Compiled:
    """The machine code of one kernel.

    Attributes
    ----------
    kernel, information
        Addresses of the kernel and of the observed information (the kernel's where they are the same).
    is_curved
        Whether they differ.
    code
        What lives at the addresses; it must outlive every use of them.
    """

    kernel: int
    information: int
    is_curved: bool
    code: tuple[Any, ...]


def _once(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Remember results, and let one thread compile while others wait for it."""
    remembered = cache(function)
    lock = threading.Lock()

    @wraps(function)
    def locked(key: Any) -> Any:
        with lock:
            return remembered(key)

    return locked


def _kernel_signature(real: Any) -> Any:
    numbers = types.CPointer(real)
    return real(numbers, numbers, numbers, numbers, types.int64, numbers, numbers, numbers)


def _meanings(real: Any) -> dict[str, Any]:
    """What the annotations of the solver mean: its arrays are addresses."""
    return {
        "Numbers": types.CPointer(real),
        "Wholes": types.CPointer(types.int64),
        "Counts": types.CPointer(types.int32),
        "Codes": types.CPointer(types.int8),
        "Kernel": types.intp,
        "int": types.int64,
        "float": real,
        "bool": types.boolean,
        "None": types.void,
    }


def _signature(function: Callable[..., Any], meanings: dict[str, Any]) -> Any:
    """The Numba signature that the annotations of a function say."""
    kinds = dict(function.__annotations__)
    result = meanings[kinds.pop("return")]
    return result(*(meanings[kind] for kind in kinds.values()))


@intrinsic
def at(context: Any, array: Any, place: Any) -> Any:
    """The address of one number of an array: reads and writes through it have no checks to compile."""
    result = types.CPointer(array.dtype)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = (
            args[0] if isinstance(array, types.CPointer) else context.make_array(array)(context, builder, args[0]).data
        )
        return builder.gep(start, [args[1]])

    return result(array, place), lower


@intrinsic
def call(context: Any, address: Any, p: Any, x: Any, y: Any, w: Any, points: Any, g: Any, h: Any, rows: Any) -> Any:
    """Call the kernel at an address.

    A number costs nothing to hand over; a function object, with its types, costs a tenth of a millisecond.
    """
    arguments = (p, x, y, w, types.int64, g, h, rows)
    result = p.dtype

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = [context.get_value_type(kind) for kind in arguments]
        function = ir.FunctionType(context.get_value_type(result), kinds)
        target = builder.inttoptr(args[0], function.as_pointer())
        return builder.call(target, args[1:])

    return result(types.intp, *arguments), lower


@_once
def kernel(spec: _emit.KernelSpec) -> Compiled:
    """Compile a kernel, or load it from the cache."""
    module = load(_emit.source(spec).replace("{target}", MATHEMATICS), "kernel")
    decorate = partial(
        numba.cfunc, _kernel_signature(getattr(types, spec.real)), cache=True, error_model="numpy", fastmath=set(FAST)
    )
    code = tuple(_kept(function, decorate) for function in _functions(module))
    return Compiled(code[0].address, code[-1].address, len(code) > 1, code)


def _functions(module: Any) -> list[Callable[..., Any]]:
    names = ("kernel", "information")
    return [getattr(module, name) for name in names if name in vars(module)]


@_once
def solver(real: str) -> Callable[..., None]:
    """The compiled `fit_tile` for one type of number; one for all models."""
    number = getattr(types, real)
    text = Path(_solver.__file__).read_text().replace("targets.python import", "targets.cpu import")
    module = load(text, f"solver_{real}")
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and name != "fit_tile":
            setattr(module, name, _inner(function))
    meanings = _meanings(number)
    # Python hands over arrays and not addresses.
    arrays = {name: kind.dtype[::1] for name, kind in meanings.items() if isinstance(kind, types.CPointer)}
    entry = _signature(module.fit_tile, meanings | arrays)
    decorate = partial(numba.njit, entry, cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)
    return _kept(module.fit_tile, decorate)  # type: ignore[no-any-return]


def _kept(function: Callable[..., Any], decorate: Callable[..., Any]) -> Any:
    """Compile a function, or load its machine code; what cannot be loaded is made anew."""
    try:
        return decorate()(function)
    except Exception:  # noqa: BLE001  a damaged file may raise anything; an error of the compiler comes again below
        forget_machine_code(function)
        return decorate()(function)


def _inner(function: Callable[..., Any]) -> Any:
    """A function that only compiled code calls, so that it needs no door to Python."""
    decorate: Any = numba.njit
    return decorate(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)

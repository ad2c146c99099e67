"""Call a vector function on arrays from inside a kernel compiled with the flags of the library's kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

FLAGS = frozenset({"reassoc", "contract", "arcp", "nsz", "afn"})


@functools.cache
def compiled(function: Callable[..., Any], n: int, fastmath: bool | frozenset[str] = FLAGS) -> Any:
    """A numba kernel ``kernel(*inputs, out)`` that applies `function` of `n` arguments to each element."""

    def one(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def two(x, y, out):
        for i in range(x.size):
            out[i] = function(x[i], y[i])

    return numba.njit(fastmath=set(fastmath) if isinstance(fastmath, frozenset) else fastmath)(one if n == 1 else two)


def apply(function: Callable[..., Any], *inputs: np.ndarray, fastmath: bool | frozenset[str] = FLAGS) -> np.ndarray:
    """`function` of each element of `inputs`, in their own precision."""
    out = np.empty_like(inputs[0])
    compiled(function, len(inputs), fastmath)(*inputs, out)
    return out

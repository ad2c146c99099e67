"""The conditions under which ``parallel_fit_dask`` works on the chunks that a dask array has."""

from __future__ import annotations

from typing import Any

from ..errors import InputError, InputTypeError
from ._axes import Axes
from ._source import kind_of


def require_native_chunks(data: Any, weights: Any, axes: Axes) -> None:
    """Check that data and weights are dask arrays whose chunks hold whole elements.

    Parameters
    ----------
    data, weights
        What the user gave; weights may be None.
    axes
        Axes of the data.

    Raises
    ------
    InputTypeError
        Data or weights that are no dask arrays.
    InputError
        Chunks that divide the fitting axes, or that differ between data and weights.
    """
    if not kind_of(data, "dask", "Array"):
        raise InputTypeError("Can only set preserve_native_chunks=True if input data is a dask array")
    if weights is not None and not kind_of(weights, "dask", "Array"):
        raise InputTypeError(
            "Can only set preserve_native_chunks=True if input weights is a dask array (if specified)"
        )
    if any(data.chunksize[axis] != data.shape[axis] for axis in axes.fitting):
        raise InputError(
            "When using preserve_native_chunks=True, the chunk size should match the data size along the "
            f"fitting axes; the chunks are {data.chunksize} and the data is {data.shape}. "
            "Rechunk the data, or leave preserve_native_chunks out."
        )
    if weights is not None and weights.chunksize != data.chunksize:
        raise InputError(
            "When using preserve_native_chunks=True, the weights should have the same chunk size as the "
            f"data: they have {weights.chunksize} and {data.chunksize}. Rechunk the weights."
        )

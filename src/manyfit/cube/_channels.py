"""Which channels a user means: slices, ranges of the spectral coordinate, or booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

if TYPE_CHECKING:
    from manyfit.cube._cube import Cube


def channels_of(cube: Cube, given: Any) -> NDArray[np.bool_]:
    """One boolean per channel.

    Parameters
    ----------
    cube
        The cube.
    given
        A slice, a range (low, high) of the spectral coordinate with unit, booleans, or a list of slices and ranges.
        None: all channels.

    Raises
    ------
    InputError
        No channel is meant, or a range without a unit.

    Examples
    --------
    >>> import manyfit
    >>> co = manyfit.cube.read(np.zeros(6) * u.K, spectral_axis=np.arange(6) * u.km / u.s)
    >>> channels_of(co, [slice(0, 2), (4, 9) * u.km / u.s])
    array([ True,  True, False, False,  True,  True])
    """
    if given is None:
        return np.ones(cube.n_channels, bool)
    several = given if isinstance(given, list) and not _is_mask(given, cube) else [given]
    chosen = np.logical_or.reduce([_one(cube, item) for item in several])
    if not chosen.any():
        raise InputError(f"channels={given!r} has no channel of {cube!r}.")
    return np.asarray(chosen)


def _is_mask(given: Any, cube: Cube) -> bool:
    return isinstance(given, np.ndarray) and given.dtype == bool and given.shape == (cube.n_channels,)


def _one(cube: Cube, item: Any) -> NDArray[np.bool_]:
    if _is_mask(item, cube):
        return np.asarray(item)
    chosen = np.zeros(cube.n_channels, bool)
    if isinstance(item, slice):
        chosen[item] = True
        return chosen
    try:
        low, high = sorted(u.Quantity(item).to_value(cube.spectral_axis.unit))
    except (u.UnitConversionError, TypeError, ValueError):
        raise InputError(
            f"channels has {item!r}. Give slices of channels, or ranges (low, high) in {cube.spectral_axis.unit}, "
            "or in a unit that converts to it."
        ) from None
    axis = cube.spectral_axis.value.reshape(cube.n_channels, -1)
    return np.asarray(((axis >= low) & (axis <= high)).all(axis=1))

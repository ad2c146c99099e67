"""What moments are made of: which voxels, their noise, coordinates of channels, for a part of a cube."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._blocks import Part
from manyfit.cube._cube import Cube
from manyfit.cube._given import laid
from manyfit.cube._noise import noise as estimated_noise
from manyfit.cube._noise_given import noise_given
from manyfit.cube._signal import SignalMask
from manyfit.errors import InputError, InputTypeError


def voxels_of(cube: Cube, signal: Any) -> Any:
    """Labels or booleans with the axes of the cube, or None for all.

    Raises
    ------
    InputError
        Another shape.
    InputTypeError
        Numbers.
    """
    if signal is None:
        return None
    if isinstance(signal, SignalMask):
        if signal.labels.shape != cube.shape:
            raise InputError(
                f"The signal mask has shape {signal.labels.shape} and the cube {cube.shape}. Give that of this cube."
            )
        return signal.labels
    given = np.asarray(signal)
    if given.dtype != bool:
        raise InputTypeError(f"signal has dtype {given.dtype}. Give a SignalMask or booleans.")
    return laid("signal", given, cube.shape)


def sigma_of(cube: Cube, signal: Any, noise: Any, workers: int | None) -> Any:
    """Noise with the axes of the cube."""
    if noise is None and isinstance(signal, SignalMask):
        noise = signal.noise
    given = noise_given(cube, noise)
    return estimated_noise(cube, workers=workers).value[None] if given is None else given


def coordinates_of(values: NDArray[Any], cube: Cube) -> NDArray[np.float64]:
    """Coordinates with the axes of the cube."""
    return np.asarray(values, np.float64).reshape(values.shape + (1,) * (len(cube.shape) - values.ndim))


def along(part: Part, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of coordinates: (channels, spectra or 1)."""
    cut = tuple(slice(0, 1) if n == 1 else s for n, s in zip(coordinates.shape, part.slices, strict=True))
    return np.ascontiguousarray(coordinates[cut].reshape(part.n_channels, -1))


def taken(part: Part, chosen: Any) -> NDArray[np.bool_]:
    """Whether each value of a part is taken."""
    shape = (part.n_channels, *part.block.shape)
    if chosen is None:
        return np.ones((part.n_channels, part.block.n_elements), bool)
    cut = tuple(slice(0, 1) if n == 1 else s for n, s in zip(chosen.shape, part.slices, strict=True))
    return np.ascontiguousarray(np.broadcast_to(chosen[cut] != 0, shape)).reshape(part.n_channels, -1)

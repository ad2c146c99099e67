"""Which axis of the data is spectral, which are degenerate and dropped, and the order of a cube made from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manyfit.errors import InputError
from manyfit.fitting._axes import Axes


@dataclass(frozen=True)
class Layout:
    """How the axes of the data become those of a cube: the spectral axis first, then what is spatial.

    Attributes
    ----------
    shape
        Shape of the data as given.
    spectral
        Spectral axis.
    dropped
        Axes that are left out: of length 1, or of polarisation.
    plane
        Which of the planes of polarisation is the cube.
    """

    shape: tuple[int, ...]
    spectral: int
    dropped: tuple[int, ...]
    plane: int = 0

    @property
    def spatial(self) -> tuple[int, ...]:
        """Spatial axes, in the order of the data."""
        return tuple(a for a in range(len(self.shape)) if a != self.spectral and a not in self.dropped)

    @property
    def cube_shape(self) -> tuple[int, ...]:
        """Shape of the cube."""
        return tuple(self.shape[axis] for axis in (self.spectral, *self.spatial))

    @property
    def axes(self) -> Axes:
        """The data's axes as those of a fit: what is iterated over is spatial."""
        shape = tuple(1 if axis in self.dropped else n for axis, n in enumerate(self.shape))
        return Axes(shape, (self.spectral, *self.dropped))

    @property
    def cube_axes(self) -> Axes:
        """The same for the axes of the cube."""
        return Axes(self.cube_shape, (0,))

    def arranged(self, array: Any) -> Any:
        """A view of an array of the data's dimensions, any of them 1 long, in the order of the cube."""
        left = [axis for axis in range(len(self.shape)) if axis not in self.dropped]
        order = tuple(left.index(axis) for axis in (self.spectral, *self.spatial))
        if not self.dropped and order == tuple(range(len(order))):
            return array
        if not hasattr(array, "transpose"):  # a zarr array or HDF5 dataset is turned as it is read
            import dask.array

            array = dask.array.from_array(array)
        one = [self.plane if n > 1 else 0 for n in array.shape]
        cut = array[tuple(one[axis] if axis in self.dropped else slice(None) for axis in range(len(self.shape)))]
        return cut.transpose(order)


def layout_of(shape: tuple[int, ...], spectral: int, *, stokes: int | None = None, plane: int = 0) -> Layout:
    """The layout of data with a known spectral axis.

    Parameters
    ----------
    shape
        Shape of the data.
    spectral
        Its spectral axis.
    stokes
        An axis known to be of polarisation.
    plane
        Which of its planes is the cube.

    Raises
    ------
    InputError
        Neither one nor two spatial axes are left.

    Examples
    --------
    >>> layout_of((1, 44, 128, 128), 1, stokes=0).cube_shape
    (44, 128, 128)
    """
    others = [axis for axis in range(len(shape)) if axis != spectral]
    dropped = [] if stokes is None else [stokes]
    for axis in [a for a in others if shape[a] == 1 and a not in dropped]:
        if len(others) - len(dropped) > 2:
            dropped.append(axis)
    left = len(others) - len(dropped)
    if left not in (0, 2) or shape[spectral] == 0:
        axes = "axis" if left == 1 else "axes"
        raise InputError(
            f"Data of shape {shape} is no spectral cube: it has {left} spatial {axes} besides "
            f"the spectral axis {spectral}. Give (channels, rows, columns) in any order, or one spectrum."
        )
    return Layout(tuple(shape), spectral, tuple(sorted(dropped)), plane)

"""Pictures of maps and spectra from plain arrays and a WCS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.plot._classes import plot_classes as plot_classes
    from manyfit.plot._grid import plot_maps as plot_maps
    from manyfit.plot._map import plot_map as plot_map
    from manyfit.plot._spectrum import plot_fit as plot_fit

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {"plot_classes": "_classes", "plot_fit": "_spectrum", "plot_map": "_map", "plot_maps": "_grid"},
)

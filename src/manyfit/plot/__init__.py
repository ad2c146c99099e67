"""Pictures of maps and spectra from plain arrays and a WCS, and pages of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.plot._classes import plot_classes as plot_classes
    from manyfit.plot._comparison import plot_comparison as plot_comparison
    from manyfit.plot._examples import Example as Example
    from manyfit.plot._examples import plot_examples as plot_examples
    from manyfit.plot._grid import plot_maps as plot_maps
    from manyfit.plot._map import plot_map as plot_map
    from manyfit.plot._report import KeyFigures as KeyFigures
    from manyfit.plot._report import Listing as Listing
    from manyfit.plot._report import Notes as Notes
    from manyfit.plot._report import Picture as Picture
    from manyfit.plot._report import Section as Section
    from manyfit.plot._report import Table as Table
    from manyfit.plot._report import Words as Words
    from manyfit.plot._report import png as png
    from manyfit.plot._report import report_page as report_page
    from manyfit.plot._spectrum import plot_fit as plot_fit

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Example": "_examples",
        "KeyFigures": "_report",
        "Listing": "_report",
        "Notes": "_report",
        "Picture": "_report",
        "Section": "_report",
        "Table": "_report",
        "Words": "_report",
        "plot_classes": "_classes",
        "plot_comparison": "_comparison",
        "plot_examples": "_examples",
        "plot_fit": "_spectrum",
        "plot_map": "_map",
        "plot_maps": "_grid",
        "png": "_report",
        "report_page": "_report",
    },
)

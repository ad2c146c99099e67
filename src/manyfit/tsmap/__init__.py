"""TS maps: the likelihood of a source at every position of the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.tsmap._axes import Axes as Axes
    from manyfit.tsmap._axes import Axis as Axis
    from manyfit.tsmap._axes import HealpixAxis as HealpixAxis
    from manyfit.tsmap._binning import bin_events as bin_events
    from manyfit.tsmap._containment import Region as Region
    from manyfit.tsmap._counts import Counts as Counts
    from manyfit.tsmap._fit import fit as fit
    from manyfit.tsmap._grid import Grid as Grid
    from manyfit.tsmap._index import ResponseIndex as ResponseIndex
    from manyfit.tsmap._orientation import Orientation as Orientation
    from manyfit.tsmap._response import DetectorResponse as DetectorResponse
    from manyfit.tsmap._response import PointSourceResponse as PointSourceResponse
    from manyfit.tsmap._response import write_detector_response as write_detector_response
    from manyfit.tsmap._response import write_point_source_response as write_point_source_response
    from manyfit.tsmap._simulate import Simulation as Simulation
    from manyfit.tsmap._simulate import simulate as simulate
    from manyfit.tsmap._simulate_steady import SteadySimulation as SteadySimulation
    from manyfit.tsmap._simulate_steady import simulate_steady as simulate_steady
    from manyfit.tsmap._solution import Solution as Solution
    from manyfit.tsmap._solve import solve as solve
    from manyfit.tsmap._spectrum import Band as Band
    from manyfit.tsmap._spectrum import CutoffPowerLaw as CutoffPowerLaw
    from manyfit.tsmap._spectrum import PowerLaw as PowerLaw
    from manyfit.tsmap._spectrum import Spectrum as Spectrum
    from manyfit.tsmap._spectrum_text import parse_spectrum as parse_spectrum
    from manyfit.tsmap._status import SkyStatus as SkyStatus
    from manyfit.tsmap._ts_map import Peak as Peak
    from manyfit.tsmap._ts_map import TSMap as TSMap

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Axes": "_axes",
        "Axis": "_axes",
        "Band": "_spectrum",
        "Counts": "_counts",
        "CutoffPowerLaw": "_spectrum",
        "DetectorResponse": "_response",
        "Grid": "_grid",
        "HealpixAxis": "_axes",
        "Orientation": "_orientation",
        "Peak": "_ts_map",
        "PointSourceResponse": "_response",
        "PowerLaw": "_spectrum",
        "Region": "_containment",
        "SkyStatus": "_status",
        "Solution": "_solution",
        "ResponseIndex": "_index",
        "Spectrum": "_spectrum",
        "TSMap": "_ts_map",
        "fit": "_fit",
        "solve": "_solve",
        "bin_events": "_binning",
        "parse_spectrum": "_spectrum_text",
        "Simulation": "_simulate",
        "SteadySimulation": "_simulate_steady",
        "simulate": "_simulate",
        "simulate_steady": "_simulate_steady",
        "write_detector_response": "_response",
        "write_point_source_response": "_response",
    },
)

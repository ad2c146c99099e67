"""Spectral cubes: from a file to line maps with errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.cube._correlation import channel_correlation as channel_correlation
    from manyfit.cube._correlation import effective_noise as effective_noise
    from manyfit.cube._cube import Cube as Cube
    from manyfit.cube._cube_fit import CubeFit as CubeFit
    from manyfit.cube._decompose import decompose as decompose
    from manyfit.cube._decomposition import Decomposition as Decomposition
    from manyfit.cube._exports import write_table as write_table
    from manyfit.cube._exports import write_zarr as write_zarr
    from manyfit.cube._fit_lines import fit_lines as fit_lines
    from manyfit.cube._guess import guess as guess
    from manyfit.cube._hyperfine import Ammonia1D as Ammonia1D
    from manyfit.cube._hyperfine import HyperfineLine as HyperfineLine
    from manyfit.cube._hyperfine import N2HPlus1D as N2HPlus1D
    from manyfit.cube._line_group import LineValues as LineValues
    from manyfit.cube._line_group import line_group as line_group
    from manyfit.cube._line_group import line_values as line_values
    from manyfit.cube._moments import Moments as Moments
    from manyfit.cube._moments import moments as moments
    from manyfit.cube._noise import noise as noise
    from manyfit.cube._read import read as read
    from manyfit.cube._read_eis import read_eis as read_eis
    from manyfit.cube._report import write_report as write_report
    from manyfit.cube._signal import SignalMask as SignalMask
    from manyfit.cube._signal import signal_mask as signal_mask

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Ammonia1D": "_hyperfine",
        "Cube": "_cube",
        "CubeFit": "_cube_fit",
        "Decomposition": "_decomposition",
        "HyperfineLine": "_hyperfine",
        "LineValues": "_line_group",
        "Moments": "_moments",
        "N2HPlus1D": "_hyperfine",
        "SignalMask": "_signal",
        "channel_correlation": "_correlation",
        "decompose": "_decompose",
        "effective_noise": "_correlation",
        "fit_lines": "_fit_lines",
        "guess": "_guess",
        "line_group": "_line_group",
        "line_values": "_line_group",
        "moments": "_moments",
        "noise": "_noise",
        "read": "_read",
        "read_eis": "_read_eis",
        "signal_mask": "_signal",
        "write_report": "_report",
        "write_table": "_exports",
        "write_zarr": "_exports",
    },
)

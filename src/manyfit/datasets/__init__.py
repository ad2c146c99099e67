"""Input to try things on: a public cube, and simulated cubes and spectra with known truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.datasets._clouds_cube import simulate_clouds_cube as simulate_clouds_cube
    from manyfit.datasets._cube import SimulatedCube as SimulatedCube
    from manyfit.datasets._cube import simulate_cube as simulate_cube
    from manyfit.datasets._l1448 import l1448 as l1448
    from manyfit.datasets._spectra import simulate_spectra as simulate_spectra

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "SimulatedCube": "_cube",
        "l1448": "_l1448",
        "simulate_clouds_cube": "_clouds_cube",
        "simulate_cube": "_cube",
        "simulate_spectra": "_spectra",
    },
)

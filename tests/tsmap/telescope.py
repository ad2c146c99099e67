"""A small Compton telescope in memory: 192 directions, 3 energies, 9 Compton angles, 48 scattering directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from manyfit.tsmap import Axes, Axis, HealpixAxis, Orientation

ENERGIES = [100.0, 300.0, 1000.0, 3000.0]


@dataclass(frozen=True, eq=False)
class Telescope:
    """What a fit asks of a response, answered from an array (NuLambda, Ei, Em, Phi, PsiChi)."""

    axes: Axes
    area: np.ndarray
    unit: str = "cm2"

    @property
    def sums(self):
        return self.area.sum(axis=(3, 4))

    def reduced(self, bins, weights, channels=None):
        area = self.area if channels is None else self.area[:, :, slice(*channels)].sum(axis=2)
        flat = area.reshape(*self.area.shape[:2], -1)[:, :, bins]
        return np.einsum("pei,...e->...pi", flat, weights)


@cache
def telescope(frame="spacecraft", scheme="RING", unit="cm2"):
    """Rings of 12 degrees around each direction, fewer towards the back; energies spread downwards."""
    axes = Axes(
        [
            HealpixAxis("NuLambda", 4, scheme=scheme, frame=frame),
            Axis("Ei", ENERGIES, "log", "keV"),
            Axis("Em", ENERGIES, "log", "keV"),
            Axis("Phi", np.linspace(0.0, 180.0, 10), "linear", "deg"),
            HealpixAxis("PsiChi", 2, frame=frame),
        ]
    )
    source, scattered = directions(4, scheme), directions(2, "RING")
    angle = np.degrees(np.arccos(np.clip(source @ scattered.T, -1, 1)))
    phi = np.arange(10.0, 180.0, 20.0)
    cone = np.exp(-0.5 * ((angle[:, None] - phi[:, None]) / 12.0) ** 2) + 0.02
    spread = np.array([[0.9, 0.0, 0.0], [0.3, 0.6, 0.0], [0.1, 0.3, 0.5]])
    facing = 0.4 + 0.6 * np.clip(source[:, 2], -0.5, 1)
    return Telescope(axes, np.einsum("p,em,pfs->pemfs", 0.3 * facing, spread, cone), unit)


def directions(nside, scheme):
    """Unit vectors of the centres of pixels."""
    import healpy

    return np.array(healpy.pix2vec(nside, np.arange(12 * nside**2), nest=scheme == "NESTED")).T


def orientation(n=4, livetime=5.0):
    """The telescope turns a little in `n` intervals; the Earth is opposite to its axis."""
    rows = n + 1
    z = np.stack([40.0 + np.arange(rows), np.full(rows, 20.0)], axis=1)
    return Orientation(
        times=10.0 * np.arange(rows),
        x_pointing=z + np.array([90.0, -20.0]),
        z_pointing=z,
        livetime=np.full(n, livetime),
        zenith=z,
        altitude=np.full(rows, 550.0),
    )


def expected(response, exposure, spectrum):
    """Counts expected of a source, (Em, Phi, PsiChi), from seconds of each pixel."""
    flux = spectrum.flux(np.array(ENERGIES))
    return np.einsum("pemfs,p,e->mfs", response.area, exposure, flux)

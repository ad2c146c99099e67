"""Maps that cosipy 0.3.4 and its development version computed, and the input they were computed from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from manyfit.tsmap import Counts, DetectorResponse, Orientation, PointSourceResponse, PowerLaw

SPECTRUM = PowerLaw(index=-2.2, pivot=100.0, norm=10.0)


def path(name):
    """A file of the reference data, or a skip that names it."""
    folder = os.environ.get("MANYFIT_TEST_DATA")
    found = Path(folder or "", "tsmap", name)
    if not folder or not found.exists():
        pytest.skip(f"needs {name} in the folder tsmap of $MANYFIT_TEST_DATA")
    return found


def arrays(name):
    """A reference map as a dictionary of arrays."""
    with np.load(path(name)) as file:
        return dict(file)


def vectors(arrays):
    """Galactic unit vectors of the positions."""
    if "hyp_xyz" in arrays:
        return arrays["hyp_xyz"]
    lon, lat = np.radians(arrays["l_deg"]), np.radians(arrays["b_deg"])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def positions(arrays):
    from astropy.coordinates import CartesianRepresentation, SkyCoord

    found = SkyCoord(CartesianRepresentation(*vectors(arrays).T), frame="galactic")
    return SkyCoord(found.spherical.lon, found.spherical.lat, frame="galactic")


def expectation(arrays):
    """Expected counts with bins in the order (Phi, PsiChi)."""
    e = arrays["e"]
    return (
        e.reshape(-1, 12, 30).transpose(0, 2, 1).reshape(len(e), -1) if "columns" in arrays and _is_034(arrays) else e
    )


def _is_034(arrays):
    return "l_deg" in arrays


def orientation_of_two_seconds():
    """The attitudes of the local maps at nside 1.

    The file is not public; its two attitudes follow from the stored expectations, which are linear in the times of the
    12 pixels: 6 angles for 768 x 12 times, which they fit to 6e-15 s.
    """
    x = np.array([[44.611172279453, 68.440340023066], [44.642124027020, 68.389206587656]])
    rows = [0, 1, 1]
    return Orientation(
        times=np.array([0.0, 1.0, 2.0]),
        x_pointing=x[rows],
        z_pointing=x[rows] - [0.0, 90.0],
        livetime=np.ones(2),
    )


def orientation_of_eight_seconds():
    """That of the synthetic maps: cosipy's reader of `.ori` text drops the last row, and the last interval with it."""
    found = Orientation.read(path("DC3-3mo-arbitrary-10s.ori"))
    return replace(found, livetime=np.append(found.livetime[:-1], 0.0))


def data(name):
    """Counts and background of a small map, (Em, Phi, PsiChi)."""
    if "galactic" in name:  # only their sums over channels 1 to 3 are kept
        found = np.zeros((2, 10, 30, 12))
        found[:, 1] = [arrays(name)[key].reshape(30, 12) for key in ("data_raw", "bkg")]
        return found
    return [Counts.read(path(name)).compton().dense() for name in ("ts_map_src_bkg.h5", "ts_map_bkg.h5")]


def small_response(name):
    """The response that a small map was computed with."""
    if "galactic" in name:
        return PointSourceResponse.open(path("galactic_response_nside2_unpadded.h5"))
    return DetectorResponse.open(path(f"response_{'v1_sparse' if '034' in name else 'v2'}_nside1.h5"))

"""All reference maps: the fit of their arrays, and the whole way from files to the map."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.tsmap import SkyStatus, fit, solve
from manyfit.tsmap._combine_kernel import combine
from manyfit.tsmap._exposure import pointed_exposure
from manyfit.tsmap._grid import positions_grid
from manyfit.tsmap._problem import Options, problem
from tests.tsmap import reference

CHANNELS = {
    "cosipy034_local_nside1_ch2_3.npz": (2, 3),
    "cosipy034_local_nside4_ch0_10.npz": (0, 10),
    "cosipy034_local_nside4_ch2_3.npz": (2, 3),
    "cosipydev_local_nside8_all.npz": (0, 10),
    "cosipydev_galactic_nside2_ch1_4.npz": (1, 4),
}
SYNTHETIC = ["synth_dev_nside8_ch2_3.npz", "synth_dev_nside16_ch2_3.npz"]


def assert_same(found, arrays):
    """TS, norms and errors are those of a reference."""
    if "results" not in arrays:
        assert_close_ts(found.ts, arrays["ts"])
        return
    columns = dict(zip(arrays["columns"].tolist(), arrays["results"].T, strict=True))
    assert_close_ts(found.ts, columns["ts"])
    np.testing.assert_allclose(found.norm, columns["norm"], rtol=1e-9, atol=0)
    np.testing.assert_allclose(found.norm_err, columns["norm_err"], rtol=1e-9, atol=0)
    assert not columns["failed"].any()
    assert np.all(found.good)


def assert_close_ts(found, wanted):
    assert np.max(np.abs(found - wanted) / (1 + wanted)) <= 1e-9


@pytest.mark.parametrize("name", CHANNELS)
def test_arrays_of_small_maps(name):
    arrays = reference.arrays(name)
    found = solve(arrays["data_raw"], arrays["bkg"], arrays["e"], zero_background="drop")
    assert_same(found, arrays)
    assert found.niter.max() <= 6


@pytest.mark.parametrize("name", SYNTHETIC)
def test_arrays_of_full_size_maps(name):
    arrays = reference.arrays(name)
    found = solve(arrays["data_valid"], arrays["bkg_valid"], arrays["e_valid"], arrays["e_sum"])
    assert_same(found, arrays)
    assert found.niter.max() <= 6
    assert np.sum(found.status == SkyStatus.UNDER_FLUCTUATION) > len(found.ts) / 3


@pytest.mark.parametrize("name", CHANNELS)
def test_maps_from_files(name):
    arrays = reference.arrays(name)
    response = reference.small_response(name)
    orientation = None if "galactic" in name else reference.orientation_of_two_seconds()
    found = fit(
        *reference.data(name),
        response,
        orientation=orientation,
        spectrum=reference.SPECTRUM,
        positions=reference.positions(arrays),
        energy_channels=CHANNELS[name],
        joint=False,
        zero_background="drop",
    )
    assert_same(found, arrays)


@pytest.mark.parametrize("name", CHANNELS)
def test_expectations_from_files(name):
    arrays = reference.arrays(name)
    counts, background = reference.data(name)
    everywhere = np.ones_like(counts)  # all bins are wanted, not only those with counts
    prepared = problem(
        everywhere,
        background,
        reference.small_response(name),
        None if "galactic" in name else reference.orientation_of_two_seconds(),
        (reference.SPECTRUM,),
        energy_channels=CHANNELS[name],
        joint=False,
        free_background=False,
        zero_background="floor",
        occultation=False,
        options=Options(signed=False, level=1.0, errors=False),
    )
    ((rows, _),) = prepared.rows()
    starts, pixels, seconds = prepared.exposure.of(positions_grid(reference.positions(arrays)).vectors)
    e = np.empty((len(starts) - 1, rows.shape[1]))
    for i, row in enumerate(e):
        combine(pixels[starts[i] : starts[i + 1]], seconds[starts[i] : starts[i + 1]], rows, row)
    wanted = reference.expectation(arrays)
    np.testing.assert_allclose(e, wanted, rtol=1e-10, atol=1e-13 * wanted.max())


@pytest.mark.parametrize("name", SYNTHETIC)
def test_exposures_of_full_size_maps(name):
    arrays = reference.arrays(name)
    exposure = pointed_exposure(reference.orientation_of_eight_seconds(), 8)
    found = dense(exposure.of(arrays["hyp_xyz"]))
    wanted = dense((arrays["sparse_ptr"], arrays["sparse_pix"], arrays["sparse_w"]))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def dense(csr):
    starts, pixels, seconds = csr
    array = np.zeros((len(starts) - 1, 768))
    np.add.at(array, (np.repeat(np.arange(len(array)), np.diff(starts)), pixels), seconds)
    return array

"""The random field against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.datasets._turbulence import turbulence


@pytest.mark.parametrize("shape", [(64, 64), (31, 50), (1, 7), (7, 1), (2, 2)])
def test_mean_zero_and_deviation_one(shape):
    field = turbulence(shape, np.random.default_rng(1))
    assert field.shape == shape
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1)


def test_one_pixel_is_zero():
    assert turbulence((1, 1), np.random.default_rng(1)) == 0


@pytest.mark.parametrize("index", [2.0, 3.0])
def test_power_spectrum_has_the_slope(index):
    rng = np.random.default_rng(2)
    power = np.mean([np.abs(np.fft.fft2(turbulence((128, 128), rng, index=index))) ** 2 for _ in range(20)], axis=0)
    k = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None, :])
    used = (k > 0.02) & (k < 0.4)
    slope = np.polyfit(np.log(k[used]), np.log(power[used]), 1)[0]
    assert slope == pytest.approx(-index, abs=0.05)

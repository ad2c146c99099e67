"""Stars that several tests of The Cannon share."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.cannon import train
from tests.cannon.semireal import data, make
from tests.cannon.stars import simulate


@pytest.fixture(scope="session")
def semireal():
    """The semi-real training set, and flux, ivar and labels of its test stars."""
    return make()


@pytest.fixture(scope="session")
def reference():
    """What the published program found on the semi-real set: of training, of the test stars."""
    return np.load(data("ref_semireal_train.npz")), np.load(data("ref_semireal_test.npz"))


@pytest.fixture(scope="session")
def simulated():
    """Three hundred simulated stars."""
    return simulate()


@pytest.fixture(scope="session")
def model(simulated):
    """A model trained on them."""
    return train(simulated)

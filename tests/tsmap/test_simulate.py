from __future__ import annotations

import hashlib

import numpy as np
import pytest

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import Counts, DetectorResponse, Orientation, simulate
from manyfit.tsmap._simulate import _dispersion, _scattering, directions


@pytest.fixture(scope="module")
def burst(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("burst"), nside=2, source_counts=3000.0, seed=3)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, nside=1, seed=seed)
    first, second, third = (digests(tmp_path / name) for name in "abc")
    assert first == second
    assert set(first) == {"response.h5", "orientation.ori", "observation.hdf5", "background.hdf5"}
    assert first["observation.hdf5"] != third["observation.hdf5"]
    assert first["orientation.ori"] == third["orientation.ori"]


def test_files_are_not_overwritten(tmp_path):
    simulate(tmp_path, nside=1)
    with pytest.raises(OutputExists):
        simulate(tmp_path, nside=1)
    simulate(tmp_path, nside=1, overwrite=True)


def test_the_files_hold_what_is_returned(burst):
    folder = burst.response.path.parent
    assert DetectorResponse.open(folder / "response.h5").axes == burst.response.axes
    for name in ("observation", "background"):
        read, made = Counts.read(folder / f"{name}.hdf5"), getattr(burst, name)
        np.testing.assert_array_equal(read.index, made.index)
        assert read.axes == made.axes
        assert read.windows == made.windows
    assert Orientation.read(folder / "orientation.ori").time_range == burst.observation.time_range


def test_counts_are_as_expected(burst):
    assert burst.counts.time_range == burst.window
    expected = 60.0 * 40.0
    assert burst.background_model.total == pytest.approx(expected, rel=5e-3)
    assert abs(burst.counts.total - expected - 3000) < 4 * np.sqrt(expected + 3000)
    off = burst.observation.excluding(burst.window)
    assert abs(off.total - 24 * expected) < 4 * np.sqrt(24 * expected)


def test_counts_of_the_source_follow_the_response(burst):
    """chi2 of the counts by energy, angle and direction against the response read pixel by pixel."""
    from manyfit.tsmap._exposure import pointed_exposure
    from manyfit.tsmap._orientation import vectors

    exposure = pointed_exposure(burst.orientation.during(burst.window), 2)
    _, pixels, seconds = exposure.of(vectors(np.array([burst.position])))
    flux = burst.spectrum.flux(burst.response.axes.interval("Ei").edges)
    source = sum(t * np.tensordot(flux, burst.response.read(p), axes=1) for p, t in zip(pixels, seconds, strict=True))
    assert source.sum() == pytest.approx(3000, rel=1e-12)
    expected = source + burst.background_model.dense()
    observed = burst.counts.compton().dense()
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        mean, seen = expected.sum(axis=others), observed.sum(axis=others)
        chi2 = ((seen - mean) ** 2 / mean)[mean > 5].sum()
        dof = (mean > 5).sum()
        assert abs(chi2 - dof) < 4.5 * np.sqrt(2 * dof)


def test_physics():
    np.testing.assert_allclose(_dispersion().sum(axis=1), 1)
    assert (np.triu(_dispersion(), 1) == 0).all()  # no photon is measured with more energy than it has
    np.testing.assert_allclose(_scattering().sum(axis=1), 1)
    forward = (_scattering() * np.arange(18)).sum(axis=1)
    assert (np.diff(forward) < 0).all()  # hard photons scatter forward


def test_directions_are_those_of_healpix():
    healpy = pytest.importorskip("healpy")
    np.testing.assert_allclose(directions(4), np.array(healpy.pix2vec(4, np.arange(192))).T, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "value"), [("source_counts", -1), ("duration", 0), ("background_rate", 0), ("duration", np.nan)]
)
def test_numbers_that_make_no_sense(tmp_path, name, value):
    with pytest.raises(InputError, match=f"{name} is"):
        simulate(tmp_path, **{name: value})
    assert not list(tmp_path.iterdir())

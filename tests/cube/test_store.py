"""Fits of cubes in stores: killed and repeated they are the same to the last bit, and other data are refused."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Gaussian1D, Lorentz1D

import manyfit
from manyfit import Status, cube, datasets
from manyfit.cube import _bands, _judgement, _room, _stored, _stored_steps
from manyfit.cube._products import write_fit
from manyfit.errors import InputError, OutputExists
from manyfit.kernels import Solution

SMALL = 60_000  # bytes: several blocks
MAPS = ("statistic", "status", "n_iter", "n_points", "covariance")


@pytest.fixture(scope="module")
def co():
    return cube.read(datasets.simulate_cube((40, 24, 20), n_lines=2).to_hdu(), spectral_unit="km/s")


@pytest.fixture(scope="module")
def select(co):
    return np.random.default_rng(3).random(co.spatial_shape) < 0.7


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def same(a, b):
    assert a.names == b.names
    for name in a.names:
        np.testing.assert_array_equal(a[name], b[name])
        np.testing.assert_array_equal(a.error[name], b.error[name])
    for name in MAPS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize(
    ("model", "all_of_them"),
    [
        (None, True),
        (Lorentz1D(), False),
        pytest.param(None, False, marks=pytest.mark.slow),
        pytest.param(Lorentz1D(), True, marks=pytest.mark.slow),
    ],
)
def test_a_store_has_the_numbers_of_a_fit_in_memory(co, select, tmp_path, all_of_them, model):
    where = None if all_of_them else select
    plain = cube.fit_lines(co, where, model=model, baseline=1)
    lazy = cube.fit_lines(co, where, model=model, baseline=1, memory=SMALL, store=tmp_path / "a")
    assert plain.refits.n_refitted > 0
    assert lazy.is_lazy
    same(lazy.compute(), plain)
    opened = cube.CubeFit.open(tmp_path / "a", co)
    same(opened.compute(), plain)
    assert str(opened.refits) == str(plain.refits)
    np.testing.assert_array_equal(opened.refits.changed, plain.refits.changed)
    np.testing.assert_array_equal(opened.selected, plain.selected)
    np.testing.assert_array_equal(lazy.compute().integrated_error(), plain.integrated_error())
    np.testing.assert_array_equal(opened.model_cube().values(), plain.model_cube().values())


def test_ties_and_fixed_parameters(co, tmp_path):
    def half(model):
        return 0.5 * model.stddev_0

    model = Gaussian1D(2, 4, 0.3) + Gaussian1D(1, 5, 0.3, tied={"stddev": half}, fixed={"mean": True})
    plain = cube.fit_lines(co, model=model)
    stored = cube.fit_lines(co, model=model, store=tmp_path / "a")
    same(stored.compute(), plain)
    assert np.isfinite(plain.integrated_error()).any()
    np.testing.assert_array_equal(stored.compute().integrated_error(), plain.integrated_error())


def test_opened_fits_are_written_and_drawn_like_others(co, tmp_path):
    plain = cube.fit_lines(co)
    cube.fit_lines(co, store=tmp_path / "a")
    opened = cube.CubeFit.open(tmp_path / "a", co, noise=plain.noise)
    opened.to_fits(tmp_path / "a.fits")
    same(manyfit.FitResult.read(tmp_path / "a.fits"), plain.result)
    assert opened.summary().count("spatial coherence") == 1
    assert "converged" in opened.summary()
    opened.plot_spectrum((3, 4))
    opened.report(tmp_path / "a.html")
    assert (tmp_path / "a.html").stat().st_size > 100_000


def test_a_store_is_zarr_without_refits_for_other_readers(co, tmp_path):
    first = cube.fit_lines(co, coherence=False)
    cube.fit_lines(co, store=tmp_path / "a")
    same(manyfit.FitResult.open(tmp_path / "a").compute(), first.result)
    same(cube.fit_lines(co, store=tmp_path / "a", coherence=False).compute(), first)


def test_a_repeated_call_fits_nothing(co, tmp_path, monkeypatch):
    cube.fit_lines(co, store=tmp_path / "a")
    before = content(tmp_path / "a")
    monkeypatch.setattr(_stored, "refits_of", None)
    cube.fit_lines(co, store=tmp_path / "a")
    assert content(tmp_path / "a") == before


@pytest.mark.parametrize("given", [{"noise": 0.3}, {"baseline": 1}, {"model": Lorentz1D()}, {"max_iterations": 50}])
def test_another_fit_is_refused(co, tmp_path, given):
    cube.fit_lines(co, store=tmp_path / "a")
    before = content(tmp_path / "a")
    with pytest.raises(InputError, match=r"holds results of something else:\n  .* in the store, .* now"):
        cube.fit_lines(co, store=tmp_path / "a", **given)
    assert content(tmp_path / "a") == before


def test_another_cube_is_refused(co, tmp_path):
    cube.fit_lines(co, store=tmp_path / "a")
    with pytest.raises(InputError, match=r"is of another cube:\n  shape: \[24, 20\] in the store, \[23, 20\] now"):
        cube.CubeFit.open(tmp_path / "a", co[:, 1:])
    other = cube.read(co.values() * 2 * co.unit, spectral_axis=co.spectral_axis)
    with pytest.raises(InputError, match=r"data\.content"):
        cube.CubeFit.open(tmp_path / "a", other)
    with pytest.raises(FileNotFoundError):
        cube.CubeFit.open(tmp_path / "b", co)


def test_what_is_no_store_is_left_alone(co, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").touch()
    for function in (cube.fit_lines, cube.decompose):
        with pytest.raises(OutputExists):
            function(co, store=tmp_path / "home")
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["precious"]


def flipped(content):
    return content[:200] + bytes([content[200] ^ 1]) + content[201:]


@pytest.mark.parametrize("damage", [lambda b: b[:-40], lambda _: b"", flipped])
def test_damaged_refits_are_made_again(co, tmp_path, damage):
    cube.fit_lines(co, store=tmp_path / "a")
    before = content(tmp_path / "a")
    refits = tmp_path / "a" / _stored.REFITS
    refits.write_bytes(damage(refits.read_bytes()))
    with pytest.raises(InputError, match="damaged"):
        cube.CubeFit.open(tmp_path / "a", co)
    cube.fit_lines(co, store=tmp_path / "a")
    assert content(tmp_path / "a") == before


def test_spectra_are_judged_in_pieces(co, monkeypatch):
    whole = cube.fit_lines(co)
    monkeypatch.setattr(_judgement, "AT_ONCE", 7)
    same(cube.fit_lines(co), whole)


# -- decompositions ----------------------------------------------------------------------------------------------------


def bits(decomposition):
    solution = decomposition.result.parameters.solution
    arrays = [np.asarray(getattr(solution, f.name)) for f in fields(Solution)]
    return [(a.dtype, a.tobytes()) for a in [*arrays, decomposition.n_components, decomposition.criteria]]


@pytest.mark.parametrize("fewest", [20, 512])
def test_a_decomposition_has_the_same_bits(co, select, tmp_path, monkeypatch, fewest):
    monkeypatch.setattr(_stored_steps, "FEWEST", fewest)
    plain = cube.decompose(co, select, max_components=2)
    stored = cube.decompose(co, select, max_components=2, store=tmp_path / "a")
    assert bits(stored) == bits(plain)
    assert str(stored.refits) == str(plain.refits)
    before = content(tmp_path / "a")
    assert bits(cube.decompose(co, select, max_components=2, store=tmp_path / "a")) == bits(plain)
    assert content(tmp_path / "a") == before


def test_another_decomposition_is_refused(co, select, tmp_path):
    cube.decompose(co, select, max_components=1, store=tmp_path / "a")
    for given, word in [
        ({"max_components": 2}, "max_components: 1 in the store, 2 now"),
        ({"noise": 0.2}, "noise: "),
        ({"baseline": 0}, "coefficients of the baseline: 0 in the store, 1 now"),
        ({"false_alarm": None}, "least fall of chi2: "),
        ({"criterion": "bic"}, "criterion: "),
    ]:
        with pytest.raises(InputError, match=word):
            cube.decompose(co, select, **{"max_components": 1, "store": tmp_path / "a", **given})
    with pytest.raises(InputError, match="selected: "):
        cube.decompose(co, ~select, max_components=1, store=tmp_path / "a")


# -- killed ------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from manyfit import cube, datasets
from manyfit.cube import _bands, _stored, _stored_steps
_stored_steps.FEWEST, _bands.SPECTRA_AT_ONCE = 20, 100
store, which, step = sys.argv[1:]
co = cube.read(datasets.simulate_cube((40, 24, 20), n_lines=2).to_hdu(), spectral_unit="km/s")
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def progress(done, total):
    if done > 0.3 * total:
        die()
if step == "refits":
    _stored.refits_of = die
if which == "fit":
    cube.fit_lines(co, memory=60_000, scheduler="serial", store=store, progress=progress if step == "blocks" else None)
else:
    cube.decompose(co, max_components=2, store=store, progress=progress)
"""


@pytest.mark.parametrize(
    ("which", "step"),
    [
        ("fit", "blocks"),
        pytest.param("fit", "refits", marks=pytest.mark.slow),
        pytest.param("decompose", "rounds", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_is_completed_to_the_same_bytes(co, tmp_path, monkeypatch, which, step):
    monkeypatch.setattr(_stored_steps, "FEWEST", 20)
    monkeypatch.setattr(_bands, "SPECTRA_AT_ONCE", 100)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(killed), which, step], check=False, timeout=60)
    assert ended.returncode == -9
    if step == "blocks":
        status = np.asarray(manyfit.FitResult.open(killed).status)
        assert 0 < np.count_nonzero(status == Status.NOT_FITTED) < status.size
    assert len(content(killed)) > 1
    for place in (killed, whole):
        if which == "fit":
            cube.fit_lines(co, memory=SMALL, scheduler="serial", store=place)
        else:
            cube.decompose(co, max_components=2, store=place)
    assert content(killed) == content(whole)


# -- larger than memory ------------------------------------------------------------------------------------------------


def test_masks_of_large_cubes_lie_in_a_file(co, tmp_path, monkeypatch):
    plain = cube.signal_mask(co, low=1.5, high=3, min_voxels=5, min_bright_voxels=0)
    monkeypatch.setenv("MANYFIT_SCRATCH", str(tmp_path))
    monkeypatch.setattr(_room, "LARGEST", 1000)
    large = cube.signal_mask(co, low=1.5, high=3, min_voxels=5, min_bright_voxels=0)
    np.testing.assert_array_equal(large.labels, plain.labels)
    assert len(plain.regions) > 0
    assert list(tmp_path.iterdir()) == []  # it has no name
    monkeypatch.setattr(_room, "check_room", full)
    with pytest.raises(OSError, match="No space"):
        cube.signal_mask(co)


def full(*_):
    raise OSError(28, "No space left on device")


def test_write_fit_takes_a_fit_of_a_store(co, tmp_path):
    fit = cube.fit_lines(co, noise=0.25 * u.K, store=tmp_path / "a")
    write_fit(fit.compute(), tmp_path / "a.fits", noise=np.full(co.spatial_shape, 0.25) * u.K)
    assert (tmp_path / "a.fits").stat().st_size > 0


CHAIN = """
import resource, sys
limit = int(sys.argv[1])
from manyfit import cube
from manyfit.cube import _room
from manyfit.cube._products import write_signal
_room.LARGEST = 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
co = cube.read(sys.argv[2])
sigma = cube.noise(co, method="auto", workers=2)
signal = cube.signal_mask(co, noise=sigma, workers=2)
maps = cube.moments(co, signal, workers=2)
fit = cube.fit_lines(co, signal, start=maps, noise=sigma, workers=2, store=sys.argv[3] + "/fit")
fit.to_fits(sys.argv[3] + "/fit.fits")
maps.to_fits(sys.argv[3] + "/moments.fits")
write_signal(signal, co, sys.argv[3] + "/mask.fits")
print(int(fit.good.sum().compute()), int(signal.spatial.sum()))
"""
#: Bytes of a cube, and of memory for it and the interpreter with all libraries, of which there are 250 MB.
CUBE, LIMIT = 800_000_000, 640_000_000


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_DATA"), reason="the system has no such limit")
def test_a_cube_larger_than_its_memory(tmp_path, monkeypatch):
    from astropy.io import fits

    monkeypatch.setenv("MANYFIT_SCRATCH", str(tmp_path))
    channels, side = 800, int(np.sqrt(CUBE / 4 / 800))
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.25, (side + channels, side)).astype(">f4")
    bright = (np.hypot(*np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]) < 0.5).astype(np.float32)
    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 3), ("NAXIS1", side), ("NAXIS2", side)])
    header.extend([("NAXIS3", channels), ("CTYPE3", "VRAD"), ("CUNIT3", "km/s"), ("CDELT3", 0.1), ("BUNIT", "K")])
    with (tmp_path / "cube.fits").open("wb") as file:
        file.write(header.tostring().encode())
        for i in range(channels):
            plane = noise[i : i + side] + bright * np.float32(3 * np.exp(-0.5 * ((i - 400) / 6) ** 2))
            file.write(plane.astype(">f4").tobytes())
        file.write(b"\0" * (-4 * channels * side**2 % 2880))
    command = [sys.executable, "-c", CHAIN, str(LIMIT), str(tmp_path / "cube.fits"), str(tmp_path)]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    good, spectra = map(int, made.stdout.split())
    assert 0 < good <= spectra
    with fits.open(tmp_path / "mask.fits") as hdus:
        assert hdus["LABELS"].shape == (channels, side, side)

"""Models in files: the same model comes back, and what is damaged or foreign is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from manyfit.cannon import Calibration, CannonModel
from manyfit.cannon._model_parts import parts_of
from manyfit.errors import InputError, OutputExists

SUFFIXES = [".npz", ".fits"]


@pytest.fixture
def calibrated(model):
    return replace(model, calibration=Calibration(np.array([2.0, 3.0]), np.array([10.0, 0.1])))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_labels_bit_for_bit(tmp_path, calibrated, simulated, suffix):
    path = tmp_path / f"model{suffix}"
    calibrated.save(path)
    again = CannonModel.load(path)
    assert (again.vectorizer, again.chips, dict(again.meta)) == (
        calibrated.vectorizer,
        calibrated.chips,
        dict(calibrated.meta),
    )
    first, second = (m.infer(simulated.flux[:20], simulated.ivar[:20]) for m in (calibrated, again))
    for name in ("labels", "covariance", "chi2", "flags", "best_start", "leverage", "mahalanobis"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_without_a_model_stay_so(tmp_path, model, suffix):
    s2 = model.s2.copy()
    s2[3:7] = np.inf
    replace(model, s2=s2).save(tmp_path / f"model{suffix}")
    assert np.flatnonzero(~CannonModel.load(tmp_path / f"model{suffix}").usable).tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_refused_if_it_exists(tmp_path, model, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_text("precious")
    with pytest.raises(OutputExists):
        model.save(path)
    assert path.read_text() == "precious"
    model.save(path, overwrite=True)
    CannonModel.load(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.999])
def test_truncated(tmp_path, model, suffix, part):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(InputError, match=f"model{suffix}"):
        CannonModel.load(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_byte_is_found(tmp_path, model, suffix):
    path = tmp_path / f"model{suffix}"
    model.save(path)
    content = bytearray(path.read_bytes())
    at = content.find(model.theta.astype(">f8").tobytes()[:32]) + 9 if suffix == ".fits" else len(content) // 2
    content[at] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        CannonModel.load(path)


def saved(path, model, **changes):
    """A model of which the header says something else."""
    parts = parts_of(model)
    np.savez(path, header=np.array(json.dumps(json.loads(parts.header) | changes)), **parts.arrays)


def test_another_version(tmp_path, model):
    saved(tmp_path / "a.npz", model, version=99, written_by="manyfit 7.0")
    with pytest.raises(InputError, match=r"version 99 .*manyfit 7\.0.*reads version 1"):
        CannonModel.load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "changes", [{"format": "other"}, {"label_names": ["A"]}, {"powers": [[0, 0], [1]]}, {"powers": [[0, 0], [1, 0]]}]
)
def test_headers_that_do_not_belong(tmp_path, model, changes):
    saved(tmp_path / "a.npz", model, **changes)
    with pytest.raises(InputError, match=r"a\.npz"):
        CannonModel.load(tmp_path / "a.npz")


def test_missing_array(tmp_path, model):
    parts = parts_of(model)
    arrays = {name: array for name, array in parts.arrays.items() if name != "theta"}
    np.savez(tmp_path / "a.npz", header=np.array(parts.header), **arrays)
    with pytest.raises(InputError, match="incomplete"):
        CannonModel.load(tmp_path / "a.npz")


def test_other_files(tmp_path, model):
    np.savez(tmp_path / "a.npz", flux=np.ones(3))
    fits.PrimaryHDU(np.ones((3, 3))).writeto(tmp_path / "a.fits")
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04N.")
    for name, message in (("a.npz", "header"), ("a.fits", "HEADER"), ("a.pkl", "read_annies_lasso")):
        with pytest.raises(InputError, match=message):
            CannonModel.load(tmp_path / name)
    with pytest.raises(InputError, match=r"\.npz"):
        model.save(tmp_path / "a.pickle")

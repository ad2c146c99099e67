from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import (
    Axes,
    Axis,
    DetectorResponse,
    HealpixAxis,
    PointSourceResponse,
    write_detector_response,
    write_point_source_response,
)

from .files import real, write_axis

N_EI, N_EM, N_PHI = 3, 4, 5
ENERGIES = Axis("Ei", np.geomspace(100, 1000, N_EI + 1), "log")


def axes(frame: str = "spacecraft", nside: int = 1) -> Axes:
    return Axes(
        [
            HealpixAxis("NuLambda", nside, frame=frame),
            ENERGIES,
            Axis("Em", np.geomspace(100, 1000, N_EM + 1), "log"),
            Axis("Phi", np.linspace(0, 180, N_PHI + 1)),
            HealpixAxis("PsiChi", 1, frame=frame),
        ]
    )


def stored(seed: int = 0, nside: int = 1, top: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = axes(nside=nside).shape
    return rng.integers(0, top, shape) * (rng.random(shape) < 0.3)


AREA = np.array([0.5, 2.0, 3.0])


def check_reduced(response, full):
    """All ways to sum a response over Ei against plain NumPy. `full`: (NuLambda, Ei, Em, Phi, PsiChi)."""
    rng = np.random.default_rng(1)
    n_em, n_cds = full.shape[2], full.shape[3] * full.shape[4]
    weights = rng.random((2, full.shape[1]))
    flat = full.reshape(*full.shape[:2], -1)
    bins = rng.choice(flat.shape[2], 40, replace=False)
    expected = np.einsum("se,peb->spb", weights, flat[..., bins])
    np.testing.assert_allclose(response.reduced(bins, weights), expected, rtol=1e-13, atol=0)
    np.testing.assert_allclose(response.reduced(bins, weights[1]), expected[1], rtol=1e-13, atol=0)
    few = rng.choice(n_cds, 20, replace=False)
    by_channel = full.reshape(*full.shape[:3], n_cds)[..., few]
    for channels in ((0, n_em), (1, 2), (1, n_em), (0, 1)):
        expected = np.einsum("e,peb->pb", weights[0], by_channel[:, :, slice(*channels)].sum(axis=2))
        np.testing.assert_allclose(response.reduced(few, weights[0], channels), expected, rtol=1e-13, atol=0)
    np.testing.assert_allclose(response.sums, full.sum(axis=(3, 4)), rtol=1e-13)
    assert response.reduced(np.zeros(0, int), weights[0]).shape == (full.shape[0], 0)


def test_what_is_written_is_read_again(tmp_path):
    response = write_detector_response(tmp_path / "a.h5", axes(), stored(), AREA)
    assert response.axes == axes()
    full = stored() * AREA[:, None, None, None]
    for pixel in (0, 11):
        np.testing.assert_array_equal(response.read(pixel), full[pixel])
    check_reduced(response, full)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["DRM/COUNTS"].chunks == (1, 1, N_EM, N_PHI, 12)


def test_the_same_without_compression(tmp_path):
    response = write_detector_response(tmp_path / "a.h5", axes(), iter(stored()), AREA, compressed=False)
    np.testing.assert_array_equal(response.read(3), stored()[3] * AREA[:, None, None, None])


def test_outputs_are_refused_and_left_whole(tmp_path):
    path = tmp_path / "a.h5"
    write_detector_response(path, axes(), stored(), AREA)
    before = path.read_bytes()
    with pytest.raises(OutputExists):
        write_detector_response(path, axes(), stored(), AREA)
    for pixels, text in (
        (stored()[:5], "holds 5 arrays"),
        (stored() + 70000, "holds 0 to 65535"),
        (stored() - 1, "run from -1"),
        (stored()[:, :2], r"pixel 0 have shape \(2, 4, 5, 12\)"),
    ):
        with pytest.raises(InputError, match=text):
            write_detector_response(path, axes(), pixels, AREA, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("padded", [False, True])
def test_point_source_responses_padded_or_not(tmp_path, padded):
    full = np.random.default_rng(2).random(axes("galactic").shape)
    path = tmp_path / "a.h5"
    if not padded:
        response = write_point_source_response(path, axes("galactic"), full)
    else:
        write_point_source_response(path, axes("galactic"), full)
        with h5py.File(path, "a") as file:
            del file["hist/contents"]
            file["hist/contents"] = np.pad(full, 1, constant_values=1e6)
        response = PointSourceResponse.open(path)
    for pixel in (0, 5, 11):  # the first and the last: a shift by one would be seen
        np.testing.assert_array_equal(response.read(pixel), full[pixel])
    assert ("unpadded" in repr(response)) is not padded
    assert response.unit == "cm2 s"
    check_reduced(response, full)


def test_a_point_source_response_of_another_shape(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        write_point_source_response(path, axes(), np.zeros(3))
    write_point_source_response(path, axes(), np.zeros(axes().shape))
    with h5py.File(path, "a") as file:
        del file["hist/contents"]
        file["hist/contents"] = np.zeros((13, *axes().shape[1:]))
    with pytest.raises(InputError, match=r"shape \(13, 3, 4, 5, 12\); the axes have \(12, 3, 4, 5, 12\)"):
        PointSourceResponse.open(path)


def version_1(path, *, sparse, order):
    """A file of version 1 with axes in an order, some of them to be summed over; gives what is to be read."""
    sizes = {"NuLambda": 12, "Ei": N_EI, "Em": 4, "Phi": 5, "PsiChi": 12, "SigmaTau": 12, "Dist": 2}
    rng = np.random.default_rng(4)
    shape = [sizes[label] for label in order]
    full = rng.random(shape) * (rng.random(shape) < 0.05)
    with h5py.File(path, "w") as file:
        drm = file.create_group("DRM")
        drm.attrs["UNIT"] = "cm2"
        group = drm.create_group("AXES", track_order=True)
        for label in order:
            if sizes[label] == 12:
                dataset = group.create_dataset(label, data=np.arange(13))
                dataset.attrs.update({"TYPE": "healpix", "NSIDE": 1, "SCHEME": "ring"})
            else:
                unit = {"Ei": "keV", "Em": "keV", "Phi": "deg", "Dist": "cm"}[label]
                dataset = group.create_dataset(label, data=np.linspace(1, 2, sizes[label] + 1))
                dataset.attrs.update({"TYPE": "linear", "UNIT": unit})
        if not sparse:
            drm.attrs["SPARSE"] = False
            drm.create_dataset("CONTENTS", data=full)
        else:
            numbers = drm.create_dataset("BIN_NUMBERS", (12,), dtype=h5py.vlen_dtype(np.int64))
            contents = drm.create_dataset("CONTENTS", (12,), dtype=h5py.vlen_dtype(np.float64))
            for pixel in range(12):
                where = np.nonzero(full[pixel])
                numbers[pixel] = np.array(where).ravel()
                contents[pixel] = full[pixel][where]
    wanted = [order.index(label) for label in ("NuLambda", "Ei", "Em", "Phi", "PsiChi")]
    rest = [i for i in range(len(order)) if i not in wanted]
    return full.transpose(wanted + rest).reshape(*(sizes[order[i]] for i in wanted), -1).sum(axis=-1)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "order",
    [
        ("NuLambda", "Ei", "Em", "Phi", "PsiChi"),
        ("NuLambda", "Ei", "Em", "Phi", "PsiChi", "SigmaTau", "Dist"),
        ("NuLambda", "Ei", "Em", "PsiChi", "Phi", "Dist"),
        ("NuLambda", "Ei", "Phi", "Em", "PsiChi"),
    ],
)
def test_version_1(tmp_path, sparse, order):
    expected = version_1(tmp_path / "a.h5", sparse=sparse, order=order)
    response = DetectorResponse.open(tmp_path / "a.h5")
    assert response.layout.kind == ("version 1 sparse" if sparse else "version 1 dense")
    np.testing.assert_allclose(response.read(7), expected[7], rtol=1e-14)
    check_reduced(response, expected)


def test_real_versions_1_agree():
    sparse = DetectorResponse.open(real("response_v1_sparse_nside1.h5"))
    dense = DetectorResponse.open(real("response_v1_dense_nside1.h5"))
    assert sparse.axes == dense.axes
    for pixel in range(12):
        np.testing.assert_allclose(sparse.read(pixel), dense.read(pixel), rtol=1e-12)


def test_real_version_2_against_plain_arrays():
    path = real("response_v2_nside1.h5")
    pytest.importorskip("hdf5plugin")
    response = DetectorResponse.open(path)
    with h5py.File(path) as file:
        full = file["DRM/COUNTS"][:] * file["DRM/EFF_AREA"][:][:, None, None, None]
    np.testing.assert_array_equal(response.read(5), full[5])
    check_reduced(response, full)


def test_real_point_source_response():
    path = real("galactic_response_nside2_unpadded.h5")
    response = PointSourceResponse.open(path)
    with h5py.File(path) as file:
        full = file["hist/contents"][:]
    np.testing.assert_array_equal(response.read(47), full[47])
    assert response.axes["NuLambda"] == HealpixAxis("NuLambda", 2, frame="galactic")


def change(path, action):
    write_detector_response(path, axes(), stored(), AREA)
    with h5py.File(path, "a") as file:
        action(file["DRM"])


def without(name):
    def action(drm):
        del drm[name]

    return action


def area(values):
    def action(drm):
        del drm["EFF_AREA"]
        drm["EFF_AREA"] = values

    return action


def extra_axis(drm):
    write_axis(drm["AXES"], 5, "Pol", np.arange(3.0))
    del drm["COUNTS"]
    drm["COUNTS"] = np.zeros((*axes().shape, 2), np.uint8)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (lambda drm: drm.attrs.update({"VERSION": 3}), r"VERSION=3. Accepted: 1, 2"),
        (without("COUNTS"), "DRM/COUNTS is missing"),
        (without("AXES"), "DRM/AXES is missing"),
        (without("EFF_AREA"), "DRM/EFF_AREA is missing"),
        (without("AXES/3"), "COUNTS has shape"),
        (area(np.ones(2)), "EFF_AREA is"),
        (area(np.array([1, -1, 1.0])), "EFF_AREA is"),
        (area(np.array([1, np.nan, 1.0])), "EFF_AREA is"),
        (lambda drm: drm["AXES/2"].attrs.update({"label": "Energy"}), "Em missing"),
        (lambda drm: drm["AXES/1"].attrs.update({"label": "Em2"}), "Ei'. There are|Ei missing"),
        (extra_axis, "polarization"),
    ],
)
def test_files_that_are_no_detector_responses(tmp_path, action, text):
    change(tmp_path / "a.h5", action)
    with pytest.raises(InputError, match=text) as caught:
        DetectorResponse.open(tmp_path / "a.h5")
    assert "a.h5" in str(caught.value) or "There are" in str(caught.value)


def test_a_histogram_is_no_detector_response(tmp_path):
    write_point_source_response(tmp_path / "a.h5", axes(), np.zeros(axes().shape))
    with pytest.raises(InputError, match=r"is not a detector response: /DRM is missing. It has: hist"):
        DetectorResponse.open(tmp_path / "a.h5")


def test_a_missing_plugin_is_named(tmp_path, monkeypatch):
    write_detector_response(tmp_path / "a.h5", axes(), stored(), AREA)
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    monkeypatch.setattr("h5py.h5z.filter_avail", lambda number: number != 32008)
    with pytest.raises(InputError, match=r"Bitshuffle \+ LZ4, which needs hdf5plugin.*manyfit\[tsmap\]"):
        DetectorResponse.open(tmp_path / "a.h5")
    with pytest.raises(InputError, match="compressed=False"):
        write_detector_response(tmp_path / "b.h5", axes(), stored(), AREA)


def test_a_damaged_chunk_is_named(tmp_path):
    write_detector_response(tmp_path / "a.h5", axes(), stored(), AREA)
    with h5py.File(tmp_path / "a.h5") as file:
        chunk = file["DRM/COUNTS"].id.get_chunk_info_by_coord((4, 0, 0, 0, 0))
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    (tmp_path / "a.h5").write_bytes(bytes(data))
    response = DetectorResponse.open(tmp_path / "a.h5")
    response.read(3)
    with pytest.raises(InputError, match=r"a.h5': pixel 4 cannot be read"):
        response.read(4)


def test_requests_that_make_no_sense(tmp_path):
    response = write_detector_response(tmp_path / "a.h5", axes(), stored(), AREA)
    with pytest.raises(InputError, match=r"Pixel 12 .* it has 12"):
        response.read(12)
    with pytest.raises(InputError, match="it has 240"):
        response.reduced(np.array([240]), np.ones(N_EI))
    with pytest.raises(InputError, match="it has 60"):
        response.reduced(np.array([60]), np.ones(N_EI), (0, 1))
    with pytest.raises(InputError, match="channels 0 to 5"):
        response.reduced(np.array([0]), np.ones(N_EI), (0, 5))
    with pytest.raises(InputError, match=r"weights have shape \(2,\)"):
        response.reduced(np.array([0]), np.ones(2))

from __future__ import annotations

import h5py
import numpy as np
import pytest

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import Axes, Axis, Counts, HealpixAxis

from .files import real, write_histogram

AXES = [
    {"label": "Time", "edges": np.array([0.0, 5.0, 10.0, 20.0]), "unit": "s"},
    {"label": "Em", "edges": np.array([0.1, 1.0, 10.0]), "unit": "MeV", "scale": "log"},
    {"label": "PsiChi", "edges": np.arange(13), "nside": 1, "scheme": "RING", "coordsys": "spacecraftframe"},
]


def example(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.5, (3, 2, 12)).astype(float)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("layout", ["dense", "coo", "gcxs"])
def test_all_layouts_give_the_same_counts(tmp_path, layout, padded):
    write_histogram(tmp_path / "a.h5", example(), AXES, layout=layout, padded=padded)
    counts = Counts.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(counts.dense(), example())
    assert counts.axes["Em"] == Axis("Em", [100, 1000, 10000])
    assert counts.axes["PsiChi"] == HealpixAxis("PsiChi", 1, frame="spacecraft")
    assert counts.time_range == (0.0, 20.0)


@pytest.mark.parametrize("compressed", [(1,), (2,), (0, 2), (1, 2), (2, 0)])
def test_gcxs_with_any_axes_folded(tmp_path, compressed):
    write_histogram(tmp_path / "a.h5", example(), AXES, layout="gcxs", compressed_axes=compressed)
    np.testing.assert_array_equal(Counts.read(tmp_path / "a.h5").dense(), example())


def test_only_some_axes_padded(tmp_path):
    write_histogram(tmp_path / "a.h5", example(), AXES)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["hist/contents"]
        file["hist/contents"] = np.pad(example(), [(0, 0), (1, 1), (0, 0)], constant_values=7.0)
    np.testing.assert_array_equal(Counts.read(tmp_path / "a.h5").dense(), example())


def test_more_entries_than_are_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("manyfit.tsmap._histogram.PIECE", 5)
    for layout in ("dense", "coo", "gcxs"):
        write_histogram(tmp_path / f"{layout}.h5", example(), AXES, layout=layout, padded=True)
        np.testing.assert_array_equal(Counts.read(tmp_path / f"{layout}.h5").dense(), example())


def test_a_window_of_a_file_is_that_of_the_counts(tmp_path):
    write_histogram(tmp_path / "a.h5", example(), AXES, layout="coo", padded=True)
    part = Counts.read(tmp_path / "a.h5", during=(5, 20))
    np.testing.assert_array_equal(part.dense(), example()[1:])
    assert part.time_range == (5.0, 20.0)
    with pytest.raises(InputError, match=r"nearest are 5.0 and 10.0"):
        Counts.read(tmp_path / "a.h5", during=(6, 11))


def test_axes_are_in_numerical_order(tmp_path):
    axes = [{"label": f"a{i}", "edges": np.arange(2.0)} for i in range(11)] + AXES[1:2]
    write_histogram(tmp_path / "a.h5", np.ones((1,) * 11 + (2,)), axes)
    assert Counts.read(tmp_path / "a.h5").axes.labels == (*(f"a{i}" for i in range(11)), "Em")


def test_what_is_written_is_read_again(tmp_path):
    write_histogram(tmp_path / "a.h5", example(), AXES)
    counts = Counts.read(tmp_path / "a.h5")
    counts.write(tmp_path / "b.h5")
    again = Counts.read(tmp_path / "b.h5")
    assert again.axes == counts.axes
    np.testing.assert_array_equal(again.dense(), example())
    with pytest.raises(OutputExists):
        counts.write(tmp_path / "b.h5")
    counts.write(tmp_path / "b.h5", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_windows_are_kept_without_an_axis_of_time(tmp_path):
    write_histogram(tmp_path / "a.h5", example(), AXES)
    counts = Counts.read(tmp_path / "a.h5").excluding(5, 10)
    counts.write(tmp_path / "b.h5")
    assert Counts.read(tmp_path / "b.h5").windows == ((0.0, 5.0), (10.0, 20.0))


def test_empty_counts(tmp_path):
    write_histogram(tmp_path / "a.h5", example() * 0, AXES)
    Counts.read(tmp_path / "a.h5").write(tmp_path / "b.h5")
    assert Counts.read(tmp_path / "b.h5").total == 0


@pytest.mark.parametrize("name", ["ts_map_signal.h5", "ts_map_bkg.h5", "ts_map_src_bkg.h5"])
def test_real_counts_against_a_plain_loop(name):
    path = real(name)
    with h5py.File(path) as file:
        coords, data = file["hist/contents/coords"][:], file["hist/contents/data"][:]
    expected = np.zeros((10, 30, 12))
    for (_, em, phi, psichi, _, _), value in zip(coords.T, data, strict=True):
        expected[em, phi, psichi] += value
    counts = Counts.read(path).compton()
    np.testing.assert_allclose(counts.dense(), expected, rtol=1e-14)
    assert counts.frame == "spacecraft"


@pytest.mark.parametrize("name", ["ts_map_signal.h5", "galactic_response_nside2_unpadded.h5"])
def test_real_files_as_histpy_reads_them(name):
    histpy = pytest.importorskip("histpy")
    pytest.importorskip("scoords")  # makes the frame of the spacecraft known
    theirs = histpy.Histogram.open(real(name)).project("Em", "Phi", "PsiChi").to_dense()
    ours = Counts.read(real(name)).compton()
    contents = theirs.contents
    np.testing.assert_allclose(ours.dense(), getattr(contents, "value", contents), rtol=1e-12)


def test_histpy_reads_what_is_written(tmp_path):
    histpy = pytest.importorskip("histpy")
    axes = Axes([Axis("Em", [100, 1000, 10000], "log"), HealpixAxis("PsiChi", 1, frame="galactic")])
    Counts.from_dense(axes, example()[0]).write(tmp_path / "a.h5")
    theirs = histpy.Histogram.open(tmp_path / "a.h5")
    np.testing.assert_array_equal(theirs.to_dense().contents, example()[0])
    assert theirs.axes["PsiChi"].nside == 1
    assert str(theirs.axes["Em"].unit) == "keV"


def damaged(path, change):
    write_histogram(path, example(), AXES, layout="coo")
    with h5py.File(path, "a") as file:
        change(file["hist"])


def drop(name):
    def change(hist):
        del hist[name]

    return change


def replace(name, value):
    def change(hist):
        del hist[name]
        hist[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (drop("axes"), "/hist/axes is missing"),
        (drop("contents"), "/hist/contents is missing"),
        (drop("contents/shape"), "contents/shape is missing"),
        (lambda hist: hist.attrs.update({"format": "csr"}), "format is 'csr'"),
        (lambda hist: hist.attrs.update({"format": "dense"}), "format is 'dense'; /hist/contents is of another kind"),
        (replace("contents", np.zeros((3, 2, 12))), "format is 'coo'; /hist/contents is of another kind"),
        (replace("contents/shape", np.array([3, 2, 13])), r"shape \(3, 2, 13\); the axes have \(3, 2, 12\)"),
        (replace("contents/shape", np.array([3, 2])), r"shape \(3, 2\)"),
        (replace("contents/fill_value", 1.0), "hold 1.0, not 0"),
        (lambda hist: hist.move("axes/0", "axes/zero"), "numbers are needed"),
        (lambda hist: hist["axes/2"].attrs.update({"nside": 2}), r"a\.h5': axis 'PsiChi' .* nside 2 has 48"),
        (lambda hist: hist["axes/2"].attrs.update({"nside": 3}), r"a\.h5': .* nside=3"),
        (lambda hist: hist["axes/2"].attrs.update({"coordsys": "moon"}), r"a\.h5': .* frame 'moon'"),
        (lambda hist: hist["axes/1"].attrs.update({"unit": "m"}), r"a\.h5': Axis 'Em' has edges in 'm'"),
    ],
)
def test_files_that_are_no_histograms(tmp_path, change, text):
    damaged(tmp_path / "a.h5", change)
    with pytest.raises(InputError, match=text):
        Counts.read(tmp_path / "a.h5")


@pytest.mark.parametrize(("name", "frame"), [("G", "galactic"), ("icrs", "icrs"), ("C", "icrs")])
def test_frames_by_their_names(tmp_path, name, frame):
    write_histogram(tmp_path / "a.h5", example(), [*AXES[:2], AXES[2] | {"coordsys": name}])
    assert Counts.read(tmp_path / "a.h5").frame == frame


def test_a_damaged_chunk_is_an_error_that_names_the_file(tmp_path):
    write_histogram(tmp_path / "a.h5", example(), AXES)
    Counts.read(tmp_path / "a.h5").write(tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        chunk = file["hist/contents/data"].id.get_chunk_info(0)
    data = bytearray((tmp_path / "b.h5").read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    (tmp_path / "b.h5").write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"b\.h5': the counts cannot be read"):
        Counts.read(tmp_path / "b.h5")


def test_files_that_are_not_hdf5(tmp_path):
    (tmp_path / "a.h5").write_text("no")
    with pytest.raises(InputError, match=r"a\.h5' cannot be read as an HDF5 file"):
        Counts.read(tmp_path / "a.h5")
    with pytest.raises(FileNotFoundError, match="no file"):
        Counts.read(tmp_path / "b.h5")


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(InputError, match=r"manyfit\[tsmap\]"):
        Counts.read(tmp_path / "a.h5")

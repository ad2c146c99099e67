from __future__ import annotations

import gzip

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from manyfit.errors import InputError
from manyfit.tsmap import Axes, Axis, HealpixAxis, bin_events
from manyfit.tsmap import _binning as module
from manyfit.tsmap._binning_kernel import interval_of, ring_pixel

from .files import real

N = 2000


def events(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "TimeTags": rng.uniform(0, 120, N),
        "Energies": rng.uniform(50, 1200, N),
        "Phi": rng.uniform(0, np.pi, N),
        "Chi local": rng.uniform(0, 2 * np.pi, N),
        "Psi local": np.arccos(rng.uniform(-1, 1, N)),
        "Chi galactic": rng.uniform(0, 360, N),
        "Psi galactic": np.degrees(np.arcsin(rng.uniform(-1, 1, N))),
    }


def axes(frame: str | None = "galactic", scheme: str = "RING", nside: int = 4) -> Axes:
    return Axes(
        [
            Axis("Time", [0, 10, 40, 100]),
            Axis("Em", [100, 300, 1000], "log"),
            Axis("Phi", [0, 60, 170]),
            HealpixAxis("PsiChi", nside, scheme, frame),
        ]
    )


def expected(frame: str, scheme: str = "RING") -> np.ndarray:
    """By healpy and numpy.histogramdd."""
    healpy = pytest.importorskip("healpy")
    e = events()
    if frame == "galactic":
        theta, phi = np.radians(90 - e["Psi galactic"]), np.radians(e["Chi galactic"])
    else:
        theta, phi = e["Psi local"], e["Chi local"]
    pixels = healpy.ang2pix(4, theta, phi, nest=scheme == "NESTED")
    columns = np.array([e["TimeTags"], e["Energies"], np.degrees(e["Phi"]), pixels]).T
    edges = [np.array(a) for a in ([0, 10, 40, 100], [100, 300, 1000], [0, 60, 170], np.arange(193) - 0.5)]
    return np.histogramdd(columns, edges)[0]


@pytest.mark.parametrize("frame", ["galactic", "spacecraft"])
@pytest.mark.parametrize("scheme", ["RING", "NESTED"])
def test_against_healpy_and_numpy(frame, scheme):
    counts = bin_events(events(), axes=axes(frame, scheme))
    np.testing.assert_array_equal(counts.dense(), expected(frame, scheme))
    assert counts.frame == frame
    assert counts.time_range == (0, 100)


@pytest.mark.parametrize(("frame", "key"), [("spacecraft", "local"), ("galactic", "galactic")])
def test_real_events_as_the_reference_bins_them(frame, key):
    """The tool that made the reference leaves out the last event of a file, which lies inside all axes."""
    path = real("unbinned_events.hdf5")
    reference = np.load(real("ref_binning.npz"))
    over = Axes(
        [
            Axis("Time", reference["time_edges"]),
            Axis("Em", reference["energy_edges"]),
            Axis("Phi", reference["phi_edges"]),
            HealpixAxis("PsiChi", int(reference["nside"]), frame=frame),
        ]
    )
    theirs = np.zeros(reference["shape"])
    theirs[tuple(reference[f"{key}_index"])] = reference[f"{key}_counts"]
    with h5py.File(path) as file:
        all_but_last = {name: column[:-1] for name, column in file.items()}
        last = {name: column[-1:] for name, column in file.items()}
    np.testing.assert_array_equal(bin_events(all_but_last, axes=over).dense(), theirs)
    np.testing.assert_array_equal(bin_events(path, axes=over).dense(), theirs + bin_events(last, axes=over).dense())
    assert bin_events(path, axes=over).total == 14_091


@pytest.mark.parametrize("nside", [1, 2, 8, 128, 8192])
def test_pixels_against_healpy(nside):
    healpy = pytest.importorskip("healpy")
    rng = np.random.default_rng(nside)
    lon, lat = rng.uniform(-7, 14, 3000), np.arcsin(rng.uniform(-1, 1, 3000))
    lat[:200] = np.pi / 2 - np.abs(rng.normal(0, 1e-7, 200))
    lat[200:202] = np.pi / 2, -np.pi / 2
    got = [ring_pixel(nside, a, b) for a, b in zip(lon, lat, strict=True)]
    np.testing.assert_array_equal(got, healpy.ang2pix(nside, np.pi / 2 - lat, lon % (2 * np.pi)))


def test_a_bin_holds_its_lower_edge():
    edges = np.array([1.0, 2.0, 4.0, 8.0])
    values = [0.9, 1.0, 1.9, 2.0, 4.0, 7.9, 8.0, np.nan, np.inf, -np.inf]
    assert [interval_of(v, edges) for v in values] == [-1, 0, 0, 1, 2, 2, -1, -1, -1, -1]


def test_axes_in_any_order_and_without_time():
    counts = bin_events(events(), axes=axes().chosen(["PsiChi", "Phi", "Em"]))
    assert counts.axes.labels == ("PsiChi", "Phi", "Em")
    np.testing.assert_array_equal(counts.dense().shape, (192, 2, 2))
    with_time = bin_events(events(), axes=axes().replaced(Axis("Time", [0, 120])))
    np.testing.assert_array_equal(counts.dense(), with_time.project("PsiChi", "Phi", "Em").dense())


@pytest.mark.parametrize(("block", "dense"), [(7, 1 << 24), (300, 0), (N, 0), (N + 1, 1 << 24)])
def test_blocks_and_ways_of_counting_do_not_matter(monkeypatch, block, dense):
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "DENSE", dense)
    np.testing.assert_array_equal(bin_events(events(), axes=axes()).dense(), expected("galactic"))


def test_files(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for name, column in events().items():
            file.create_dataset(name, data=column, compression="gzip")
    units = {"Chi local": u.rad, "Psi local": u.rad, "Chi galactic": u.deg, "Psi galactic": u.deg, "Phi": u.rad}
    table = Table({name: column * units.get(name, 1) for name, column in events().items()})
    table.write(tmp_path / "a.fits")
    (tmp_path / "b.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    table["Phi"] = (table["Phi"].value * u.rad).to(u.deg)
    table["Energies"] = table["Energies"].value / 1000 * u.MeV
    table.write(tmp_path / "other_units.fits")
    for name in ("a.hdf5", "a.fits", "b.fits.gz", "other_units.fits"):
        for frame in ("galactic", "spacecraft"):
            counts = bin_events(tmp_path / name, axes=axes(frame))
            np.testing.assert_array_equal(counts.dense(), expected(frame), err_msg=name)


def test_events_that_are_no_numbers_are_left_out():
    bad = events()
    for i, name in enumerate(["TimeTags", "Energies", "Phi", "Chi galactic", "Psi galactic"]):
        bad[name][i] = np.nan
    good = {name: column[5:] for name, column in events().items()}
    np.testing.assert_array_equal(bin_events(bad, axes=axes()).dense(), bin_events(good, axes=axes()).dense())


def test_how_many_are_left_out_is_logged(caplog):
    counts = bin_events(events(), axes=axes())
    assert f"{N - int(counts.total)} of {N} events lie outside" in caplog.text


@pytest.mark.parametrize(
    ("change", "over", "text"),
    [
        ({}, axes().chosen(["Em", "Phi"]), "Em, Phi, PsiChi, and perhaps Time are needed"),
        ({}, Axes([*axes(), Axis("Other", [0, 1])]), "are needed"),
        ({}, axes(None), "frame None is not known"),
        ({}, axes("icrs"), "frame 'icrs' is not known"),
        ({"Phi": None}, axes(), r"no column \['Phi'\]"),
        ({"Phi": np.zeros(3)}, axes(), "columns have shapes"),
        ({"Phi": np.zeros((N, 2))}, axes(), "columns have shapes"),
    ],
)
def test_bad_input(change, over, text):
    given = {name: column for name, column in (events() | change).items() if column is not None}
    with pytest.raises(InputError, match=text):
        bin_events(given, axes=over)


def test_frames():
    with pytest.raises(InputError, match="frame is 'spacecraft'; the axis PsiChi is in the galactic frame"):
        bin_events(events(), axes=axes(), frame="spacecraft")
    assert bin_events(events(), axes=axes(None), frame="galactic").frame == "galactic"


def test_files_that_hold_no_events(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["Energies"] = np.zeros(3)
    with pytest.raises(InputError, match=r"a.hdf5' have no column .* There are: 'Energies'"):
        bin_events(tmp_path / "a.hdf5", axes=axes())
    Table({"Energies": [1.0]}).write(tmp_path / "a.fits")
    with pytest.raises(InputError, match=r"a.fits' have no column"):
        bin_events(tmp_path / "a.fits", axes=axes())
    with pytest.raises(FileNotFoundError):
        bin_events(tmp_path / "none.fits", axes=axes())


def test_events_are_not_changed():
    given = events()
    bin_events(given, axes=axes("spacecraft"))
    for name, column in events().items():
        np.testing.assert_array_equal(given[name], column)

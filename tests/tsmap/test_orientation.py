from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table
from astropy.time import Time

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import Orientation

from .files import real

ROWS = [
    "OG 100.0 10.0 20.0 80.0 200.0 550.0 5.0 6.0 1.0",
    "OG 101.0 11.0 21.0 79.0 201.0 550.0 5.0 6.0 0.5",
    "OG 102.0 12.0 22.0 78.0 202.0 550.0 5.0 6.0 0.0",
]


def text(tmp_path, rows, end="EN"):
    path = tmp_path / "a.ori"
    path.write_text("\n".join(["Type OrientationsGalactic", *rows, end]) + "\n")
    return path


@pytest.mark.parametrize("end", ["EN", ""])
def test_latitude_comes_first_and_the_last_interval_is_kept(tmp_path, end):
    orientation = Orientation.read(text(tmp_path, ROWS, end))
    assert orientation.time_range == (100.0, 102.0)
    assert orientation.livetime.tolist() == [1.0, 0.5]
    assert orientation.x_pointing[1].tolist() == [21.0, 11.0]
    assert orientation.z_pointing[1].tolist() == [201.0, 79.0]
    assert orientation.zenith[0].tolist() == [6.0, 5.0]
    assert orientation.altitude[0] == 550.0


def test_files_with_fewer_columns(tmp_path):
    short = Orientation.read(text(tmp_path, [" ".join(row.split()[:6]) for row in ROWS]))
    assert short.livetime.tolist() == [1.0, 1.0]
    assert short.zenith is None


@pytest.mark.parametrize("name", ["20280301_first_10sec", "DC3-3mo-arbitrary-10s"])
def test_real_text_and_fits_agree(name):
    ori, fits = Orientation.read(real(f"{name}.ori")), Orientation.read(real(f"{name}.fits"))
    n = fits.times.size  # a FITS file that was made of a text without EN has lost the last row
    np.testing.assert_array_equal(ori.times[:n], fits.times)
    np.testing.assert_allclose(ori.attitudes[:n], fits.attitudes, atol=1e-12)
    np.testing.assert_array_equal(ori.livetime[: n - 1], fits.livetime)


def test_the_last_interval_of_a_real_file_without_its_end_is_kept():
    orientation = Orientation.read(real("DC3-3mo-arbitrary-10s.ori"))
    assert orientation.livetime.sum() == 9.0
    assert orientation.time_range == (1835587298.0, 1835587307.0)


def test_fits_in_which_longitude_comes_first(tmp_path):
    path = tmp_path / "a.fits"
    columns = {
        "TimeStamp": [0.0, 1.0, 3.0] * u.s,
        "XPointings": [[20.0, 10.0]] * 3 * u.deg,
        "ZPointings": [[200.0, 80.0]] * 3 * u.deg,
        "EarthZenith": [[6.0, 5.0]] * 3 * u.deg,
        "Altitude": [550.0] * 3 * u.km,
        "LiveTime": [1.0, 1.5, 0.0] * u.s,
    }
    Table(columns).write(path)
    orientation = Orientation.read(path)
    assert orientation.x_pointing[0].tolist() == [20.0, 10.0]
    assert orientation.zenith[0].tolist() == [6.0, 5.0]
    assert orientation.livetime.tolist() == [1.0, 1.5]
    Table({"TimeStamp": [1.0]}).write(path, overwrite=True)
    with pytest.raises(InputError, match=r"'XPointings', 'ZPointings', 'LiveTime'\] are missing"):
        Orientation.read(path)


def test_attitudes_are_rotations_with_the_pointings_as_columns():
    orientation = Orientation.read(real("20280301_first_10sec.ori"))
    rotation = orientation.attitudes
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)
    lon, lat = np.radians(orientation.z_pointing.T)
    z = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]).T
    np.testing.assert_allclose(rotation[:, :, 2], z, atol=1e-7)


def test_attitudes_as_scipy_finds_the_nearest_rotation():
    rotations = pytest.importorskip("scipy.spatial.transform").Rotation
    orientation = Orientation.read(real("DC3-3mo-arbitrary-10s.ori"))
    from manyfit.tsmap._orientation import vectors

    x, z = vectors(orientation.x_pointing), vectors(orientation.z_pointing)
    theirs = rotations.from_matrix(np.stack([x, np.cross(z, x), z], axis=-1)).as_matrix()
    np.testing.assert_allclose(orientation.attitudes, theirs, atol=1e-12)


@pytest.mark.parametrize(
    "window", [(100.5, 101.5), (100.5 * u.s, 101.5 * u.s), (Time(100.5, format="unix"), Time(101.5, format="unix"))]
)
def test_a_window_that_cuts_intervals_keeps_their_share(tmp_path, window):
    part = Orientation.read(text(tmp_path, ROWS)).during(window)
    np.testing.assert_allclose(part.times, [100.5, 101.0, 101.5], atol=1e-6)
    np.testing.assert_allclose(part.livetime, [0.5, 0.25], atol=1e-6)
    assert part.x_pointing[:, 1].tolist() == [10.0, 11.0, 12.0]


def test_windows_at_edges(tmp_path):
    whole = Orientation.read(text(tmp_path, ROWS))
    assert whole.during(100, 102).livetime.tolist() == [1.0, 0.5]
    assert whole.during(100, 101).livetime.tolist() == [1.0]
    assert whole.during(101, 102).livetime.tolist() == [0.5]
    assert whole.during(100.2, 100.4).livetime.tolist() == pytest.approx([0.2])
    assert whole.livetime_in((100, 101), (101, 102)) == 1.5


@pytest.mark.parametrize("window", [(99, 101), (101, 103), (0, 1), (500, 600)])
def test_a_window_that_is_not_covered(tmp_path, window):
    with pytest.raises(InputError, match=r"a.ori' covers 100.0 to 102.0 s; the window is"):
        Orientation.read(text(tmp_path, ROWS)).during(window)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "0 rows"),
        (ROWS[:1], "1 rows"),
        ([ROWS[0], ROWS[1] + " 7"], r"\[9, 10\] numbers"),
        ([ROWS[0], ROWS[1].replace("11.0", "x")], "other than numbers"),
        ([ROWS[1], ROWS[0]], "times must increase; they do not after row 0"),
        ([ROWS[0], ROWS[1].replace("11.0", "nan")], "x_pointing"),
        ([ROWS[0][:-3] + "-1.0", ROWS[1]], "livetime of row 0 is -1.0"),
    ],
)
def test_files_that_make_no_sense(tmp_path, rows, words):
    with pytest.raises(InputError, match=words):
        Orientation.read(text(tmp_path, rows))


def test_what_is_written_is_read_again(tmp_path):
    first = Orientation.read(text(tmp_path, ROWS))
    first.write(tmp_path / "b.ori")
    again = Orientation.read(tmp_path / "b.ori")
    for name in ("times", "x_pointing", "z_pointing", "livetime", "zenith", "altitude"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    with pytest.raises(OutputExists):
        first.write(tmp_path / "b.ori")

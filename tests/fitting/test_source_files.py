"""Data in files of many kinds, here and remote: the numbers of a plain FITS file, and errors that say what to do."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import astropy.units as u
import fsspec
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

import manyfit
from manyfit.cli import main
from manyfit.errors import InputError
from manyfit.fitting import _remote, _scratch, _unpack
from manyfit.fitting._fingerprint import source_print
from manyfit.fitting._inputs import read
from manyfit.fitting._mapped import MappedFile
from manyfit.fitting._place import place_of
from manyfit.fitting._remote import RemoteFile, coalesced
from manyfit.fitting._scaled import Scaled

VALUES = np.random.default_rng(0).normal(size=(7, 6, 50)).astype(">f4")
CUT = (slice(1, 5), slice(2, 4), slice(3, 40))
VELOCITY = np.linspace(-3, 3, 7)
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """A scratch folder of its own, and nothing that is small."""
    monkeypatch.setenv(_scratch.VARIABLE, str(tmp_path / "scratch"))
    monkeypatch.setattr(_unpack, "SMALL", 1000)
    return tmp_path / "scratch"


@pytest.fixture
def plain(tmp_path):
    file = tmp_path / "plain.fits"
    noise = fits.ImageHDU(np.full(VALUES.shape[1:], 0.5), name="ERR")
    fits.HDUList([fits.PrimaryHDU(VALUES, fits.Header({"BUNIT": "K"})), noise]).writeto(file)
    return file


def same(labelled, values=VALUES):
    assert labelled.source.shape == values.shape
    for source in (labelled.source, pickle.loads(pickle.dumps(labelled.source))):
        np.testing.assert_array_equal(source.read(CUT), values[CUT])
    return labelled


# -- compressed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_file_is_unpacked_once(plain, scratch, kind, monkeypatch, caplog):
    packed = plain.with_suffix(f".fits.{kind}")
    packed.write_bytes(PACKERS[kind](plain.read_bytes()))
    found = same(read(packed))
    assert found.unit == u.K
    (kept,) = scratch.iterdir()
    assert kept.read_bytes() == plain.read_bytes()
    assert f"{packed} is unpacked once, to {kept}" in caplog.text
    assert source_print(found.source) == source_print(read(plain).source)  # so a store of either goes on with the other
    copied = packed.with_name(f"copy.{kind}")
    copied.write_bytes(packed.read_bytes())
    monkeypatch.setattr(_unpack, "_copy", lambda *_: pytest.fail("unpacked again"))
    same(read(copied))
    np.testing.assert_array_equal(read(f"{packed}[ERR]").source.read((slice(0, 6), slice(0, 50))), 0.5)


def test_small_files_are_held_in_memory(plain, scratch, monkeypatch):
    monkeypatch.setattr(_unpack, "SMALL", 10**6)
    packed = plain.with_suffix(".gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    same(read(packed))
    assert not scratch.exists()


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (VALUES.astype("f4"), {"compression_type": "GZIP_2", "quantize_level": 0}),
        ((100 * VALUES).astype("i2"), {"compression_type": "RICE_1"}),
        ((100 * VALUES + 1000).astype("u2"), {"compression_type": "RICE_1", "tile_shape": (3, 6, 50)}),
        ((100 * VALUES).astype("u1"), {"compression_type": "GZIP_1", "tile_shape": (7, 2, 10)}),
    ],
    ids=["floats", "integers", "unsigned, tiles of planes", "bytes, tiles of columns"],
)
@pytest.mark.parametrize("slab", [1, 10**6])
def test_image_by_tiles_is_unpacked_once(tmp_path, scratch, values, options, slab, monkeypatch):
    monkeypatch.setattr(_unpack, "SLAB", slab)
    file = tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(values, name="SCI", **options)]).writeto(file)
    for name in (file, f"{file}[SCI]"):
        source = read(name).source
        np.testing.assert_array_equal(source.read(CUT), values[CUT])
        assert isinstance(source, MappedFile)
    assert len(list(scratch.iterdir())) == 1


def test_disk_without_room(plain, scratch, monkeypatch):
    packed = plain.with_suffix(".gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    monkeypatch.setattr(_scratch.shutil, "disk_usage", lambda _: SimpleNamespace(free=9))
    with pytest.raises(
        OSError, match=r"plain.gz takes 0\.0 MB unpacked and '.*scratch' has room for 0\.0 MB"
    ) as caught:
        read(packed)
    assert caught.value.errno == errno.ENOSPC
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("kind", PACKERS)
def test_damaged_files_leave_nothing(plain, scratch, kind):
    whole = PACKERS[kind](plain.read_bytes())
    packed = plain.with_suffix(".packed")
    for content in (whole[: len(whole) // 2], whole[:-1], PACKERS[kind](plain.read_bytes()[:9000])):
        packed.write_bytes(content)
        with pytest.raises(InputError, match=r"plain.packed' cannot be (unpacked|read)"):
            read(packed)
        assert not scratch.exists() or list(scratch.iterdir()) == []


def test_what_is_compressed_is_no_fits(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(5000)))
    with pytest.raises(InputError, match="has no FITS file in it"):
        read(tmp_path / "a.gz")


def test_command_tells_of_the_scratch_and_removes_it(plain, scratch, tmp_path, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    Path("c.fits.gz").write_bytes(gzip.compress(plain.read_bytes()))
    ended = CliRunner().invoke(main, ["fit", "c.fits.gz", "--model", "Const1D(0 K)", "-q"])
    assert ended.exit_code == 0, ended.output
    assert re.search(r"c.fits.gz is unpacked once, to .*scratch.*\n.* has 0.0 MB. It can be removed", ended.stderr)
    assert Path("c_fit.fits").is_file()
    listed = CliRunner().invoke(main, ["scratch"])
    assert "1 file, 0.0 MB" in listed.output
    assert len(list(scratch.iterdir())) == 1
    assert "removed" in CliRunner().invoke(main, ["scratch", "--yes"]).output
    assert list(scratch.iterdir()) == []


# -- HDF5 and zarr ---------------------------------------------------------------------------------------------


@pytest.fixture
def hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        flux = file.create_dataset("cubes/flux", data=VALUES, chunks=(7, 2, 50), compression="gzip")
        flux.attrs["units"] = "K"
        file["v"] = VELOCITY
        file["v"].attrs["units"] = "km/s"
        file["v"].make_scale("velocity")
        flux.dims[0].attach_scale(file["v"])
        file["cubes/noise"] = np.ones((6, 50))
    return tmp_path / "a.h5"


def test_hdf5(hdf5):
    for name in (hdf5, f"{hdf5}[cubes/flux]"):
        found = same(read(name))
        assert (found.unit, found.names[0], found.source.chunks) == (u.K, "v", (7, 2, 50))
        np.testing.assert_array_equal(found.coordinates[0], VELOCITY * u.km / u.s)
    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(lambda i: found.source.read((slice(0, 7), slice(0, 6), slice(i, i + 1))), range(50))
        np.testing.assert_array_equal(np.concatenate(list(parts), axis=2), VALUES)


def test_hdf5_dataset_travels_by_name(hdf5):
    import h5py

    with h5py.File(hdf5) as file:
        sent = pickle.dumps(read(file["cubes/flux"]).source)
    np.testing.assert_array_equal(pickle.loads(sent).read(CUT), VALUES[CUT])


def test_handle_is_opened_again_in_a_child(hdf5, monkeypatch):
    """HDF5 must not be used across a fork."""
    source = read(hdf5).source
    source.read(CUT)
    opened = source._handle._file
    monkeypatch.setattr(os, "getpid", lambda: -1)
    source.read(CUT)
    assert source._handle._file is not opened


def test_hdf5_of_several_datasets(hdf5):
    import h5py

    with h5py.File(hdf5, "a") as file:
        file["model"] = VALUES
    with pytest.raises(
        InputError, match=r"has arrays cubes/flux 7x6x50, cubes/noise 6x50, model 7x6x50.*file.h5\[name\]"
    ):
        read(hdf5)
    same(read(f"{hdf5}[/model]"))
    with pytest.raises(InputError, match=r"has no array 'modle' of numbers"):
        read(f"{hdf5}[modle]")


def test_damaged_hdf5(hdf5):
    hdf5.write_bytes(hdf5.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"a.h5' cannot be read as HDF5"):
        read(hdf5)


def dataset_of_xarray():
    import xarray

    values = VALUES.astype("f4").copy()
    values[0, 0, 0] = np.nan
    coordinates = {"v": ("v", VELOCITY, {"units": "km/s"}), "y": np.arange(6)}
    flux = (("v", "y", "x"), values, {"units": "K"})
    return xarray.Dataset({"flux": flux, "noise": (("y", "x"), values[1])}, coords=coordinates), values


@pytest.mark.parametrize("kind", [2, 3, "memory", "netcdf", "packed"])
def test_what_xarray_writes(kind, tmp_path):
    dataset, values = dataset_of_xarray()
    pack = {"flux": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 1.0, "_FillValue": -32768}}
    name = tmp_path / "a.zarr"
    if kind == "netcdf":
        pytest.importorskip("h5netcdf")
        name = tmp_path / "a.nc"
        dataset.to_netcdf(name, engine="h5netcdf")
    elif kind == "packed":
        dataset.to_zarr(name, zarr_format=2, consolidated=False, encoding=pack)
    elif kind == "memory":
        dataset.to_zarr(name, zarr_format=3, consolidated=False)
        system = fsspec.filesystem("memory")
        system.put(str(name), f"/{tmp_path.name}/a.zarr", recursive=True)
        name = f"memory://{tmp_path.name}/a.zarr"
    else:
        dataset.to_zarr(name, zarr_format=kind, consolidated=False)
    for place in (name, f"{name}[flux]", *([] if kind == "netcdf" else [f"{name}/flux"])):
        found = read(place)
        assert (found.unit, found.names) == (u.K, ("v", "y", "x"))
        np.testing.assert_array_equal(found.coordinates[0], VELOCITY * u.km / u.s)
        np.testing.assert_array_equal(found.coordinates[1], np.arange(6))
        got = found.source.read(tuple(slice(0, n) for n in values.shape))
        np.testing.assert_allclose(got, values, atol=0.006 if kind == "packed" else 0)
        assert isinstance(found.source, Scaled) == (kind == "packed")


# -- remote ----------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Files by name, in ranges, or without, and as short as is wished."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes] = {}  # noqa: RUF012
    asked: list[tuple[str, str]] = []  # noqa: RUF012
    ranges, fails = True, False

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        content = self.files.get(self.path.strip("/"))
        self.asked.append((self.command, self.headers.get("Range", "")))
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if self.ranges else None
        status = 404 if content is None else 503 if self.fails and wanted else 206 if wanted else 200
        content = content or b""
        if status == 206:
            begin, end = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
            status = 416 if begin >= len(content) else 206
            self.part = content[begin : end + 1]
        elif status == 200:
            self.part = content
        else:
            self.part = b""
        self.send_response(status)
        if self.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{end}/{len(content)}")
        self.send_header("Content-Length", str(len(self.part)))
        self.end_headers()
        if body:
            self.wfile.write(self.part)

    def log_message(self, *_):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def handle_error(self, *_):
        """A client that has seen enough hangs up."""


@pytest.fixture(scope="module")
def web():
    pytest.importorskip("aiohttp")
    server = Quiet(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    from fsspec.asyn import sync

    for system in list(fsspec.get_filesystem_class("http")._cache.values()):
        if system._session is not None:
            sync(system.loop, system._session.close)
    fsspec.get_filesystem_class("http").clear_instance_cache()


@pytest.fixture
def url(web, plain):
    Server.ranges, Server.fails = True, False
    Server.files["plain.fits"] = plain.read_bytes()
    Server.asked.clear()
    return f"{web}/plain.fits"


def test_remote_fits_is_the_local_one(url, plain):
    found = same(read(url))
    assert isinstance(found.source, RemoteFile)
    assert found.unit == u.K
    assert source_print(found.source) == source_print(read(plain).source)
    np.testing.assert_array_equal(read(f"{url}[ERR]").source.read((slice(0, 6), slice(0, 50))), 0.5)
    from astropy.modeling.models import Const1D

    there, here = (manyfit.fit(Const1D(0 * u.K), name, uncertainty=f"{name}[ERR]") for name in (url, plain))
    np.testing.assert_array_equal(there["amplitude"], here["amplitude"])
    np.testing.assert_array_equal(there.error["amplitude"], here.error["amplitude"])


def test_requests_of_a_part(url, monkeypatch):
    """One for each channel; one for all if they are near; and no more than it takes otherwise."""
    source = read(url).source
    Server.asked.clear()
    source.read((slice(0, 7), slice(0, 6), slice(0, 50)))
    assert len(Server.asked) == 1
    Server.asked.clear()
    monkeypatch.setattr(_remote, "NEAR", 0)
    source.read((slice(0, 7), slice(0, 2), slice(0, 50)))
    assert len(Server.asked) == 7


def test_server_without_ranges_is_read_as_a_whole(url, scratch):
    Server.ranges = False
    assert isinstance(same(read(url)).source, MappedFile)
    assert len(list(scratch.iterdir())) == 1


def test_remote_compressed_file(url, web, scratch):
    Server.files["c.fits.gz"] = gzip.compress(Server.files["plain.fits"])
    assert isinstance(same(read(f"{web}/c.fits.gz")).source, MappedFile)


def test_remote_file_becomes_shorter(url):
    source = read(url).source
    Server.files["plain.fits"] = Server.files["plain.fits"][:6000]
    with pytest.raises(InputError, match=r"bytes \d+ to \d+ of 'http://.*' are not there: the file became shorter"):
        source.read(CUT)
    with pytest.raises(InputError, match=r"is truncated: it has 6000 bytes and its image needs \d+"):
        read(url)
    del Server.files["plain.fits"]
    with pytest.raises(InputError, match=r"the file was removed while it was read"):
        source.read(CUT)


def test_server_that_fails(url):
    source = read(url).source
    Server.fails = True
    with pytest.raises(OSError, match=r"bytes \d+ to \d+ of 'http://.*plain.fits' could not be read \(.*503"):
        source.read(CUT)


def test_nothing_there(web):
    with pytest.raises(FileNotFoundError, match=r"There is nothing at 'http://.*none.fits'"):
        read(f"{web}/none.fits")
    with pytest.raises(InputError, match=r"'nowhere://a.fits' cannot be reached: Protocol not known"):
        read("nowhere://a.fits")


def test_file_that_fsspec_copies_first(url, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    same(read(f"simplecache::{url}"))


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=30, unique=True).map(sorted),
    st.integers(1, 60),
    st.integers(1, 100),
    st.integers(0, 100),
)
def test_ranges_cover_what_is_wanted(starts, piece, most, near):
    """Every byte once, none twice, in few requests that are not too long."""
    starts = [start * piece for start in starts]  # pieces do not overlap
    content = np.random.default_rng(0).integers(0, 256, starts[-1] + piece, dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_remote, "MOST", most)
        patch.setattr(_remote, "NEAR", near)
        ranges = coalesced(starts, piece)
    got, count = np.zeros(len(starts) * piece, np.uint8), np.zeros(len(starts) * piece, int)
    for one in ranges:
        assert one.end - one.begin <= most
        for place, target, length in one.pieces:
            assert one.begin <= place
            assert place + length <= one.end
            got[target : target + length] = content[place : place + length]
            count[target : target + length] += 1
    assert (count == 1).all()
    np.testing.assert_array_equal(got, np.concatenate([content[s : s + piece] for s in starts]))
    assert all(a.end <= b.begin for a, b in pairwise(ranges))


def test_places():
    assert place_of("file:///tmp/a.fits").name == "/tmp/a.fits"
    assert place_of("https://a.b/c.fits?x=1[SCI]").inside == "SCI"
    assert place_of(Path("~/a.fits")).name == str(Path("~/a.fits").expanduser())


def test_real_cube_compressed(scratch, monkeypatch, tmp_path):
    """A public cube, packed and by tiles, gives the maps of the plain one."""
    source = Path(os.environ.get("MANYFIT_TEST_DATA", "nowhere")) / "cubes" / "l1448_13co.fits"
    if not source.is_file():
        pytest.skip("l1448_13co.fits is not in the folder cubes of MANYFIT_TEST_DATA")
    from astropy.modeling.models import Gaussian1D

    model = Gaussian1D(1, 4000 * u.m / u.s, 700 * u.m / u.s)
    (tmp_path / "c.fits.gz").write_bytes(gzip.compress(source.read_bytes(), 1))
    with fits.open(source) as hdus:
        tiles = fits.CompImageHDU(hdus[0].data, hdus[0].header, compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "c.fits.fz")
    plain = manyfit.fit(model, source)
    for name in ("c.fits.gz", "c.fits.fz"):
        np.testing.assert_array_equal(manyfit.fit(model, tmp_path / name)["mean"], plain["mean"])

"""Stores and data on an S3 server: the numbers of local ones, few requests, and what happens when it fails."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Linear1D
from numpy.testing import assert_array_equal

from manyfit import FitResult, fit
from manyfit.blocks import BlockStore
from manyfit.blocks._objects import Bucket
from manyfit.errors import InputError, OutputExists
from manyfit.fitting import _work

s3fs = pytest.importorskip("s3fs")
server_of = pytest.importorskip("moto.server")

X = np.arange(20.0)[:, None]
DATA = np.random.default_rng(0).normal(size=(20, 1200)) + X
MEMORY = 250_000  # for blocks of some hundred elements
OPTIONS = {"memory": MEMORY, "workers": 2}


@pytest.fixture(scope="module")
def endpoint():
    """A server with an empty bucket, found as users find theirs: by the configuration of fsspec."""
    from fsspec.config import conf

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    secrets = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**secrets, "FSSPEC_S3_ENDPOINT_URL": url}.items():
            patch.setenv(name, value)
        patch.setitem(conf, "s3", {"endpoint_url": url})
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("bucket")
        yield url
    close_sessions()
    server.stop()


def close_sessions():
    """What s3fs leaves to the end of the interpreter, where it is a warning."""
    from fsspec.asyn import sync
    from zarr.core.sync import sync as sync_of_zarr

    for system in list(s3fs.S3FileSystem._cache.values()):
        if system._s3 is not None and system.asynchronous:
            sync_of_zarr(system._s3creator.__aexit__(None, None, None))
        elif system._s3 is not None:
            sync(system.loop, system._s3creator.__aexit__, None, None, None)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def folder(endpoint, request):
    return f"s3://bucket/{request.node.name}"


@pytest.fixture
def requests(monkeypatch):
    """Counts what is asked of the server: (operation, key)."""
    seen, real = [], s3fs.S3FileSystem._call_s3

    async def noted(self, method, *given, **options):
        seen.append((method, options.get("Key", options.get("Prefix", ""))))
        return await real(self, method, *given, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", noted)
    return seen


def chunks_of(path):
    """Bytes of all chunks and markers of a store."""
    objects = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    return {name: content for name, content in objects.items() if not name.endswith("zarr.json")}


def chunks_on(url):
    system, root = s3fs.S3FileSystem(), url.removeprefix("s3://")
    names = [name for name in system.find(root) if not name.endswith("zarr.json")]
    return {name.removeprefix(f"{root}/"): content for name, content in system.cat(names).items()}


def upload(url, content):
    s3fs.S3FileSystem().pipe_file(url, content)


def fits_bytes(values):
    file = io.BytesIO()
    fits.PrimaryHDU(values).writeto(file)
    return file.getvalue()


def test_store_is_that_of_a_disk(folder, tmp_path):
    """Byte for byte, and what it gives."""
    there = fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)
    memory = fit(Linear1D(), DATA)
    for name in memory:
        assert_array_equal(there.compute()[name], memory[name])
        assert_array_equal(FitResult.open(f"{folder}/a.zarr").compute().error[name], memory.error[name])
    extent = BlockStore.open(f"{folder}/a.zarr").layout.extent
    fit(Linear1D(), DATA, store=tmp_path / "a.zarr", memory=MEMORY, workers=4)  # as many blocks in flight
    assert BlockStore.open(tmp_path / "a.zarr").layout.extent == extent
    assert chunks_on(f"{folder}/a.zarr") == chunks_of(tmp_path / "a.zarr")


def test_goes_on_where_it_was_ended(folder, monkeypatch):
    real, blocks, again = _work.KernelWork.__call__, [], []

    def noted(self, block):
        again.append(block.index)
        return real(self, block)

    def ended(self, block):
        blocks.append(block.index)
        if len(blocks) > 2:
            raise KeyboardInterrupt
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(_work.KernelWork, "__call__", ended)
        with pytest.raises(KeyboardInterrupt):
            fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)
    store = BlockStore.open(f"{folder}/a.zarr")
    done = store.done()
    assert 0 < len(done) < store.progress().all_blocks
    monkeypatch.setattr(_work.KernelWork, "__call__", noted)
    fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)
    assert not done & set(again)
    fit(Linear1D(), DATA, store=f"{folder}/b.zarr", **OPTIONS)
    assert chunks_on(f"{folder}/a.zarr") == chunks_on(f"{folder}/b.zarr")


def test_server_that_fails_in_the_middle(folder, monkeypatch):
    real, count = s3fs.S3FileSystem._pipe_file, []

    async def failing(self, path, data, **options):
        count.append(path)
        if len(count) > 26:
            raise ConnectionError("the server does not answer")
        return await real(self, path, data, **options)

    with monkeypatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_pipe_file", failing)
        with pytest.raises(ConnectionError, match=r"s3://bucket/.*a.zarr': the server does not answer"):
            fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)
    store = BlockStore.open(f"{folder}/a.zarr")
    assert all(store.is_whole(block) for block in store.plan.blocks if block.index in store.done())
    result = fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS).compute()
    assert_array_equal(result["slope"], fit(Linear1D(), DATA)["slope"])


def test_requests_of_a_block(folder, requests):
    """A look at the marker, seven chunks, the marker: nine; nothing is listed, nothing is asked twice."""
    fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)
    asked = Counter((method, key.rpartition("a.zarr/")[2].rpartition("/")[0]) for method, key in requests)
    blocks = BlockStore.open(f"{folder}/a.zarr").progress().all_blocks
    assert blocks > 3
    arrays = {"values", "errors", "covariance", "statistic", "n_points", "n_iter", "status"}
    # one more for each array: the metadata
    assert {name for (method, name), n in asked.items() if method == "put_object" and n == blocks + 1} == arrays
    assert asked["put_object", "done"] == asked["get_object", "done"] == blocks
    assert asked["get_object", "values"] == 1
    assert len(requests) <= 9 * blocks + 30
    requests.clear()
    fit(Linear1D(), DATA, store=f"{folder}/a.zarr", **OPTIONS)  # a complete one
    assert len(requests) <= 15


def test_only_one_of_two_creates_an_object(folder, requests):
    """The condition is the server's (If-None-Match), not that of the look before."""
    first, second = Bucket(folder), Bucket(folder)
    assert first.create("root", b"1")
    assert not second.create("root", b"2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bucket, "exists", lambda self, name: False)  # both looked before either wrote
        assert not second.create("root", b"2")
    assert first.get("root") == b"1"


def test_objects_that_are_not_there(folder):
    bucket = Bucket(folder)
    assert bucket.get("none") is None
    assert not bucket.exists("none")
    assert bucket.names("none") == []
    with pytest.raises(FileNotFoundError, match=r"s3://nowhere/a.zarr': The specified bucket does not exist"):
        fit(Linear1D(), DATA, store="s3://nowhere/a.zarr")
    with pytest.raises(FileNotFoundError, match=r"There is nothing at 's3://bucket/none.fits'"):
        fit(Linear1D(), "s3://bucket/none.fits")
    upload(f"{folder}/a.zarr/notes.txt", b"mine")
    with pytest.raises(OutputExists, match=r"is no store of manyfit: it has notes.txt"):
        fit(Linear1D(), DATA, store=f"{folder}/a.zarr")


def test_fits_file_there_is_the_one_here(folder, tmp_path, requests):
    """The numbers, and the data that a store says it is of; blocks are read by ranges."""
    content = fits_bytes(DATA.reshape(20, 30, 40).astype("f4"))
    (tmp_path / "c.fits").write_bytes(content)
    upload(f"{folder}/c.fits", content)
    requests.clear()
    there = fit(Linear1D(), f"{folder}/c.fits", store=tmp_path / "a.zarr", **OPTIONS)
    assert sum(method == "get_object" for method, _ in requests) <= 20 * there.compute()["slope"].shape[0] + 20
    again = fit(Linear1D(), tmp_path / "c.fits", store=tmp_path / "a.zarr", **OPTIONS)  # is not refused
    assert_array_equal(again.compute()["slope"], fit(Linear1D(), tmp_path / "c.fits")["slope"])


def test_zarr_there(folder):
    import zarr

    array = zarr.create_array(f"{folder}/c.zarr", shape=(20, 30, 40), chunks=(20, 10, 40), dtype="f8")
    array[...] = DATA.reshape(20, 30, 40)
    assert_array_equal(fit(Linear1D(), f"{folder}/c.zarr")["slope"].ravel(), fit(Linear1D(), DATA)["slope"])


def test_file_that_becomes_shorter(folder, monkeypatch):
    content = fits_bytes(DATA.reshape(20, 30, 40))
    upload(f"{folder}/c.fits", content)
    real, count = _work.KernelWork.__call__, []

    def cut(self, block):
        count.append(block.index)
        if len(count) == 2:
            upload(f"{folder}/c.fits", content[: len(content) // 2])
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(_work.KernelWork, "__call__", cut)
        with pytest.raises(InputError, match=r"bytes \d+ to \d+ of 's3://.*c.fits' are not there"):
            fit(Linear1D(), f"{folder}/c.fits", **OPTIONS)
    with pytest.raises(InputError, match="is truncated"):
        fit(Linear1D(), f"{folder}/c.fits", **OPTIONS)


@pytest.mark.slow
def test_command_and_processes_find_the_server_by_the_environment(folder, tmp_path):
    upload(f"{folder}/c.fits", fits_bytes(DATA.reshape(20, 30, 40)))
    command = [sys.executable, "-m", "manyfit", "fit", f"{folder}/c.fits", "--model", "Linear1D(1, 0)", "--store"]
    command += [f"{folder}/a.zarr", "--workers", "1", "--scheduler", "processes", "-q"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ, cwd=tmp_path, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert_array_equal(FitResult.open(f"{folder}/a.zarr").compute()["slope"].ravel(), fit(Linear1D(), DATA)["slope"])

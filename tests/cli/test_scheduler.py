"""``manyfit fit --scheduler``: the address of a cluster, workers of its own, and what is said when they fail."""

from __future__ import annotations

import os
import socket

import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from manyfit import FitResult, datasets
from manyfit import fit as fit_model
from manyfit.blocks import _cluster
from manyfit.cli import main
from manyfit.models import parse

distributed = pytest.importorskip("distributed")
MODEL = "Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)"
CALL = ("fit", "cube.fits", "-m", MODEL, "--memory", "10 kB", "--store", "out.zarr")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    datasets.simulate_cube((40, 12, 10), noise=0.1).write(tmp_path / "cube.fits")
    return tmp_path


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="manyfit")


def fails(*arguments):
    done = run(*arguments)
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    return done.stderr


def check():
    expected = fit_model(parse(MODEL), "cube.fits")
    assert_array_equal(FitResult.open("out.zarr").compute()["mean"], expected["mean"])


def test_address_of_a_scheduler(address):
    done = run(*CALL, "--scheduler", address)
    assert done.exit_code == 0, done.output
    assert "Dashboard: http" in done.stderr
    assert "Wrote out.zarr." in done.stdout
    check()


def test_quiet(address):
    done = run(*CALL, "--scheduler", address, "-q")
    assert (done.exit_code, done.output) == (0, "")


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr(_cluster, "CONNECT_SECONDS", 0.2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    assert f"no dask scheduler at {address}" in fails(*CALL, "--scheduler", address)


def test_more_workers_than_there_are(address, monkeypatch):
    monkeypatch.setattr(_cluster, "WORKER_SECONDS", 0.2)
    assert "has 2 of 3 workers" in fails(*CALL, "--scheduler", address, "--workers", "3")


def test_own_workers_in_another_folder(folder, tmp_path_factory, monkeypatch):
    """Paths are those of this process, wherever the workers are."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    real = _cluster._distributed().LocalCluster

    def moved(*arguments, **options):
        os.chdir(elsewhere)
        try:
            return real(*arguments, **options)
        finally:
            os.chdir(folder)

    monkeypatch.setattr(distributed, "LocalCluster", moved)
    done = run(*CALL, "--scheduler", "dask", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in elsewhere.iterdir()) == []
    check()

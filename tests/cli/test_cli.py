"""Commands as a user runs them: what they write, print and refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from manyfit import FitResult, __version__, datasets
from manyfit import fit as fit_model
from manyfit.cli import main
from manyfit.models import parse
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
MODEL = "Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)"
CUBE = datasets.simulate_cube((40, 5, 4), noise=0.1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a small cube."""
    monkeypatch.chdir(tmp_path)
    CUBE.write(tmp_path / "cube.fits")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="manyfit")


def ok(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.exception is None
    return result


def fails(*arguments):
    """The message of a command that fails as it should: no traceback."""
    result = run(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.stderr


def same(result, path):
    again = FitResult.read(path)
    for name in result:
        assert_array_equal(result[name], again[name])
        assert_array_equal(result.error[name], again.error[name])
    assert_array_equal(result.status, again.status)


# -- help ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [(), *((name,) for name in sorted(main.commands))])
def test_help(command):
    text = ok(*command, "--help").stdout
    assert_golden(GOLDEN / f"help_{'_'.join(command) or 'manyfit'}.txt", text.rstrip())
    assert run(*command, "-h").stdout == text


def test_version():
    assert ok("--version").stdout == f"manyfit {__version__}\n"


def test_help_imports_nothing_heavy():
    code = "import sys; from manyfit.cli import main; main(['--help'], standalone_mode=False); "
    code += "sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert {"click", "manyfit"} <= loaded
    assert not loaded & {"numpy", "astropy", "numba", "matplotlib", "dask", "rich", "scipy", "xarray"}


def test_python_dash_m():
    done = subprocess.run([sys.executable, "-m", "manyfit", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"{__version__}\n")


# -- fit -----------------------------------------------------------------------------------------------------


def test_fit_is_the_call_of_the_library(folder):
    done = ok("fit", "cube.fits", "--model", MODEL, "-o", "out.fits")
    same(fit_model(parse(MODEL), "cube.fits"), "out.fits")
    assert "Gaussian1D fitted to 5 x 4 = 20 elements" in done.stdout
    assert "Wrote out.fits." in done.stdout
    assert "20 of 20 spectra" in done.stderr


def test_all_options(folder):
    fits.writeto("mask.fits", (np.arange(40) < 3).astype(np.int16)[:, None, None] * np.ones((1, 5, 4), np.int16))
    fits.writeto("sigma.fits", np.full((5, 4), 0.2))
    model = "Gaussian1D(1 K, 4.5 km/s, 0.4 km/s) + Const1D(0 K)"
    ok(
        *("fit", "cube.fits", "-m", model, "--fitting-axes", "-3", "--fixed", "amplitude_1"),
        *("--bounds", "mean_0=4:5 km/s", "--bounds", "amplitude_0=0:", "--mask", "mask.fits"),
        *("--uncertainty", "sigma.fits", "--data-unit", "K", "--statistic", "chi2", "--precision", "mixed"),
        *("--scheduler", "serial", "--memory", "10 MB", "-o", "out.fits"),
    )
    expected_model = parse(model)
    expected_model.amplitude_1.fixed = True
    expected = fit_model(
        expected_model,
        "cube.fits",
        bounds={"mean_0": (4 * u.km / u.s, 5 * u.km / u.s), "amplitude_0": (0, None)},
        mask="mask.fits",
        uncertainty="sigma.fits",
        precision="mixed",
    )
    same(expected, "out.fits")
    assert FitResult.read("out.fits").options == expected.options


def test_uncertainty_with_unit_and_figure_and_quiet(folder):
    done = ok("fit", "cube.fits", "-m", MODEL, "--uncertainty", "100 mK", "--figure", "out.png", "-q")
    assert done.output == ""
    same(fit_model(parse(MODEL), "cube.fits", uncertainty=0.1 * u.K), "cube_fit.fits")
    assert Path("out.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.fits", "-m", MODEL], "Error: data: there is no file 'none.fits'"),
        (["cube.fits"], "Missing option '-m' / '--model'"),
        (["cube.fits", "-m", "Gausian1D()"], "Did you mean 'Gaussian1D'"),
        (["cube.fits", "-m", "Gaussian1D(1"], "Gaussian1D(1\n              ^"),
        (["cube.fits", "-m", "Gaussian1D(1 s, 2 km/s, 3 km/s)"], "is in s, which does not convert to K"),
        (["cube.fits", "-m", MODEL, "--bounds", "mean=3"], "Give NAME=LOW:HIGH"),
        (["cube.fits", "-m", MODEL, "--bounds", "men=3:4"], "Did you mean 'mean'"),
        (["cube.fits", "-m", MODEL, "--bounds", "mean=3 K:4 K"], "does not convert to km / s"),
        (["cube.fits", "-m", MODEL, "--fixed", "men"], "Parameter in --fixed 'men' is not known"),
        (["cube.fits", "-m", MODEL, "--fitting-axes", "7"], "out of range for 3-dimensional data"),
        (["cube.fits", "-m", MODEL, "--fitting-axes", "0,1"], "2 value(s) in fitting_axes"),
        (["cube.fits", "-m", MODEL, "--mask", "none.fits"], "mask: there is no file 'none.fits'"),
        (["cube.fits", "-m", MODEL, "--uncertainty", "none.fits"], "neither a file that exists nor a number"),
        (["cube.fits", "-m", MODEL, "--uncertainty", "1 s"], "does not convert"),
        (["cube.fits", "-m", MODEL, "--data-unit", "Kelvinn"], "data_unit='Kelvinn' is no unit"),
        (["cube.fits", "-m", MODEL, "--statistic", "chi"], "'chi' is not one of 'chi2', 'cash'"),
        (["cube.fits", "-m", MODEL, "--scheduler", "thread"], "Did you mean 'threads'"),
        (["cube.fits", "-m", MODEL, "--memory", "lots"], "memory 'lots' is not understood"),
        (["cube.fits", "-m", MODEL, "-o", "no/out.fits"], "There is no folder 'no'"),
        (["cube.fits", "-m", MODEL, "--figure", "no/out.png"], "There is no folder 'no'"),
        (
            ["cube.fits", "-m", MODEL, "-o", "cube.fits"],
            "'cube.fits' exists. Give another name, or overwrite",
        ),
        (["cube.fits", "-m", MODEL, "--ouput", "a.fits"], "Did you mean"),
    ],
)
def test_refused(arguments, message, folder):
    assert message in fails("fit", *arguments)
    assert [path.name for path in folder.iterdir()] == ["cube.fits"]


def test_truncated_cube(folder):
    content = Path("cube.fits").read_bytes()
    Path("cube.fits").write_bytes(content[:4000])
    assert "cube.fits" in fails("fit", "cube.fits", "-m", MODEL)


def test_output_is_refused_before_the_fit(folder, monkeypatch):
    def never(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr("manyfit.fit", never)
    for name in ("cube_fit.fits", "maps.png"):
        Path(name).touch()
        assert f"'{name}' exists" in fails("fit", "cube.fits", "-m", MODEL, "--figure", "maps.png")
        Path(name).unlink()


def test_overwrite(folder):
    for _ in range(2):
        ok("fit", "cube.fits", "-m", MODEL, "--figure", "maps.png", "--overwrite", "-q")


def test_debug_shows_where(folder):
    result = run("--debug", "fit", "none.fits", "-m", MODEL)
    assert isinstance(result.exception, FileNotFoundError)


@pytest.mark.filterwarnings("default")
def test_warnings_are_one_line(folder):
    done = ok("fit", "cube.fits", "-m", "Gaussian1D(1 K, 9 km/s, 0.4 km/s, bounds={'mean': (4, 5)})")
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("Warning: Start values of 'mean' are outside of their bounds")


# -- configuration -------------------------------------------------------------------------------------------


def test_toml(folder):
    text = f"""
    cube = "cube.fits"
    model = "{MODEL}"
    fitting-axes = 0
    uncertainty = "0.1 K"
    fixed = ["stddev"]
    output = "from_file.fits"
    quiet = true
    [bounds]
    mean = "3 km/s:6 km/s"
    """
    Path("fit.toml").write_text(text)
    assert tomllib.loads(text)["output"] == "from_file.fits"
    ok("fit", "--config", "fit.toml")
    ok("fit", "--config", "fit.toml", "-o", "from_line.fits", "--uncertainty", "0.2 K")
    model = parse(MODEL)
    model.stddev.fixed = True
    bounds = {"mean": (3 * u.km / u.s, 6 * u.km / u.s)}
    same(fit_model(model, "cube.fits", uncertainty=0.1 * u.K, bounds=bounds), "from_file.fits")
    same(fit_model(model, "cube.fits", uncertainty=0.2 * u.K, bounds=bounds), "from_line.fits")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle = 'Const1D()'", "Option in 'fit.toml' 'modle' is not known"),
        ("modle = 'Const1D()'", "Did you mean 'model'"),
        ("model = ", "'fit.toml' is no TOML file"),
        ("statistic = 'chi'", "'chi' is not one of"),
        ("workers = 'two'", "'two' is not a valid integer"),
        ("config = 'fit.toml'", "'config' is not known"),
    ],
)
def test_bad_toml(text, message, folder):
    Path("fit.toml").write_text(text)
    assert message in fails("fit", "cube.fits", "-m", MODEL, "--config", "fit.toml")


def test_no_toml(folder):
    assert "none.toml" in fails("fit", "cube.fits", "-m", MODEL, "--config", "none.toml")


# -- the others ----------------------------------------------------------------------------------------------


def test_demo(tmp_path):
    folder = tmp_path / "demo"
    done = ok("demo", "-o", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["cube.fits", "maps.fits", "maps.png"]
    result = FitResult.read(folder / "maps.fits")
    assert str(result.summary()) in done.stdout
    truth = datasets.simulate_cube().truth
    pull = ((result["mean"] - truth["mean"]) / result.error["mean"]).to_value("")[result.good]
    assert abs(np.median(pull)) < 0.1
    assert 0.9 < np.std(pull) < 1.3
    assert "exists" in fails("demo", "-o", str(folder))
    assert 50_000 < Path(folder / "maps.png").stat().st_size < 300_000


def test_info(folder):
    printed = ok("fit", "cube.fits", "-m", MODEL).stdout
    assert ok("info", "cube_fit.fits").stdout.rstrip() in printed
    assert "no result of manyfit" in fails("info", "cube.fits")
    assert "There is no file 'none.fits'" in fails("info", "none.fits")


def test_models():
    lines = ok("models").stdout.splitlines()
    assert next(line for line in lines if line.startswith("Gaussian1D ")).split() == [
        "Gaussian1D",
        "1",
        "compiled",
    ]
    assert next(line for line in lines if line.startswith("Spline1D ")).split()[2] == "fallback:"


def test_unknown_command():
    assert "Did you mean 'info'" in fails("inof")


# -- the main job on real input ------------------------------------------------------------------------------


def test_l1448(tmp_path):
    data = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes" / "l1448_13co.fits"
    if not data.is_file():
        pytest.skip("needs cubes/l1448_13co.fits in MANYFIT_TEST_DATA")
    from spectral_cube.lower_dimensional_structures import Projection

    out = tmp_path / "out.fits"
    model = "Gaussian1D(amplitude=1, mean=4 km/s, stddev=0.5 km/s)"
    ok("fit", str(data), "--model", model, "-o", str(out))
    celestial = WCS(fits.getheader(data)).celestial
    y, x = np.indices((105, 105))
    with fits.open(out) as hdus:
        mean = Projection.from_hdu(hdus["MEAN"])
        assert mean.unit == u.km / u.s
        assert Projection.from_hdu(hdus["STDDEV_ERR"]).unit == u.km / u.s
        assert "BUNIT" not in hdus["AMPLITUDE"].header
    separation = mean.wcs.pixel_to_world(x, y).separation(celestial.pixel_to_world(x, y))
    assert separation.max() < 1e-6 * u.arcsec
    bright = fits.getdata(data).max(axis=0) > 2
    assert bright.sum() > 1000
    assert np.median(mean.value[bright]) == pytest.approx(4.5, abs=0.3)
    assert np.isfinite(mean.value[bright]).mean() > 0.999

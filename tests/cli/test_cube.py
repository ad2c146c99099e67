"""``manyfit cube`` as a user runs it: what it writes, prints and refuses."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
import xarray
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from manyfit import FitResult, cube, datasets
from manyfit.cli import _cube_run, main
from manyfit.cube import _report
from manyfit.cube._chosen import noise_of_chosen
from manyfit.models import parse
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
SIMULATED = datasets.simulate_cube((53, 12, 15), noise=0.15)
SMALL = ("--min-voxels", "10", "--min-bright-voxels", "3")
ALWAYS = ["fit.fits", "mask.fits", "moments.fits"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a small cube."""
    monkeypatch.chdir(tmp_path)
    SIMULATED.write(tmp_path / "co.fits")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ("cube", *arguments), prog_name="manyfit")


def ok(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.exception is None
    return result


def fails(*arguments):
    """The message of a command that fails as it should: one, and no traceback."""
    result = run(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert result.stderr.count("Error: ") == 1
    return result.stderr


def written(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def same(fit, path):
    again = FitResult.read(path)
    for name in fit:
        assert_array_equal(fit[name].value, again[name].value)
        assert_array_equal(fit.error[name].value, again.error[name].value)
    assert_array_equal(fit.status, again.status)


# -- what it does --------------------------------------------------------------------------------------------


def test_it_does_what_the_steps_do(folder):
    ok("co.fits", "-o", "out", "--spectral-unit", "km/s", "--no-report", *SMALL)
    assert written("out") == ALWAYS
    co = cube.read("co.fits", spectral_unit="km/s")
    noise = cube.noise(co, method="auto")
    signal = cube.signal_mask(co, noise=noise, min_voxels=10, min_bright_voxels=3)
    same(cube.fit_lines(co, signal, noise=noise), "out/fit.fits")
    moments = cube.moments(co, signal, noise=noise)
    with fits.open("out/moments.fits") as hdus:
        assert_array_equal(hdus["MOMENT1"].data, moments["moment1"].value)
        assert_array_equal(hdus["PEAK_ERR"].data, moments.error["peak"].value)
    with fits.open("out/mask.fits") as hdus:
        assert_array_equal(hdus["LABELS"].data, signal.labels)
        assert WCS(hdus["LABELS"].header).celestial.wcs.crval == pytest.approx(SIMULATED.wcs.celestial.wcs.crval)


def test_what_it_prints(folder):
    done = ok("co.fits", "--no-report", "--no-coherence", "--noise-method", "difference", *SMALL)
    text = re.sub(r"(?s)Gaussian1D fitted to .*?\ntime: [^\n]*", "(the summary of the fit)", done.stdout)
    text = re.sub(r"(?m)^time: .*$", "(the time)", text)
    assert_golden(GOLDEN / "cube.txt", text.rstrip())
    assert written("co_lines") == ALWAYS
    assert "spectra" in done.stderr  # progress


def test_report_and_figures(folder):
    done = ok("co.fits", "-o", "out", *SMALL)
    assert written("out") == sorted([*ALWAYS, "figures", "report.html"])
    names = ["comparison.png", "maps.png", "moments.png", "signal.png", "spectra.png"]
    assert written("out/figures") == names
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(names)
    assert "min_voxels = 10" in page
    assert "<h1>co.fits</h1>" in page
    assert re.search(r"time: \d+\.\d\d s \(loading .*, fitting \d+ %, writing \d+ %, figures \d+ %\)", done.stdout)


def test_components(folder):
    auto = ("--components", "auto", "--max-components", "2", "--baseline", "1", "--noise-method", "mad")
    done = ok("co.fits", "-o", "out", "--no-report", *auto, *SMALL)
    co = cube.read("co.fits")
    signal = cube.signal_mask(co, min_voxels=10, min_bright_voxels=3)
    noise = noise_of_chosen(co, signal.spatial, without=signal.labels)
    found = cube.decompose(co, signal, max_components=2, noise=noise, baseline=1)
    with fits.open("out/fit.fits") as hdus:
        assert_array_equal(hdus["NCOMP"].data, found.n_components)
        assert_array_equal(hdus["MEAN_0"].data, found["mean"][0].value)
    assert "2 components" in done.stdout or "1 components" in done.stdout


def test_options_reach_their_step(folder):
    model = "Gaussian1D(1 K, 4500 m/s, 400 m/s)"
    fits.writeto("bad.fits", (np.arange(53) < 3).astype(np.int16)[:, None, None] * np.ones((1, 12, 15), np.int16))
    ok(
        *("co.fits", "-o", "out", "--no-report", "--model", model, "--baseline", "1", "--bad", "bad.fits"),
        *("--bounds", "mean_0=3000:6000 m/s", "--fixed", "stddev", "--uncertainty", "0.2 K", "--no-coherence"),
        *("--workers", "1", "--mask-low", "2.5", "--mask-high", "5", "--grow-channels", "2", "--grow-pixels", "1"),
        *("--min-voxels", "20", "--min-bright-voxels", "2", "--scheduler", "serial"),
    )
    import astropy.units as u

    fitted = parse(model)
    fitted.stddev.fixed = True
    co = cube.read("co.fits", mask="bad.fits", uncertainty=0.2 * u.K)
    signal = cube.signal_mask(co, low=2.5, high=5, min_voxels=20, min_bright_voxels=2, grow_channels=2, grow_pixels=1)
    bounds = {"mean_0": (3000 * u.m / u.s, 6000 * u.m / u.s)}
    same(cube.fit_lines(co, signal, model=fitted, baseline=1, bounds=bounds, coherence=False), "out/fit.fits")


def test_noise_options(folder):
    import astropy.units as u

    channels = ("--noise-channels", "0:12", "--noise-channels", "5.5:7 km/s", "--noise-method", "std")
    ok("co.fits", "-o", "out", "--no-report", *channels, *SMALL)
    co = cube.read("co.fits")
    expected = cube.noise(co, method="std", channels=[slice(0, 12), [5.5, 7] * u.km / u.s])
    with fits.open("out/fit.fits") as hdus:
        assert_array_equal(hdus["NOISE"].data, expected.value)
        assert hdus["NOISE"].header["BUNIT"] == "K"


def files(place):
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(Path(place).rglob("*")) if path.is_file()
    }


def test_store(folder):
    line = ("co.fits", "--no-report", "--spectral-unit", "km/s", *SMALL)
    ok(*line, "-o", "plain")
    ok(*line, "-o", "first", "--store", "fit.zarr")
    before = files("fit.zarr")
    assert before
    ok(*line, "-o", "second", "--store", "fit.zarr")
    assert files("fit.zarr") == before  # nothing is fitted or written again
    for name in ("first", "second"):
        same(FitResult.read("plain/fit.fits"), f"{name}/fit.fits")
    message = fails(*line, "-o", "third", "--store", "fit.zarr", "--baseline", "1")
    assert "holds results of something else" in message
    assert not Path("third").exists()
    assert files("fit.zarr") == before


def test_stokes(folder):
    with fits.open("co.fits") as hdus:
        header = hdus[0].header
        header["CTYPE4"], header["CRPIX4"], header["CRVAL4"], header["CDELT4"] = "STOKES", 1, 1, 1
        fits.writeto("iq.fits", np.stack([hdus[0].data, -hdus[0].data]), header)
    assert "0: 'I', 1: 'Q'" in fails("iq.fits", "--no-report", *SMALL)
    ok("co.fits", "-o", "one", "--no-report", *SMALL)
    for i, plane in enumerate(("I", "0")):
        ok("iq.fits", "-o", f"plane{i}", "--no-report", "--stokes", plane, *SMALL)
        same(FitResult.read("one/fit.fits"), f"plane{i}/fit.fits")


def test_no_mask(folder):
    done = ok("co.fits", "-o", "out", "--no-report", "--no-mask")
    assert written("out") == ["fit.fits", "moments.fits"]
    assert "Wrote out: fit.fits, moments.fits." in done.stdout
    assert "earlier run" not in done.stdout
    assert np.isfinite(FitResult.read("out/fit.fits")["mean"]).all()


def test_table_and_zarr(folder):
    ok("co.fits", "-o", "out", "--no-report", "--table", "ecsv", "--zarr", *SMALL)
    assert written("out") == sorted([*ALWAYS, "fit.zarr", "table.ecsv"])
    result = FitResult.read("out/fit.fits")
    fitted = np.isfinite(result["mean"]) | (result.status != 10)
    assert_array_equal(QTable.read("out/table.ecsv")["mean"], result["mean"][fitted])
    assert_array_equal(xarray.open_zarr("out/fit.zarr", consolidated=False)["mean"], result["mean"].value)


def test_quiet(folder):
    assert ok("co.fits", "-o", "out", "--no-report", "-q", *SMALL).output == ""


def test_history_and_header(folder):
    ok("co.fits", "-o", "out", "--no-report", "-q", *SMALL)
    for name in ALWAYS:
        header = fits.getheader(f"out/{name}")
        assert "manyfit cube: min_voxels = 10" in list(header["HISTORY"])
        assert header["OBJECT"] == "simulated 13CO"


# -- configuration -------------------------------------------------------------------------------------------


def test_every_option_in_toml(folder):
    text = """
    file = "co.fits"
    output = "from_file"
    hdu = "0"
    unit = "K"
    spectral-unit = "km/s"
    convention = "radio"
    rest = "110.201354 GHz"
    uncertainty = "0.2 K"
    noise-method = "difference"
    noise-channels = ["0:10"]
    mask-low = 2.5
    mask-high = 5
    min-voxels = 20
    min-bright-voxels = 2
    grow-channels = 2
    grow-pixels = 1
    components = 1
    max-components = 2
    criterion = "bic"
    model = "Gaussian1D()"
    fixed = []
    baseline = 0
    no-coherence = true
    no-mask = false
    scheduler = "serial"
    workers = 1
    table = "ecsv"
    zarr = true
    no-report = true
    overwrite = true
    quiet = true
    [bounds]
    stddev_0 = "0:3 km/s"
    """
    Path("cube.toml").write_text(text)
    given = {line.split(" = ")[0].strip().replace("-", "_") for line in text.splitlines() if " = " in line}
    known = {parameter.name for parameter in main.commands["cube"].params}
    assert known - given - {"stddev_0"} == {"config", "gain", "bad", "medium", "bounds", "store", "stokes"}
    ok("--config", "cube.toml")
    line = ("co.fits", "-o", "from_line", "--spectral-unit", "km/s", "--uncertainty", "0.2 K", "--mask-low", "2.5")
    line += ("--mask-high", "5", "--min-voxels", "20", "--min-bright-voxels", "2", "--grow-channels", "2")
    line += ("--grow-pixels", "1", "--baseline", "0", "--no-coherence", "--bounds", "stddev_0=0:3 km/s", "--no-report")
    ok(*line)
    same(FitResult.read("from_line/fit.fits"), "from_file/fit.fits")


def test_report_lists_options_as_toml(folder):
    import tomllib

    ok("co.fits", "-o", "out", *SMALL, "--no-report", "--noise-channels", "0:10", "--unit", "K")
    history = [line for line in fits.getheader("out/fit.fits")["HISTORY"] if line.startswith("manyfit cube: ")]
    given = tomllib.loads("\n".join(line.removeprefix("manyfit cube: ") for line in history))
    assert given["min_voxels"] == 10
    assert given["noise_channels"] == ["0:10"]
    assert given["no_report"] is True
    Path("again.toml").write_text("\n".join(line.removeprefix("manyfit cube: ") for line in history))
    ok("--config", "again.toml", "-o", "again")
    same(FitResult.read("out/fit.fits"), "again/fit.fits")


# -- what it refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.fits"], "none.fits"),
        (["image.fits"], "Data of shape (4, 5)"),
        (["blank.fits"], "no finite value"),
        (["co.fits", "--unit", "Kelvinn"], "Kelvinn"),
        (["co.fits", "--spectral-unit", "K"], "K"),
        (["co.fits", "--spectral-unit", "mile"], "mile"),
        (["norest.fits", "--spectral-unit", "GHz"], "rest"),
        (["co.fits", "--mask-low", "6", "--mask-high", "3"], "low"),
        (["co.fits", "--mask-low", "60", "--mask-high", "90"], "Lower --mask-low"),
        (["co.fits", "--uncertainty", "0 K"], "noise is zero"),
        (["co.fits", "--uncertainty", "none.fits"], "none.fits"),
        (["co.fits", "--bad", "other.fits"], "shape"),
        (["co.fits", "--gain", "other.fits"], "shape"),
        (["co.fits", "--noise-channels", "some"], "Give LOW:HIGH"),
        (["co.fits", "--noise-channels", "90:99"], "no channel"),
        (["co.fits", "--noise-channels", "1:2 K"], "channels"),
        (["co.fits", "--model", "Gausian1D()"], "Did you mean 'Gaussian1D'"),
        (["co.fits", "--fixed", "men", "--model", "Gaussian1D()"], "Did you mean 'mean'"),
        (["co.fits", "--bounds", "men=1:2"], "men"),
        (["co.fits", "--components", "2"], "'2' is not one of '1', 'auto'"),
        (["co.fits", "--components", "auto", "--bounds", "mean=1:2"], "fits Gaussians"),
        (["co.fits", "--components", "auto", "--max-components", "0"], "max_components"),
        (["co.fits", "--table", "csv"], "'csv' is not one of"),
        (["co.fits", "--hdu", "NONE"], "NONE"),
        (["co.fits", "-o", "co.fits"], "is a file"),
        (["co.fits", "-o", "no/out"], "There is no folder 'no'"),
        (["co.fits", "--ouput", "a"], "Did you mean"),
        (["co.fits", "--scheduler", "thread"], "Did you mean 'threads'"),
    ],
)
@pytest.mark.filterwarnings("default")
def test_refused(arguments, message, folder):
    if arguments[0] == "image.fits":
        fits.writeto("image.fits", np.ones((4, 5)))
    if arguments[0] == "blank.fits":
        fits.writeto("blank.fits", np.full((53, 12, 15), np.nan), SIMULATED.wcs.to_header())
    if arguments[0] == "norest.fits":
        header = SIMULATED.wcs.to_header()
        del header["RESTFRQ"]
        fits.writeto("norest.fits", SIMULATED.data.value, header)
    fits.writeto("other.fits", np.ones((3, 4)))
    before = written(".")
    assert message in fails(*arguments)
    assert written(".") == before


def test_output_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr("manyfit.cube.read", lambda *_a, **_o: pytest.fail("read"))
    Path("out").mkdir()
    for name in (*ALWAYS, "report.html", "figures", "table.ecsv", "fit.zarr"):
        (Path("out") / name).touch()
        assert f"'out' has {name} already" in fails("co.fits", "-o", "out", "--table", "ecsv", "--zarr")
        (Path("out") / name).unlink()


def test_parquet_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr("manyfit.cube._exports.find_spec", lambda _: None)
    assert 'pip install "manyfit[cube]"' in fails("co.fits", "-o", "out", "--table", "parquet")


def test_overwrite_keeps_what_is_not_its_own(folder):
    ok("co.fits", "-o", "out", *SMALL, "--table", "ecsv", "--no-report", "--no-coherence")
    (Path("out") / "mine.txt").write_text("precious")
    done = ok(
        "co.fits", "-o", "out", *SMALL, "--no-report", "--overwrite", "--fixed", "mean", "--model", "Gaussian1D()"
    )
    assert written("out") == sorted([*ALWAYS, "mine.txt", "table.ecsv"])
    assert "Of an earlier run, and not of this one: table.ecsv." in done.stdout
    assert (FitResult.read("out/fit.fits").error["mean"] == 0).sum() > 0


def test_single_spectrum(folder):
    fits.writeto("one.fits", SIMULATED.data.value[:, :1, :1], SIMULATED.wcs.to_header())
    result = run("one.fits", "--no-report", "--no-mask")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("there", [True, False])
def test_full_disk(folder, monkeypatch, there):
    if there:
        Path("out").mkdir()
        (Path("out") / "fit.fits").write_text("precious")
    written_before = sorted(str(path) for path in folder.rglob("*"))

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fits.HDUList, "writeto", full)
    assert "No space left on device" in fails("co.fits", "-o", "out", "--overwrite", *SMALL)
    assert sorted(str(path) for path in folder.rglob("*")) == written_before
    assert not there or (Path("out") / "fit.fits").read_text() == "precious"


def test_full_disk_at_the_last_file(folder, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr(_cube_run, "draw", lambda *_: {"maps": b"png"})
    assert "No space left on device" in fails("co.fits", "-o", "out", *SMALL)
    assert written(".") == ["co.fits"]


def test_interrupted_while_drawing(folder, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_report, "png", interrupt)
    run("co.fits", "-o", "out", *SMALL)
    assert written(".") == ["co.fits"]


# -- the main job on real input ------------------------------------------------------------------------------


def test_l1448(tmp_path):
    data = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes" / "l1448_13co.fits"
    if not data.is_file():
        pytest.skip("needs cubes/l1448_13co.fits in MANYFIT_TEST_DATA")
    done = ok(str(data), "-o", str(tmp_path / "out"), "--unit", "K", "--noise-method", "difference")
    assert "105 x 105 spectra in K" in done.stdout
    result = FitResult.read(tmp_path / "out" / "fit.fits")
    bright = fits.getdata(data).max(axis=0) > 2
    assert np.isfinite(result["mean"][bright]).mean() > 0.99
    assert np.median(result["mean"][bright].to_value("km/s")) == pytest.approx(4.5, abs=0.3)
    assert 500_000 < (tmp_path / "out" / "report.html").stat().st_size < 3_000_000

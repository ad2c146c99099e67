"""``manyfit tsmap`` as a user runs it: what it writes, prints and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from manyfit import tsmap
from manyfit.blocks import BlockStore
from manyfit.tsmap import Axes, Axis, Counts, HealpixAxis, PowerLaw, TSMap
from manyfit.tsmap._fit import FitWork
from tests.cli.test_cli import fails, ok

SPECTRUM = "PowerLaw(index=-2.2, pivot=100 keV, norm=0.01 / (cm2 s keV))"
FILES = ("observation.hdf5", "background.hdf5", "response.h5", "orientation.ori")
NAMES = ("counts", "background", "response", "orientation")
WRITTEN = {"skymap.fits", "skymap.multiorder.fits", "peaks.ecsv", "figures", "report.html"}


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    """A burst in files."""
    return tsmap.simulate(tmp_path_factory.mktemp("sky"), nside=2, source_counts=1500.0, seed=4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(sky, **changed):
    """The command line for the files of a simulation."""
    home = sky.response.path.parent
    values = dict(zip(NAMES, (str(home / name) for name in FILES), strict=True))
    values |= {"during": "{:.0f}:{:.0f}".format(*sky.window), "spectrum": SPECTRUM, "nside": "4", "output": "out"}
    values |= changed
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in values.items() if value is not None)
    return ["tsmap", *(part for pair in pairs for part in ((pair[0],) if pair[1] is True else pair))]


def the_fit(sky, **keywords):
    given = {"orientation": sky.orientation, "spectrum": PowerLaw(-2.2, 100.0, 0.01), "nside": 4}
    return tsmap.fit(sky.counts, sky.background_model, sky.response, **given | keywords)


def same(first, second):
    for name in ("ts", "norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "status"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_the_command_is_the_call_of_the_library(sky, folder):
    done = ok(*arguments(sky, true_position="93, -53"))
    found = TSMap.read("out/skymap.fits")
    same(found, the_fit(sky))
    assert {path.name for path in Path("out").iterdir()} == WRITTEN
    assert {path.name for path in Path("out/figures").iterdir()} == {"sky.png", "zoom.png", "counts.png"}
    assert f"peak: {found.peak}" in done.stdout
    assert f"counts: {sky.counts.total:,.0f} in " in done.stdout
    assert "192 of 192 positions" in done.stderr
    assert QTable.read("out/peaks.ecsv")["ts"][0] == found.peak.ts
    assert TSMap.read("out/skymap.multiorder.fits").peak.ts == found.peak.ts
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 3
    assert "The true position is galactic 93.00 -53.00: the peak is " in page
    assert "nside = 4" in page


def test_all_options(sky, folder):
    flags = dict.fromkeys(
        ["summed", "signed", "free_background", "occultation", "no_index", "no_report", "quiet"], True
    )
    options = {"order": "ring", "frame": "icrs", "energy_channels": "1:4", "zero_background": "drop"}
    options |= {"confidence": "0.9", "workers": "1", "region": "354,5,40"} | flags
    done = ok(*arguments(sky, **options), "--spectral-index", "-2.5", "--spectral-index", "-2")
    assert done.output == ""
    expected = the_fit(
        sky,
        order="ring",
        frame="icrs",
        energy_channels=(1, 4),
        joint=False,
        signed=True,
        free_background=True,
        zero_background="drop",
        confidence=0.9,
        occultation=True,
        spectral_indices=[-2.5, -2],
        region=(SkyCoord(354, 5, unit="deg"), 40 * u.deg),
    )
    found = TSMap.read("out/skymap.fits")
    same(found, expected)
    np.testing.assert_array_equal(found.spectral_index, expected.spectral_index)
    np.testing.assert_array_equal(found.grid.unique(), expected.grid.unique())
    assert found.confidence == 0.9
    assert {path.name for path in Path("out").iterdir()} == WRITTEN - {"figures", "report.html"}


def test_refined_off_source_and_livetime(sky, folder):
    ok(*arguments(sky, background=None, off_source=True, livetime=True, refine="16", no_report=True))
    off = sky.observation.excluding(sky.window).scaled_to(sky.window, orientation=sky.orientation)
    coarse = tsmap.fit(sky.counts, off, sky.response, orientation=sky.orientation, spectrum=PowerLaw(-2.2), nside=4)
    found = TSMap.read("out/skymap.multiorder.fits")
    assert found.peak.ts == pytest.approx(coarse.refine(16).peak.ts, rel=1e-12)
    assert not Path("out/skymap.fits").exists()


def test_options_from_a_file(sky, folder):
    home = sky.response.path.parent
    lines = [f'{name} = "{home / file}"' for name, file in zip(NAMES, FILES, strict=True)]
    lines += [f'spectrum = "{SPECTRUM}"', f'during = "{sky.window[0]:.0f}:{sky.window[1]:.0f}"', "nside = 2"]
    lines += ["no-report = true", "signed = true", "spectral-index = [-2.5, -2.0]", 'output = "from_file"']
    Path("sky.toml").write_text("\n".join(lines))
    ok("tsmap", "--config", "sky.toml", "--nside", "4")
    same(TSMap.read("from_file/skymap.fits"), the_fit(sky, signed=True, spectral_indices=[-2.5, -2.0]))
    Path("bad.toml").write_text("nsides = 4")
    assert "Did you mean 'nside'" in fails("tsmap", "--config", "bad.toml")


def test_demo_needs_no_file(folder):
    done = ok("tsmap", "--demo", "--nside", "8", "-o", "demo")
    assert {path.name for path in Path("demo").iterdir()} == WRITTEN | {"simulated"}
    found = TSMap.read("demo/skymap.fits")
    truth = SkyCoord(93, -53, unit="deg", frame="galactic")
    assert found.peak.position.separation(truth).deg < 10
    assert abs(found.peak.norm - 1) < 4 * found.peak.norm_err
    assert "simulated: a burst at l = 93, b = -53 deg" in done.stdout
    assert "--overwrite" in fails("tsmap", "--demo", "-o", "demo")


def test_a_point_source_response_needs_no_orientation(folder):
    """A steady source in the galactic frame, from files."""
    axes = [HealpixAxis("NuLambda", 2, frame="galactic"), Axis("Ei", [100, 1000], unit="keV")]
    axes += [Axis("Em", [100, 1000], unit="keV"), Axis("Phi", [0, 60, 180], unit="deg")]
    axes = Axes([*axes, HealpixAxis("PsiChi", 2, frame="galactic")])
    rng = np.random.default_rng(0)
    area = rng.uniform(0, 2, axes.shape)
    tsmap.write_point_source_response("psr.h5", axes, area)
    background = np.full(axes.shape[2:], 3.0)
    flux = PowerLaw(-2.2, 100.0, 0.01).flux([100.0, 1000.0])
    counts = background + 40 * np.tensordot(flux, area[17], axes=1)
    for name, values in (("counts", np.round(counts)), ("background", background)):
        Counts.from_dense(axes.chosen(("Em", "Phi", "PsiChi")), values).write(f"{name}.hdf5")
    files = ("--counts", "counts.hdf5", "--background", "background.hdf5", "--response", "psr.h5")
    ok("tsmap", *files, "--spectrum", SPECTRUM, "--nside", "2", "--order", "ring", "-o", "steady")
    found = TSMap.read("steady/skymap.fits")
    assert found.peak.index == 17
    assert found.peak.norm == pytest.approx(40, rel=0.05)


def test_nothing_is_left_of_a_run_that_fails(sky, folder):
    assert "channel" in fails(*arguments(sky, energy_channels="1:40"))
    assert not list(folder.iterdir())


def test_results_are_not_overwritten(sky, folder):
    ok(*arguments(sky, no_report=True))
    assert "--overwrite" in fails(*arguments(sky, no_report=True))
    ok(*arguments(sky, no_report=True, overwrite=True))


def of_other_axes(sky, path):
    """Counts whose energies are not those of the response."""
    axes = Axes([Axis("Em", [1.0, 2.0], unit="keV"), *sky.counts.axes.chosen(("Phi", "PsiChi"))])
    Counts.from_dense(axes, np.ones(axes.shape)).write(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"counts": "none.hdf5"}, "--counts: there is no file 'none.hdf5'"),
        ({"response": "none.h5"}, "--response: there is no file 'none.h5'"),
        ({"counts": None}, "Missing --counts"),
        ({"spectrum": None}, "Missing --spectrum"),
        ({"background": None}, "Missing --background, or --off-source"),
        ({"off_source": True}, "--off-source takes the background from outside"),
        ({"demo": True}, "--demo simulates its files: leave out --counts, --background"),
        ({"spectrum": "PowerLow(-2)"}, "Did you mean 'PowerLaw'"),
        ({"during": "12"}, "--during '12' is not understood. Give START:STOP, 2 numbers"),
        ({"during": "5:2"}, "must start before it stops"),
        ({"during": "0:10"}, "observation.hdf5"),
        ({"nside": "12"}, "nside is 12. Give a power of two"),
        ({"region": "1,2"}, "--region '1,2' is not understood. Give LON,LAT,RADIUS, 3 numbers"),
        ({"energy_channels": "2"}, "--energy-channels '2' is not understood"),
        ({"confidence": "2"}, "confidence is 2"),
        ({"containment": "90"}, "containment is 90"),
        ({"zero_background": "flor"}, "'floor'"),
        ({"orientation": None}, "orientation"),
        ({"background": "other.hdf5"}, "other.hdf5"),
        ({"response": "text.h5"}, "text.h5"),
        ({"refine": "4"}, "nside is 4. Give a power of two above 4"),
    ],
)
def test_bad_input_is_one_message(sky, folder, changed, message):
    Path("text.h5").write_text("no HDF5")
    of_other_axes(sky, "other.hdf5")
    assert message in fails(*arguments(sky, **changed))
    assert {path.name for path in folder.iterdir()} == {"text.h5", "other.hdf5"}


def test_a_command_that_was_ended_goes_on(sky, folder, monkeypatch):
    """The store has what was done; the files are those of an undisturbed command."""
    real, count = FitWork.__call__, []

    def mortal(self, tile):
        count.append(tile.index)
        if len(count) == 3:
            raise OSError("no space left on device")
        return real(self, tile)

    call = arguments(sky, nside="8", scheduler="serial", store="map.zarr", no_report=True)
    with monkeypatch.context() as patch:
        patch.setattr(FitWork, "__call__", mortal)
        assert "no space left" in fails(*call)
    assert not Path("out").exists()
    assert BlockStore.open("map.zarr").done() == {0, 1}
    shown = ok("info", "map.zarr").stdout
    assert shown.startswith("Unfinished, 66.7 %: 512 of 768 elements in 2 of 3 blocks.\n\nTSMap of 512 pixels, nside 8")
    assert "and map.zarr." in ok(*call).stdout
    wanted = the_fit(sky, nside=8)
    same(TSMap.read("out/skymap.fits"), wanted)
    same(TSMap.open("map.zarr"), wanted)
    other = arguments(sky, nside="8", store="map.zarr", output="other", signed=True)
    assert "options.signed: False in the store, True now" in fails(*other)

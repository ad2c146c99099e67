"""Whole maps on a small telescope in memory: the same as array by array, in both frames, however they are run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from manyfit.errors import InputError, InputTypeError
from manyfit.tsmap import Band, Counts, PowerLaw, SkyStatus, fit, solve
from manyfit.tsmap._exposure import fixed_exposure, pointed_exposure
from tests.tsmap.telescope import expected, orientation, telescope

SOURCE = SkyCoord(70.0, 35.0, unit="deg", frame="galactic")
SPECTRUM = PowerLaw(index=-2.0, pivot=100.0, norm=1e-2)
MAPS = ("ts", "norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "niter", "status")


def seconds(response, exposure, position):
    """Exposure of every pixel for one position."""
    _, pixels, values = exposure.of(position.cartesian.xyz.value[None])
    found = np.zeros(response.axes["NuLambda"].n_bins)
    found[pixels] = values
    return found


def data(seed=1, norm=1.0, mean=0.3):
    """Counts of a source and a background, and the background."""
    response = telescope()
    background = mean * (1.0 + np.arange(3)[::-1, None, None] + np.zeros((3, 9, 48)))
    source = expected(response, seconds(response, pointed_exposure(orientation(), 4), SOURCE), SPECTRUM)
    counts = np.random.default_rng(seed).poisson(background + norm * source).astype(float)
    return counts, background


COUNTS, BACKGROUND = data()


def a_map(**keywords):
    keywords = {"orientation": orientation(), "spectrum": SPECTRUM, "nside": 4} | keywords
    return fit(COUNTS, BACKGROUND, telescope(), **keywords)


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("channels", [None, (1, 3)])
@pytest.mark.parametrize("free", [False, True])
def test_a_map_is_one_fit_per_position(joint, channels, free):
    found = a_map(joint=joint, energy_channels=channels, free_background=free)
    response, exposure, part = telescope(), pointed_exposure(orientation(), 4), slice(*(channels or (0, 3)))
    e = [expected(response, seconds(response, exposure, each), SPECTRUM)[part] for each in found.grid.skycoord]
    d, b, e = COUNTS[part], BACKGROUND[part], np.array(e)
    if not joint:
        d, b, e = d.sum(axis=0), b.sum(axis=0), e.sum(axis=1)
    wanted = solve(d.ravel(), b.ravel(), e.reshape(len(e), -1), free_background=free)
    np.testing.assert_allclose(found.ts, wanted.ts, rtol=1e-9, atol=1e-9)
    for name in ("norm", "norm_err", "norm_errn", "norm_errp", "norm_ul"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(found.status, wanted.status)


def test_the_source_is_found():
    found = a_map(nside=16)
    assert found.peak.position.separation(SOURCE) < 6 * u.deg
    assert abs(found.peak.norm - 1.0) < 3 * found.peak.norm_err
    assert found.peak.ts > 100
    assert "TS" in str(found.peak)
    assert repr(found).startswith("<TSMap of 3072 pixels, nside 16, galactic; TS ")


def test_energies_of_counts_help():
    assert a_map(nside=8).peak.ts > a_map(nside=8, joint=False).peak.ts


def tables(tsmap):
    return [getattr(tsmap, name) for name in MAPS]


@pytest.mark.parametrize(
    "where",
    [
        {"scheduler": "serial"},
        {"workers": 3},
        {"memory": 300_000},
        pytest.param({"scheduler": "processes", "workers": 2}, marks=pytest.mark.slow),
    ],
    ids=["serial", "threads", "tiles", "processes"],
)
def test_every_bit_is_the_same_wherever_it_is_run(where):
    for wanted, found in zip(tables(a_map(nside=8)), tables(a_map(nside=8, **where)), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_every_bit_is_the_same_on_a_cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        found = a_map(nside=8, scheduler=client)
    for wanted, each in zip(tables(a_map(nside=8)), tables(found), strict=True):
        np.testing.assert_array_equal(each, wanted)


def test_order_and_positions_and_regions_give_the_same_numbers():
    nested, ring = a_map(order="nested"), a_map(order="ring")
    order = np.argsort(ring.grid.nested)
    np.testing.assert_array_equal(ring.ts[order], nested.ts)
    listed = a_map(positions=nested.grid.skycoord)
    np.testing.assert_allclose(listed.ts, nested.ts, rtol=1e-12)
    part = a_map(region=(SOURCE, 40 * u.deg))
    near = nested.grid.skycoord.separation(SOURCE) <= 40 * u.deg
    np.testing.assert_array_equal(part.ts, nested.ts[near])


def test_a_grid_in_icrs_has_positions_in_icrs():
    found = a_map(frame="icrs", nside=16)
    assert found.peak.position.frame.name == "icrs"
    assert found.peak.position.separation(SOURCE) < 6 * u.deg
    galactic = a_map(positions=found.grid.skycoord.galactic[:5])
    np.testing.assert_allclose(found.ts[:5], galactic.ts, rtol=1e-9)


@pytest.mark.parametrize("frame", ["galactic", "icrs"])
def test_a_response_that_is_fixed_on_the_sky(frame):
    response = telescope(frame, unit="cm2 s")
    found = fit(COUNTS, BACKGROUND, response, spectrum=SPECTRUM, nside=4)
    exposure = fixed_exposure(4, frame)
    e = [expected(response, seconds(response, exposure, each), SPECTRUM).ravel() for each in found.grid.skycoord]
    np.testing.assert_allclose(found.ts, solve(COUNTS.ravel(), BACKGROUND.ravel(), e).ts, rtol=1e-8, atol=1e-8)


def test_a_response_in_nested_order():
    nested, ring = telescope("galactic", "NESTED", "cm2 s"), telescope("galactic", "RING", "cm2 s")
    a, b = (fit(COUNTS, BACKGROUND, each, spectrum=SPECTRUM, nside=4) for each in (nested, ring))
    np.testing.assert_allclose(a.ts, b.ts, rtol=1e-10)


def test_counts_with_axes_are_as_good_as_arrays():
    axes = telescope().axes.chosen(("Em", "Phi", "PsiChi"))
    counts, background = (Counts.from_dense(axes, each) for each in (COUNTS, BACKGROUND))
    found = fit(counts, background, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=4)
    np.testing.assert_array_equal(found.ts, a_map().ts)


def test_the_orientation_is_cut_to_the_times_of_the_counts():
    axes = telescope().axes.chosen(("Em", "Phi", "PsiChi"))
    counts = Counts.from_dense(axes, COUNTS, windows=[(0.0, 20.0)])
    found = fit(counts, BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=4)
    wanted = a_map(orientation=orientation().during(0.0, 20.0))
    np.testing.assert_array_equal(found.ts, wanted.ts)
    assert not np.array_equal(found.ts, a_map().ts)


def test_twice_the_spectrum_is_half_the_norm():
    one, two = a_map(), a_map(spectrum=replace(SPECTRUM, norm=2e-2))
    np.testing.assert_allclose(two.norm, one.norm / 2, rtol=1e-9)
    np.testing.assert_allclose(two.norm_ul, one.norm_ul / 2, rtol=1e-9)
    np.testing.assert_allclose(two.ts, one.ts, rtol=1e-9, atol=1e-9)


def test_what_the_earth_hides_has_no_exposure():
    found = a_map(occultation=True)
    hidden = found.status == SkyStatus.NO_EXPOSURE
    assert 0.2 < hidden.mean() < 0.6
    np.testing.assert_array_equal(np.isnan(found.norm), hidden)
    assert found.peak.ts > 100


def test_indices_are_scanned():
    spectra = (-3.0, -2.0, -1.0)
    found = a_map(spectral_indices=spectra)
    alone = np.array([a_map(spectrum=replace(SPECTRUM, index=index)).ts for index in spectra])
    np.testing.assert_array_equal(found.ts, alone.max(axis=0))
    np.testing.assert_array_equal(found.spectral_index, np.array(spectra)[alone.argmax(axis=0)])
    assert found.peak.spectral_index == -2.0


def test_counts_without_background_are_reported():
    background = BACKGROUND.copy()
    where = tuple(np.argwhere(COUNTS > 0)[0])
    background[where] = 0.0
    found = fit(COUNTS, background, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=1)
    assert found.notes == (
        f"{COUNTS[where]:g} counts in 1 bins lie where the background is zero; it was taken as 0.15 there.",
    )
    assert np.all(np.isfinite(found.ts))
    assert a_map(nside=1).notes == ()


def test_a_free_background_mends_a_wrong_scale():
    right = a_map(nside=8)
    wrong = fit(COUNTS, 3.0 * BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=8)
    free = fit(
        COUNTS,
        3.0 * BACKGROUND,
        telescope(),
        orientation=orientation(),
        spectrum=SPECTRUM,
        nside=8,
        free_background=True,
    )
    assert wrong.peak.norm < 0.7 * right.peak.norm
    assert abs(free.peak.norm - right.peak.norm) < 0.1
    assert abs(free.background_scale[free.peak.index] - 1 / 3) < 0.02


def test_no_counts_give_limits():
    found = fit(0 * COUNTS, BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM, nside=2)
    assert np.all(found.status == SkyStatus.NO_COUNTS)
    assert np.all(found.norm_ul > 0)
    assert found.peak.ts == 0.0


def test_progress_is_told():
    told = []
    a_map(nside=8, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 768)
    assert told[-1] == (768, 768)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"orientation": None}, "Give orientation=Orientation.read"),
        ({"energy_channels": (2, 5)}, "Energy channels 2 to 5 are asked for; there are 3"),
        ({"energy_channels": (2, 2)}, "Give low and high with"),
        ({"nside": 3}, "nside is 3. Give a power of two"),
        ({"confidence": 0.0}, "confidence is 0"),
        ({"spectral_indices": []}, "spectral_indices is empty"),
        ({"spectrum": Band(alpha=-1, beta=-2.5, peak=300), "spectral_indices": [-1]}, "A Band has no index to scan"),
        ({"zero_background": "fllor"}, "Did you mean 'floor'"),
        ({"orientation": replace(orientation(), livetime=np.zeros(4))}, "no livetime"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_bad_options(keywords, text):
    with pytest.raises(InputError, match=text):
        a_map(**keywords)


def test_a_response_with_times_takes_no_orientation():
    with pytest.raises(InputError, match="has the orientation multiplied in"):
        fit(COUNTS, BACKGROUND, telescope("galactic", unit="cm2 s"), orientation=orientation(), spectrum=SPECTRUM)


def test_axes_must_be_the_same():
    axes = telescope().axes.chosen(("Em", "Phi", "PsiChi"))
    other = axes.replaced(replace(axes["PsiChi"], frame="galactic"))
    with pytest.raises(InputError, match="Axis 'PsiChi' differs: counts has"):
        fit(Counts.from_dense(other, COUNTS), BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM)
    with pytest.raises(InputError, match=r"background have shape \(2, 9, 48\)"):
        fit(COUNTS, BACKGROUND[:2], telescope(), orientation=orientation(), spectrum=SPECTRUM)


def test_the_orientation_must_cover_the_counts():
    axes = telescope().axes.chosen(("Em", "Phi", "PsiChi"))
    counts = Counts.from_dense(axes, COUNTS, windows=[(0.0, 90.0)])
    with pytest.raises(InputError, match="that covers the counts"):
        fit(counts, BACKGROUND, telescope(), orientation=orientation(), spectrum=SPECTRUM)


def test_a_spectrum_is_needed():
    with pytest.raises(InputTypeError, match="spectrum is a float"):
        a_map(spectrum=2.0)


def test_input_stays_as_it_is():
    before = COUNTS.copy(), BACKGROUND.copy()
    for each in (COUNTS, BACKGROUND):
        each.flags.writeable = False
    a_map(free_background=True, joint=False)
    np.testing.assert_array_equal(before[0], COUNTS)
    np.testing.assert_array_equal(before[1], BACKGROUND)

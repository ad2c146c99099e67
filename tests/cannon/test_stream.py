"""Labels of stars from files are those of stars in memory, whatever the file; a bad star or file stops nothing."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from manyfit import cannon
from manyfit.cannon import InferOptions, LabelStatus, _stream, infer_file, infer_files, survey_spectra
from manyfit.errors import InputError, OutputExists
from manyfit.spectra import apogee_grid
from tests.cannon.semireal import data, real_model
from tests.cannon.stars import simulate

STARS = simulate(700, 120, seed=4)
IDS = np.array([f"star {n}" for n in range(700)])
FLUX, IVAR = STARS.flux.astype("f4"), STARS.ivar.astype("f4")
FLUX[3], IVAR[5] = np.nan, 0
ARRAYS = {"wavelength": STARS.wavelength, "flux": FLUX, "ivar": IVAR, "ids": IDS}


def as_npz(path):
    np.savez(path, **ARRAYS)
    return path


def as_packed_npz(path):
    np.savez_compressed(path, **ARRAYS)
    return path


def as_fits(path):
    images = [fits.ImageHDU(ARRAYS[name], name=name.upper()) for name in ("wavelength", "flux", "ivar")]
    fits.HDUList([fits.PrimaryHDU(), *images, fits.table_to_hdu(Table({"ID": IDS}))]).writeto(path)
    return path


def as_hdf5(path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, array in ARRAYS.items():
            file[name] = array.astype("S") if name == "ids" else array
    return path


def as_folder(path):
    path.mkdir()
    for name, array in ARRAYS.items():
        np.save(path / f"{name}.npy", array)
    return path


KINDS = [(as_npz, "a.npz"), (as_packed_npz, "b.npz"), (as_fits, "c.fits"), (as_hdf5, "d.h5"), (as_folder, "e")]


def columns(path):
    """Columns of a table as arrays, whatever its format."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return {name: np.array(values) for name, values in pq.read_table(path).to_pydict().items()}
    table = Table.read(path)
    return {name: np.asarray(table[name]) for name in table.colnames}


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv"])
@pytest.mark.parametrize(("write", "name"), KINDS)
def test_the_same_labels_as_in_memory(tmp_path, model, write, name, suffix):
    source, output = write(tmp_path / name), tmp_path / f"labels{suffix}"
    summary = infer_file(model, source, output)
    expected, found = model.infer(FLUX, IVAR), columns(output)
    assert [i.decode() if isinstance(i, bytes) else str(i) for i in found["id"]] == IDS.tolist()
    for key in ("chi2", "status", "flags", "n_pixels", "leverage"):
        np.testing.assert_array_equal(found[key], getattr(expected, key))
    for label in model.label_names:
        np.testing.assert_array_equal(found[label].astype(float), expected[label])
        np.testing.assert_array_equal(found[f"{label}_ERR"].astype(float), expected.error(label))
    np.testing.assert_array_equal(found["covariance"].reshape(700, 2, 2), expected.covariance)
    assert summary.n_stars == 700
    assert summary.statuses[LabelStatus.NO_VALID_PIXELS] == 2
    assert "698" in str(summary)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_blocks_and_threads_change_nothing(tmp_path, model, workers, monkeypatch):
    monkeypatch.setattr(_stream, "BLOCK", 37)
    seen = []
    options = InferOptions(workers=workers)
    infer_file(
        model, as_npz(tmp_path / "a.npz"), tmp_path / "a.fits", options=options, progress=lambda *n: seen.append(n)
    )
    np.testing.assert_array_equal(columns(tmp_path / "a.fits")["chi2"], model.infer(FLUX, IVAR).chi2)
    assert seen == [(min(n, 700), 700) for n in range(37, 740, 37)]


def test_tables_tell_what_they_are(tmp_path, model):
    import pyarrow.parquet as pq

    source = as_npz(tmp_path / "a.npz")
    infer_file(model, source, tmp_path / "a.fits")
    infer_file(model, source, tmp_path / "a.parquet")
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert "converged" in hdus[1].header["STAT0"]
        assert "OUTSIDE_RANGE" in hdus[1].header["FLAG1"]
        assert any("formal" in line for line in hdus[1].header["HISTORY"])
    assert (tmp_path / "a.fits").stat().st_size % 2880 == 0
    assert b"formal" in pq.read_schema(tmp_path / "a.parquet").metadata[b"manyfit"]


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv"])
def test_nothing_is_left_of_a_run_that_stops(tmp_path, model, suffix):
    source = as_npz(tmp_path / "a.npz")

    def stop(done, total):
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        infer_file(model, source, tmp_path / f"labels{suffix}", progress=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_output_that_exists(tmp_path, model):
    source, output = as_npz(tmp_path / "a.npz"), tmp_path / "a.fits"
    output.write_text("precious")
    with pytest.raises(OutputExists):
        infer_file(model, source, output)
    assert output.read_text() == "precious"
    with pytest.raises(InputError, match=r"\.parquet"):
        infer_file(model, source, tmp_path / "a.csv")


@pytest.mark.parametrize(("write", "name"), [kind for kind in KINDS if kind[0] is not as_folder])
@pytest.mark.parametrize("part", [0.1, 0.6, 0.95])
def test_truncated_files(tmp_path, model, write, name, part):
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises((InputError, OSError)):
        infer_file(model, path, tmp_path / "labels.fits")
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wavelength": STARS.wavelength + 1}, "wavelength differs"),
        ({"flux": FLUX[:, :-1], "ivar": IVAR[:, :-1]}, "119 pixels"),
        ({"ivar": IVAR[:-1]}, "must agree"),
        ({"ids": IDS[:-1]}, "ids"),
        ({"flux": FLUX[0]}, "shape"),
        ({"flux": np.asfortranarray(FLUX)}, "C order"),
        ({"flux": FLUX[:0], "ivar": IVAR[:0], "ids": IDS[:0]}, "no stars"),
    ],
)
def test_files_that_do_not_fit(tmp_path, model, changes, message):
    np.savez(tmp_path / "a.npz", **(ARRAYS | changes))
    with pytest.raises(InputError, match=message):
        infer_file(model, tmp_path / "a.npz", tmp_path / "labels.fits")


def real_cannon():
    """The model of real coefficients on its grid of 7214 pixels."""
    theta, scatter, baseline, labels = real_model()
    wavelength = np.load(data("apogee_wavelength_7214.npz"))["wavelength"]
    names = ("TEFF", "LOGG", "FE_H", "ALPHA_M")
    vectorizer = cannon.Vectorizer.polynomial(names)
    scaling = cannon.Scaling(baseline, np.ones(4))
    return cannon.CannonModel(
        wavelength=wavelength,
        vectorizer=vectorizer,
        scaling=scaling,
        theta=np.ascontiguousarray(theta.T),
        s2=np.where(np.isfinite(scatter), scatter**2, np.inf),
        training=cannon.TrainingSummary.of(labels, scaling, vectorizer),
        chips=((0, 2920), (2920, 5320), (5320, 7214)),
    )


def test_real_visits_end_to_end(tmp_path):
    from manyfit.spectra import read_regions

    model, regions = real_cannon(), read_regions(data("masks/continuum-regions.list"))
    (tmp_path / "broken.fits").write_text("SIMPLE  = nothing")
    names = ["apVisit-r13-9518-57729-104.fits", "apVisit-r13-5095-55844-128.fits"]
    paths = [data(names[0]), tmp_path / "broken.fits", tmp_path / "missing.fits", data(names[1])]
    prepare = survey_spectra(model, continuum_regions=regions)
    summary = infer_files(model, paths, tmp_path / "labels.fits", prepare=prepare, block=3)
    assert [p.rpartition("/")[2] for p, _ in summary.failed_files] == ["broken.fits", "missing.fits"]
    found = columns(tmp_path / "labels.fits")
    assert [
        i.decode().rpartition("/")[2] if isinstance(i, bytes) else i.rpartition("/")[2] for i in found["id"]
    ] == names
    assert (found["n_pixels"] > 6000).all()
    # two giants: a common one of solar metallicity, and a metal-poor one that is rich in alpha elements
    assert np.all((found["TEFF"] > 4300) & (found["TEFF"] < 5000) & (found["LOGG"] > 1) & (found["LOGG"] < 3.2))
    assert np.abs(found["FE_H"][0]) < 0.3
    assert found["FE_H"][1] < -0.8
    assert found["ALPHA_M"][1] > found["ALPHA_M"][0]
    assert (found["status"] == 0).all()


def test_no_file_that_can_be_used(tmp_path, model):
    with pytest.raises(InputError, match=r"None of 1 files.*missing\.fits"):
        infer_files(model, [tmp_path / "missing.fits"], tmp_path / "labels.fits", prepare=survey_spectra(model))
    assert list(tmp_path.iterdir()) == []
    assert len(apogee_grid()) == 8575

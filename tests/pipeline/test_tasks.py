"""Ready tasks: files of a survey, continuum, training, labels of many rows, products."""

from __future__ import annotations

import hashlib
from pathlib import Path

import luigi
import numpy as np
import pytest
from astropy.table import Table

from manyfit import datasets
from manyfit.errors import InputError
from manyfit.pipeline import Workspace
from manyfit.pipeline._run import run
from manyfit.pipeline.tasks import (
    ApStarFile,
    ApVisitFile,
    AspcapStarFile,
    CubeFit,
    Infer,
    MwmStarFile,
    MwmVisitFile,
    ProductTable,
    SinusoidalContinuum,
    SpectraFile,
    Train,
    Validate,
)
from tests.pipeline import survey

STAR = {"release": "dr16", **survey.FIELDS, "obj": survey.FIRST}


class ContinuumNormalize(SinusoidalContinuum, ApStarFile):
    combine = "coadd"

    def requires(self):
        return self.clone(ApStarFile)


class Visits(ContinuumNormalize):
    combine = "visits"


class StellarParameters(Infer, ApStarFile):
    def requires(self):
        return {"model": Train(**self.training), "spectrum": self.clone(ContinuumNormalize)}


class OfVisits(StellarParameters):
    def requires(self):
        return {"model": Train(**self.training), "spectrum": self.clone(Visits)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    monkeypatch.delenv("MANYFIT_SERVER", raising=False)
    monkeypatch.delenv("MANYFIT_TREE", raising=False)
    return tmp_path


@pytest.fixture
def training(archive):
    return {"training_set": str(archive / "dr14-apogee-giants.npz"), "label_names": survey.NAMES}


def build(*tasks):
    done = luigi.build(tasks, local_scheduler=True, log_level="ERROR")
    for entry in entries():
        if entry.error:
            print(entry.error)
    return done


def entries():
    return Workspace.current().index.entries()


# -- files of surveys --------------------------------------------------------------------------------------------------


def test_a_file_is_downloaded_when_it_runs(server):
    task = ApStarFile(**STAR, use_remote=True, server=server, tree="tree")
    assert not task.complete()
    assert not Path("tree").exists()
    assert build(task)
    assert task.complete()
    assert len(task.value()) == 5
    assert task.output().path == str(task.location())


def test_a_file_that_is_not_there(server, folder):
    task = ApStarFile(**STAR, tree="tree")
    assert not build(task)
    with pytest.raises(InputError, match="does not exist yet; use_remote=True downloads it"):
        task.run()
    with pytest.raises(FileNotFoundError):
        ApStarFile(**{**STAR, "obj": "2M2"}, tree="tree", use_remote=True, server=server).run()
    assert not list(folder.rglob("*.fits"))


def test_size_and_checksum(server, archive, folder):
    content = (next((archive / "sas").rglob("*.fits"))).read_bytes()
    right = "sha256:" + hashlib.sha256(content).hexdigest()
    where = {"use_remote": True, "server": server, "tree": "tree"}
    with pytest.raises(OSError, match="should have"):
        ApStarFile(**STAR, **where, size=len(content) + 1).run()
    with pytest.raises(OSError, match="sha256 sum"):
        ApStarFile(**STAR, **where, checksum="sha256:" + "0" * 64).run()
    assert not list(folder.rglob("*.fits"))
    ApStarFile(**STAR, **where, checksum=right, size=len(content)).run()
    assert ApStarFile(**STAR, **where).complete()


def test_places_by_configuration(server, archive, monkeypatch):
    monkeypatch.setenv("MANYFIT_TREE", str(archive / "sas"))
    assert ApStarFile(**STAR).complete()
    Path("luigi.cfg").write_text("")
    monkeypatch.delenv("MANYFIT_TREE")
    luigi.configuration.get_config().set("manyfit", "tree", str(archive / "sas"))
    try:
        assert ApStarFile(**STAR).complete()
    finally:
        luigi.configuration.get_config().remove_option("manyfit", "tree")
    assert not ApStarFile(**STAR).complete()


SIBLINGS = [
    (ApStarFile(**STAR), "dr16/apogee/spectro/redux/r12/stars/apo25m/000+14/apStar-r12-2M16505794-2118004.fits"),
    (
        ApVisitFile(release="DR17", apred="dr17", telescope="apo25m", field="F", plate=9518, mjd=57729, fiber=4),
        "dr17/apogee/spectro/redux/dr17/visit/apo25m/F/9518/57729/apVisit-dr17-9518-57729-004.fits",
    ),
    (
        AspcapStarFile(release="dr17", apred="dr17", aspcap="synspec", telescope="apo25m", field="F", obj="2M1"),
        "dr17/apogee/spectro/aspcap/dr17/synspec/apo25m/F/aspcapStar-dr17-2M1.fits",
    ),
    (
        MwmStarFile(release="dr19", v_astra="0.6.0", sdss_id=99560123),
        "dr19/spectro/astra/0.6.0/spectra/star/01/23/mwmStar-0.6.0-99560123.fits",
    ),
    (
        MwmVisitFile(release="dr19", v_astra="0.6.0", sdss_id=99560123),
        "dr19/spectro/astra/0.6.0/spectra/visit/01/23/mwmVisit-0.6.0-99560123.fits",
    ),
]


@pytest.mark.parametrize(("task", "path"), SIBLINGS, ids=lambda part: type(part).__name__)
def test_where_files_are(task, path):
    assert task.location().as_posix() == f"survey_files/{path}"


def test_bits(archive):
    names = ApStarFile(**STAR, tree=str(archive / "sas"), bits="SIG_SKYLINE,3")
    assert names.chosen_bits() == ["SIG_SKYLINE", 3]
    assert names.identity != ApStarFile(**STAR, tree=str(archive / "sas")).identity
    assert len(names.value()) == 5


# -- continuum ---------------------------------------------------------------------------------------------------------


class Continuum(SinusoidalContinuum, SpectraFile):
    def requires(self):
        return self.clone(SpectraFile)


@pytest.fixture
def star(archive):
    return str(next((archive / "sas").rglob("*.fits")))


@pytest.mark.parametrize(("combine", "rows"), [("coadd", 1), ("stack", 1), ("visits", 3), ("all", 5)])
def test_rows_of_a_star(star, combine, rows):
    task = Continuum(path=star, combine=combine)
    assert build(task)
    s = task.value()
    assert len(s) == rows
    inside = s.flux[:, survey.USED]
    assert 0.9 < np.median(inside) < 1.05
    assert s.frame == "rest"
    assert s.medium == "vacuum"
    made = task.compute(task.values())
    np.testing.assert_array_equal(s.flux, made.flux)
    np.testing.assert_array_equal(s.ivar, made.ivar)
    np.testing.assert_array_equal(s.bitmask, made.bitmask)
    np.testing.assert_array_equal(s.wavelength.value, made.wavelength.value)
    assert s.bits == made.bits
    assert list(s.rows["kind"]) == list(made.rows["kind"])


def test_the_product_is_a_file_that_others_read(star):
    from manyfit.spectra import read

    task = Continuum(path=star)
    build(task)
    np.testing.assert_array_equal(read(task.output().path, bits=()).flux, task.value().flux)


def test_one_continuum_parameter_re_runs_what_depends_on_it(archive, training, star):
    class Labels(Infer, SpectraFile):
        def requires(self):
            return {"model": Train(**self.training), "spectrum": Continuum(path=self.path, order=self.continuum_order)}

        continuum_order = luigi.IntParameter(default=3)

    build(Labels(path=star, training=training))
    before = {entry.identity for entry in entries()}
    build(Labels(path=star, training=training, continuum_order=2))
    assert sorted(e.task for e in entries() if e.identity not in before) == ["Continuum", "Labels"]


# -- labels ------------------------------------------------------------------------------------------------------------


def test_labels_of_one_star(archive, training):
    task = StellarParameters(**STAR, tree=str(archive / "sas"), training=training)
    assert build(task)
    labels = task.value()
    assert abs(labels["TEFF"][0] - 4700) < 40
    assert 0.7 < labels.reduced_chi2[0] < 1.3
    made = task.compute(task.values())
    np.testing.assert_array_equal(labels.covariance, made.covariance)
    np.testing.assert_array_equal(labels.chip_chi2, made.chip_chi2)


def test_visits_become_lists(archive, training):
    task = OfVisits(**STAR, tree=str(archive / "sas"), training=training)
    build(task)
    assert len(task.value()) == 3
    with pytest.raises(InputError, match=r"labels of 3 spectra. Combine them, or give lists=True"):
        task.to_row(task.value())
    lists = OfVisits(**STAR, tree=str(archive / "sas"), training=training, lists=True)
    assert len(lists.to_row(task.value())["TEFF"]) == 3


@pytest.fixture(scope="session")
def stars(tmp_path_factory):
    """Two hundred stars with one visit each, and their labels."""
    tree = tmp_path_factory.mktemp("stars")
    labels = survey.random_labels(200, np.random.default_rng(3))
    for i, each in enumerate(labels):
        survey.write_star(tree, f"2M{i:04d}", each, n_visits=1, snr=100.0, seed=i)
    return tree, labels


def table_of(names, path="observed.parquet"):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"obj": names, "release": ["dr16"] * len(names)}), path)
    return path


FIELDS = survey.FIELDS


def test_two_hundred_stars_with_one_model(stars, training):
    tree, truth = stars
    table = table_of([f"2M{i:04d}" for i in range(200)])
    task = StellarParameters.for_rows(table, **FIELDS, tree=str(tree), training=training)
    assert build(task)
    value = task.value()
    assert set(value["status"]) == {"done"}
    assert [entry.task for entry in entries()].count("Train") == 1
    assert sorted(entry.task for entry in entries()) == ["StellarParametersRows", "Train"]
    for i, (name, limit) in enumerate(zip(survey.NAMES, [30, 0.1, 0.04], strict=True)):
        difference = np.asarray(value[name]) - truth[:, i]
        assert np.median(np.abs(difference)) < limit
        assert 0.5 < 1.4826 * np.median(np.abs(difference / np.asarray(value[f"{name}_ERR"]))) < 2
    # a row is what the task of that star alone gives
    one = StellarParameters(release="dr16", obj="2M0007", **FIELDS, tree=str(tree), training=training)
    build(one)
    assert one.value()["TEFF"][0] == value["TEFF"][7]
    before = entries()
    assert build(StellarParameters.for_rows(table, **FIELDS, tree=str(tree), training=training))
    assert entries() == before


def test_pending_downloaded_and_damaged_rows(archive, server, training, folder):
    here = folder / "tree"
    name = survey.write_star(here, "2M0001", [4600.0, 2.0, -0.1], n_visits=1).name
    assert name.endswith("2M0001.fits")
    damaged = survey.write_star(here, "2M0002", [4600.0, 2.0, -0.1], n_visits=1)
    damaged.write_bytes(damaged.read_bytes()[:5000])
    table = table_of(["2M0001", "2M0002", survey.FIRST, "2M9999"])
    rows = {**FIELDS, "tree": str(here), "training": training}
    task = StellarParameters.for_rows(table, **rows)
    assert build(task)
    assert task.value()["status"].tolist() == ["done", "failed", "pending", "pending"]
    remote = StellarParameters.for_rows(table, **rows, use_remote=True, server=server)
    assert not remote.complete()
    assert build(remote)
    value = remote.value()
    assert value["status"].tolist() == ["done", "failed", "done", "pending"]
    assert "2M9999" in value["error"][3]
    assert "apStar-r12-2M0002.fits" in value["error"][1]
    assert abs(value["TEFF"][2] - 4700) < 40
    survey.write_star(archive / "sas", "2M9999", [4500.0, 1.8, 0.0], n_visits=1)
    assert remote.complete()
    counts = run([remote], retry_failed=True).rows
    next((archive / "sas").rglob("*2M9999.fits")).unlink()
    assert str(counts[0]) == "StellarParametersRows: 3 done, 1 failed rows"
    assert build(task)
    assert task.value()["status"].tolist() == ["done", "failed", "done", "done"]
    assert task.value()["covariance"].shape == (4, 9)


def test_a_tree_that_moves_changes_nothing(stars, training, folder):
    tree, _ = stars
    table = table_of(["2M0001", "2M0002"])
    task = StellarParameters.for_rows(table, **FIELDS, tree=str(tree), training=training)
    build(task)
    (folder / "moved").symlink_to(tree)
    moved = StellarParameters.for_rows(table, **FIELDS, tree="moved", training=training)
    assert moved.complete()
    elsewhere = StellarParameters.for_rows(table, **FIELDS, tree="nowhere", training=training)
    assert list(elsewhere.state().pending) == [0, 1]


def test_requirements_that_are_missing(archive, training):
    class NoModel(Infer, ApStarFile):
        def requires(self):
            return {"spectrum": self.clone(ContinuumNormalize)}

    class NoSpectrum(Infer, ApStarFile):
        def requires(self):
            return {"model": Train(**self.training)}

    class NoTask(Infer, ApStarFile):
        def requires(self):
            return {"model": "a model"}

    where = {**STAR, "tree": str(archive / "sas"), "training": training}
    with pytest.raises(InputError, match=r"requires\(\) of NoModel gives no 'model'"):
        NoModel(**where).compute({"spectrum": None})
    with pytest.raises(InputError, match=r"requires\(\) of NoSpectrum gives 'model'. Give a 'model' and"):
        NoSpectrum(**where).compute({"model": None})
    with pytest.raises(InputError, match=r"requires\(\) of NoTask gives 'a model' as 'model'. Give a task"):
        NoTask(**where).complete()


def test_another_grid_is_an_error_of_that_star(archive, training, folder):
    np.savez(folder / "other.npz", wavelength=np.linspace(15100, 15200, 50), flux=np.ones(50), ivar=np.ones(50))

    class Plain(Infer, SpectraFile):
        def requires(self):
            return {"model": Train(**self.training), "spectrum": self.clone(SpectraFile)}

    task = Plain(path="other.npz", training=training)
    assert not build(task)
    assert "Resample" in entries()[-1].error


# -- validation, products ----------------------------------------------------------------------------------------------


def test_validate(training):
    task = Validate(**training, folds=3)
    assert build(task)
    table = task.value()
    assert len(table) == 150
    assert sorted(set(table["fold"])) == [0, 1, 2]
    assert table.meta["LABEL0"] == "TEFF"
    assert 0.8 < table.meta["PULL0"] < 1.2
    assert np.all(table["TEFF_ERR"] >= table["TEFF_ERR_FORMAL"])
    assert np.median(np.abs(table["TEFF"] - table["TEFF_TRUE"])) < 40


def test_training_that_calibrates_errors(training):
    task = Train(**training, folds=3)
    assert build(task)
    assert task.value().calibration is not None
    assert Train(**training).identity != task.identity


@pytest.mark.parametrize("suffix", [".fits", ".parquet"])
def test_product_table(stars, training, suffix):
    tree, _ = stars

    class Catalogue(ProductTable):
        columns = ("obj", "TEFF", "covariance")

        def requires(self):
            table = table_of(["2M0001", "2M0002", "2Mnot"])
            return StellarParameters.for_rows(table, **FIELDS, tree=str(tree), training=training)

    Catalogue.suffix = suffix
    task = Catalogue()
    assert build(task)
    table = task.value()
    assert table.colnames == ["obj", "TEFF", "covariance"]
    assert table["obj"].tolist() == ["2M0001", "2M0002", "2Mnot"]
    assert np.ma.getmaskarray(table["TEFF"]).tolist() == [False, False, True] or np.isnan(table["TEFF"][2])


def test_product_table_of_tasks(archive, training):
    class Both(ProductTable):
        def requires(self):
            tree = str(archive / "sas")
            return [StellarParameters(**STAR, tree=tree, training=training, n_starts=n) for n in (1, 4)]

    task = Both()
    assert build(task)
    assert len(task.value()) == 2
    with pytest.raises(InputError, match=r"Column of Both 'TEF' is not known. .*Did you mean 'TEFF'"):
        Both(columns=("TEF",)).compute(task.values())


def test_cube_fit(folder):
    datasets.simulate_clouds_cube().write("clouds.fits")
    task = CubeFit(path="clouds.fits", spectral_unit="km/s")
    assert build(task)
    result = task.value()
    assert result["mean"].unit == "km / s"
    assert np.isfinite(result["mean"].value).sum() > 200
    Table({"path": ["clouds.fits"]}).write("cubes.csv")
    rows = CubeFit.for_rows("cubes.csv", spectral_unit="km/s")
    assert build(rows)
    assert rows.value()["good"][0] > 200


def test_cube_fit_on_a_dask_cluster(folder):
    distributed = pytest.importorskip("distributed")
    datasets.simulate_clouds_cube().write("clouds.fits")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    ) as cluster:
        task = CubeFit(path="clouds.fits", spectral_unit="km/s", scheduler=cluster.scheduler_address)
        assert task.identity == CubeFit(path="clouds.fits", spectral_unit="km/s").identity
        assert build(task), entries()[-1].error
    assert np.isfinite(task.value()["mean"].value).sum() > 200

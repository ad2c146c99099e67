"""Training sets from every kind of file are the same training set."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from manyfit.cannon import TrainingSet, train
from manyfit.errors import InputError, ManyfitWarning, OutputExists
from tests.cannon.semireal import data
from tests.cannon.stars import simulate

STARS = simulate(40, 30)
ERRORS = np.full((40, 2), [50.0, 0.1])
IDS = np.array([f"star {n}" for n in range(40)])
ARRAYS = {
    "wavelength": STARS.wavelength,
    "flux": STARS.flux,
    "ivar": STARS.ivar,
    "labels": STARS.labels,
    "label_names": np.array(STARS.label_names),
    "label_errors": ERRORS,
    "ids": IDS,
}


def as_npz(path):
    np.savez(path, **ARRAYS)


def as_small_npz(path):
    np.savez_compressed(path, **ARRAYS)


def as_tutorial(path):
    names = ("wavelength", "flux", "ivar")
    content = {name: ARRAYS[name] for name in names} | {"labels": STARS.labels.T, "label_names": STARS.label_names}
    path.write_bytes(pickle.dumps(content | {"label_errors": ERRORS.T, "ids": list(IDS)}, 2))


def label_columns():
    columns = {"TEFF": STARS.labels[:, 0], "TEFF_ERR": ERRORS[:, 0], "LOGG": STARS.labels[:, 1]}
    return columns | {"LOGG_ERR": ERRORS[:, 1], "ID": IDS, "field": np.arange(40)}


def as_images(path):
    images = [fits.ImageHDU(ARRAYS[name], name=name.upper()) for name in ("wavelength", "flux", "ivar")]
    table = fits.table_to_hdu(Table(label_columns()))
    fits.HDUList([fits.PrimaryHDU(), *images, table]).writeto(path)


def as_table(path):
    table = fits.table_to_hdu(Table(label_columns() | {"flux": STARS.flux, "ivar": STARS.ivar}))
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(STARS.wavelength, name="WAVE")]).writeto(path)


def as_parquet(path, *, fixed=True):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def lists(values):
        if not fixed:
            return pa.array(values.tolist())
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])

    table = pa.table(label_columns() | {"flux": lists(STARS.flux), "ivar": lists(STARS.ivar)})
    pq.write_table(table.replace_schema_metadata({"wavelength": json.dumps(STARS.wavelength.tolist())}), path)


def as_parquet_of_lists(path):
    as_parquet(path, fixed=False)


KINDS = [
    (as_npz, "a.npz"),
    (as_small_npz, "b.npz"),
    (as_tutorial, "c.pkl"),
    (as_images, "d.fits"),
    (as_table, "e.fits"),
    (as_parquet, "f.parquet"),
    (as_parquet_of_lists, "g.parquet"),
]


@pytest.mark.parametrize(("write", "name"), KINDS)
def test_every_kind_of_file(tmp_path, write, name):
    write(tmp_path / name)
    stars = TrainingSet.read(tmp_path / name)
    assert stars.label_names == ("TEFF", "LOGG")
    for attribute in ("wavelength", "flux", "ivar", "labels"):
        np.testing.assert_array_equal(getattr(stars, attribute), ARRAYS[attribute])
    np.testing.assert_array_equal(stars.label_errors, ERRORS)
    assert [str(i) for i in stars.ids] == IDS.tolist()
    one = TrainingSet.read(tmp_path / name, labels=["LOGG"])
    np.testing.assert_array_equal(one.labels, STARS.labels[:, 1:])


@pytest.mark.parametrize(("write", "name"), KINDS)
def test_truncated_files(tmp_path, write, name):
    path = tmp_path / name
    write(path)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    with pytest.raises(InputError, match=name):
        TrainingSet.read(path)


def test_unknown_label(tmp_path):
    as_npz(tmp_path / "a.npz")
    with pytest.raises(InputError, match="Did you mean 'TEFF'"):
        TrainingSet.read(tmp_path / "a.npz", labels=["TEF"])


@pytest.mark.parametrize("missing", ["wavelength", "flux", "ivar", "labels", "label_names"])
def test_missing_arrays(tmp_path, missing):
    np.savez(tmp_path / "a.npz", **{name: array for name, array in ARRAYS.items() if name != missing})
    with pytest.raises(InputError, match=f"no '{missing}'"):
        TrainingSet.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"wavelength": STARS.wavelength[:-1]},
        {"wavelength": STARS.wavelength[::-1]},
        {"ivar": STARS.ivar[:, :-1]},
        {"labels": STARS.labels[:-1]},
        {"flux": STARS.flux[0]},
        {"flux": STARS.flux.astype(str)},
    ],
)
def test_arrays_that_do_not_belong_together(tmp_path, changes):
    np.savez(tmp_path / "a.npz", **(ARRAYS | changes))
    with pytest.raises(InputError, match=r"a\.npz"):
        TrainingSet.read(tmp_path / "a.npz")


def test_objects_in_npz_are_not_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", **(ARRAYS | {"ids": np.array([{}], dtype=object)}))
    with pytest.raises(InputError, match=r"object|Object"):
        TrainingSet.read(tmp_path / "a.npz")


def test_other_files(tmp_path):
    (tmp_path / "a.txt").write_text("flux 1 2 3")
    with pytest.raises(InputError, match="no known kind"):
        TrainingSet.read(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError):
        TrainingSet.read(tmp_path / "b.npz")


def test_large_arrays_stay_in_the_file(tmp_path):
    stars = simulate(300, 600)
    stars.write(tmp_path / "a.npz")
    again = TrainingSet.read(tmp_path / "a.npz")
    assert isinstance(again.flux, np.memmap)
    assert not again.flux.flags.writeable
    np.testing.assert_array_equal(again.flux, stars.flux)
    np.testing.assert_array_equal(train(again, hidden=0).theta, train(stars, hidden=0).theta)


def test_write(tmp_path):
    STARS.write(tmp_path / "a.npz")
    with pytest.raises(OutputExists):
        STARS.write(tmp_path / "a.npz")
    STARS.write(tmp_path / "a.npz", overwrite=True)
    with pytest.raises(InputError, match=r"\.npz"):
        STARS.write(tmp_path / "a.fits")
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_mask_and_missing_labels(tmp_path):
    labels, mask = STARS.labels.copy(), np.zeros(STARS.flux.shape, dtype="u1")
    labels[3, 1], mask[2, 5] = np.nan, 4
    np.savez(tmp_path / "a.npz", **(ARRAYS | {"labels": labels, "mask": mask}))
    stars = TrainingSet.read(tmp_path / "a.npz")
    assert np.argwhere(np.isnan(stars.labels)).tolist() == [[3, 1]]
    assert np.argwhere(stars.mask).tolist() == [[2, 5]]


def test_standard_deviations_in_place_of_ivar(tmp_path):
    sigma = 1 / np.sqrt(STARS.ivar)
    np.savez(tmp_path / "a.npz", **(ARRAYS | {"ivar": sigma}))
    with pytest.warns(ManyfitWarning, match="standard deviations"):
        TrainingSet.read(tmp_path / "a.npz")
    sigma[0, 0] = 0
    arrays = {name: array for name, array in ARRAYS.items() if name != "ivar"}
    np.savez(tmp_path / "b.npz", **arrays, flux_err=sigma)
    again = TrainingSet.read(tmp_path / "b.npz").ivar
    assert again[0, 0] == 0
    np.testing.assert_allclose(again[1:], STARS.ivar[1:])


@pytest.mark.filterwarnings("ignore:Labels 'TEFF' and 'LOGG' have a correlation")
def test_671_real_stars():
    stars = TrainingSet.read(
        data("annieslasso_real_subset.npz"), wavelength=np.arange(100.0), label_names=["TEFF", "LOGG", "FE_H"]
    )
    model = train(stars, hidden=0)
    known = np.std(stars.labels, axis=0)
    table = model.infer(stars.flux, stars.ivar)
    assert table.good.mean() > 0.95
    scatter = np.std((table.labels - stars.labels)[table.good], axis=0)
    assert np.all(scatter < 0.8 * known)  # 100 pixels say little; without them it would be 1

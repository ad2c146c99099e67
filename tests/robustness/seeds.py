"""Valid files of every kind that manyfit opens: small, and made by manyfit and by others."""

from __future__ import annotations

import warnings
from pathlib import Path

import h5py
import numpy as np
import zarr
from astropy.io import fits
from astropy.modeling.models import Gaussian1D
from astropy.table import QTable

import manyfit
from manyfit.cannon import Calibration
from manyfit.cannon._model_parts import parts_of
from manyfit.tsmap import Axes, Axis, Counts, HealpixAxis, Orientation, write_detector_response
from manyfit.tsmap import write_point_source_response as write_point_source
from tests.cannon.stars import simulate
from tests.tsmap.files import write_histogram
from tests.tsmap.maps import a_map

CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "VRAD", "CUNIT1": "deg", "CUNIT2": "deg", "CUNIT3": "km/s",
    "CRVAL1": 50.0, "CRVAL2": 30.0, "CRVAL3": -2.0, "CRPIX1": 1.0, "CRPIX2": 1.0, "CRPIX3": 1.0,
    "CDELT1": -0.01, "CDELT2": 0.01, "CDELT3": 0.5, "RESTFRQ": 1.1e11, "BUNIT": "K",
}  # fmt: skip
ENERGIES = np.geomspace(100, 1000, 4)


def cube() -> np.ndarray:
    rng, x = np.random.default_rng(0), np.arange(12.0)[:, None, None]
    return (np.exp(-((x - 5) ** 2) / 4) + rng.normal(0, 0.05, (12, 2, 3))).astype(np.float32)


def result() -> manyfit.FitResult:
    return manyfit.fit(Gaussian1D(1, 5, 1.5), fits.PrimaryHDU(cube(), fits.Header(CARDS)), fitting_axes=0)


def write_fits(folder: Path) -> None:
    header, rng = fits.Header(CARDS), np.random.default_rng(0)
    noise = fits.ImageHDU(np.full((12, 2, 3), 0.05, ">f4"), header, name="ERR")
    fits.HDUList([fits.PrimaryHDU(cube(), header), noise]).writeto(folder / "cube.fits")
    scaled = fits.PrimaryHDU((cube() * 1000).astype(np.int16), header)
    scaled.header.update({"BSCALE": 0.001, "BZERO": 0.5, "BLANK": -32768})
    scaled.writeto(folder / "scaled.fits")
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(cube(), header)]).writeto(folder / "tiled.fits")
    result().to_fits(folder / "result.fits")
    a_map().to_fits(folder / "map.fits")
    stars = simulate(30, 12)
    QTable({"flux": stars.flux, "ivar": stars.ivar, "TEFF": stars.labels[:, 0], "LOGG": stars.labels[:, 1]}).write(
        folder / "training.fits"
    )
    model(stars).save(folder / "model.fits")
    wave = np.linspace(5000, 5100, 40)
    columns = [fits.Column("wavelength", "D", "Angstrom", array=wave), fits.Column("flux", "E", array=np.ones(40))]
    columns.append(fits.Column("ivar", "E", array=np.full(40, 4.0)))
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(folder / "spectrum.fits")
    image = fits.PrimaryHDU(np.ones((1, 40), np.float32))
    image.header.update({"CRVAL1": 3.7, "CDELT1": 1e-4, "CRPIX1": 1.0, "CTYPE1": "LOG-LAMBDA", "DC-FLAG": 1})
    image.writeto(folder / "loglinear.fits")
    table = {"TimeStamp": np.arange(5.0), "XPointings": rng.uniform(0, 90, (5, 2))}
    table |= {"ZPointings": rng.uniform(0, 90, (5, 2)), "LiveTime": np.ones(5)}
    fits.BinTableHDU.from_columns(
        [fits.Column(n, "D" if v.ndim == 1 else "2D", array=v) for n, v in table.items()]
    ).writeto(folder / "orientation.fits")


def model(stars: manyfit.cannon.TrainingSet) -> manyfit.cannon.CannonModel:
    from dataclasses import replace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = manyfit.cannon.train(stars, order=1, hidden=0)
    return replace(trained, calibration=Calibration(np.array([2.0, 3.0]), np.array([10.0, 0.1])))


def axes() -> Axes:
    sky = [HealpixAxis(name, 1, frame="spacecraft") for name in ("NuLambda", "PsiChi")]
    energies = [Axis(name, ENERGIES, "log", "keV") for name in ("Ei", "Em")]
    return Axes([sky[0], *energies, Axis("Phi", [0, 90, 180], unit="deg"), sky[1]])


def write_hdf5(folder: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(folder / "cube.h5", "w") as file:
        data = file.create_dataset("spectra/flux", data=cube(), chunks=(4, 2, 3), compression="gzip")
        data.attrs.update({"units": "K", "scale_factor": 2.0, "_FillValue": -1.0})
        file["velocity"] = np.arange(12.0)
        file["velocity"].attrs["units"] = "km/s"
        file["velocity"].make_scale("velocity")
        data.dims[0].attach_scale(file["velocity"])
    shape = axes().shape
    write_detector_response(folder / "response.h5", axes(), rng.integers(0, 9, shape), np.ones(3), compressed=False)
    write_point_source(folder / "psr.h5", axes(), rng.random(shape))
    counts_axes = Axes([Axis("Time", [0, 10, 20]), *list(axes())[2:]])
    Counts.from_dense(counts_axes, rng.poisson(1.0, counts_axes.shape)).write(folder / "counts.h5")
    named = [{"label": "Em", "edges": ENERGIES}, {"label": "Phi", "edges": np.array([0, 90.0, 180])}]
    for layout in ("dense", "gcxs"):
        write_histogram(folder / f"{layout}.h5", rng.poisson(1.0, (3, 2)).astype(float), named, layout=layout)
    stars = simulate(30, 12)
    with h5py.File(folder / "stars.h5", "w") as file:
        file.update({"flux": stars.flux, "ivar": stars.ivar, "wavelength": stars.wavelength})


def write_zarr(folder: Path) -> None:
    header = fits.PrimaryHDU(cube(), fits.Header(CARDS))
    manyfit.fit(Gaussian1D(1, 5, 1.5), header, fitting_axes=0, store=folder / "store.zarr")
    for version in (2, 3):
        group = zarr.open_group(folder / f"group{version}.zarr", mode="w", zarr_format=version)
        names = {"dimension_names": ("v", "y", "x")} if version == 3 else {}
        data = group.create_array("data", shape=(12, 2, 3), chunks=(4, 2, 3), dtype="f4", **names)
        data[:] = cube()
        data.attrs.update({"units": "K", "scale_factor": 2.0, "_ARRAY_DIMENSIONS": ["v", "y", "x"]})
        velocity = group.create_array("v", shape=(12,), dtype="f8", **({"dimension_names": ("v",)} if names else {}))
        velocity[:] = np.arange(12.0)
        velocity.attrs.update({"units": "km/s", "_ARRAY_DIMENSIONS": ["v"]})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(folder / f"group{version}.zarr")


def write_archives(folder: Path) -> None:
    """Archives of NumPy, and texts."""
    stars, ones = simulate(30, 12), np.ones((2, 40))
    np.savez(folder / "spectra.npz", wavelength=np.linspace(5000, 5100, 40), flux=ones, ivar=ones)
    stars.write(folder / "training.npz")
    model(stars).save(folder / "model.npz")
    assert parts_of(model(stars)).header
    a_map().to_ecsv(folder / "map.ecsv")
    rows = np.random.default_rng(0).uniform(0, 90, (4, 2))
    Orientation(np.arange(4.0), rows, rows[::-1], np.ones(3)).write(folder / "orientation.ori")


WRITERS = {"fits": write_fits, "hdf5": write_hdf5, "zarr": write_zarr, "archive": write_archives}

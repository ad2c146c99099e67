"""Spectra from files: each format, told by its content, with what is in it."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import pickle
from typing import ClassVar

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable, Table

from manyfit.errors import InputError, InputTypeError
from manyfit.spectra import Spectra, read
from tests.spectra import files
from tests.spectra.files import GRID, saved


@pytest.fixture
def path(tmp_path):
    # a name that says nothing, or the wrong thing
    return tmp_path / "spec-lamost-apVisit.dat"


class TestApStar:
    def test_rows_0_and_1_are_coadds(self, path):
        s = read(saved(files.apstar(3), path))
        assert list(s.rows["kind"]) == ["coadd", "coadd", "visit", "visit", "visit"]
        assert list(s.rows["weighting"]) == ["pixel", "global", "", "", ""]
        assert s.coadd.flux[0, 10] == 10
        assert s.visits.flux[:, 10].tolist() == [210, 310, 410]
        assert s.coadds.flux[:, 10].tolist() == [10, 110]
        assert (s.medium, s.frame, s.meta["format"]) == ("vacuum", "rest", "apStar")
        np.testing.assert_allclose(s.wavelength.to_value("AA"), GRID, rtol=1e-15)

    def test_one_visit_is_its_own_coadd(self, path):
        s = read(saved(files.apstar(1), path))
        assert list(s.rows["kind"]) == ["visit"]
        assert s.coadd is s

    def test_metadata_of_each_visit(self, path):
        rows = read(saved(files.apstar(3), path)).rows
        np.testing.assert_array_equal(rows["snr"], [120, np.nan, 10, 20, 30])
        np.testing.assert_array_equal(rows["rv"], [5, 5, 6, 7, 8])
        np.testing.assert_array_equal(rows["mjd"], [np.nan, np.nan, 56001, 56002, 56003])
        assert set(rows["velocity"]) == {0}
        assert set(rows["object"]) == {"2M00"}

    def test_error_of_1e10_or_0_and_bad_bits_are_unusable(self, path):
        s = read(saved(files.apstar(1), path))
        assert np.flatnonzero(s.ivar[0] == 0).tolist() == [3, 4, 5, 7]
        assert set(s.ivar[0][s.ivar[0] > 0]) == {0.25}

    @pytest.mark.parametrize(
        ("bits", "unusable"),
        [((), [3, 4]), ((12,), [3, 4, 6]), (("SIG_SKYLINE", 1), [3, 4, 5, 6]), (["NOT_ENOUGH_PSF"], [3, 4, 7])],
    )
    def test_bits_are_chosen(self, path, bits, unusable):
        s = read(saved(files.apstar(1), path), bits=bits)
        assert np.flatnonzero(s.ivar[0] == 0).tolist() == unusable
        assert s.bitmask[0, [5, 6, 7]].tolist() == [2, 4096, 1 << 14]

    def test_more_bits_after_reading(self, path):
        s = read(saved(files.apstar(1), path))
        assert np.flatnonzero(~s.good(["SIG_SKYLINE"])[0]).tolist() == [3, 4, 5, 6, 7]
        assert np.flatnonzero(s.without([12]).ivar[0] == 0).tolist() == [3, 4, 5, 6, 7]

    @pytest.mark.parametrize(("dtype", "mask_dtype"), [(np.float64, np.int64), (np.float32, np.int32)])
    def test_types_of_all_releases(self, path, dtype, mask_dtype):
        s = read(saved(files.apstar(2, dtype=dtype, mask_dtype=mask_dtype), path))
        assert len(s.visits) == 2
        assert s.flux.dtype == np.float64

    @pytest.mark.parametrize(("n_visits", "rows"), [(3, 4), (1, 3), (2, 5)])
    def test_rows_that_do_not_fit_the_number_of_visits(self, path, n_visits, rows):
        with pytest.raises(InputError, match=f"has {rows} rows and says NVISITS = {n_visits}"):
            read(saved(files.apstar(n_visits, rows=rows), path))

    def test_only_coadds(self, path):
        assert list(read(saved(files.apstar(3, rows=2), path)).rows["kind"]) == ["coadd", "coadd"]

    def test_unknown_bit(self, path):
        with pytest.raises(InputError, match=r"bit 'SIG_SKYLIN' is not known.*Did you mean 'SIG_SKYLINE'"):
            read(saved(files.apstar(1), path), bits=["SIG_SKYLIN"])

    def test_synthetic_file_with_four_visits(self, real):
        s = read(real("synthetic_apStar.fits"))
        reference = np.load(real("ref_continuum.npz"))
        assert (len(s.coadds), len(s.visits)) == (2, 4)
        np.testing.assert_allclose(s.wavelength.value, reference["wavelength"], rtol=1e-15)
        used = s.ivar > 0
        np.testing.assert_allclose(s.flux, reference["flux"], rtol=1e-7)
        np.testing.assert_allclose(s.ivar[used], reference["ivar"][used], rtol=1e-6)
        assert not used[(reference["mask"] & 1) != 0].any()
        assert reference["ivar"][~used & (reference["mask"] == 0)].max(initial=0) < 1e-15


def test_aspcapstar(path):
    s = read(saved(files.aspcapstar(), path))
    assert (s.meta["format"], s.rows["kind"][0], s.frame, s.bitmask) == ("aspcapStar", "coadd", "rest", None)
    assert s.meta["labels"]["TEFF"][0] == 4800
    np.testing.assert_allclose(s.meta["model"] - s.flux[0], 0.001, atol=1e-6)
    assert np.flatnonzero(s.ivar[0] == 0).tolist() == [2]
    assert s.unit == u.dimensionless_unscaled


class TestApVisit:
    def test_chips_are_put_in_order(self, path):
        s = read(saved(files.apvisit(), path))
        assert (np.diff(s.wavelength.value) > 0).all()
        np.testing.assert_allclose(s.flux[0], s.wavelength.value, rtol=1e-7)
        assert s.ivar[0, -1] == 0
        assert s.ivar[0, :-1].min() == 1

    def test_velocity_in_the_frame_of_the_telescope(self, path):
        s = read(saved(files.apvisit(), path))
        assert s.frame == "observed"
        assert (s.rows["velocity"][0], s.rows["rv"][0], s.rows["mjd"][0]) == (20, 30, 56000.75)

    @pytest.mark.parametrize("name", ["apVisit-r13-5095-55844-128.fits", "apVisit-r13-9518-57729-104.fits"])
    def test_real(self, real, name):
        s = read(real(name))
        with fits.open(real(name)) as hdus:
            header, wavelength, flux, error = hdus[0].header, hdus[4].data, hdus[1].data, hdus[2].data
            back = np.searchsorted(s.wavelength.value, wavelength)
            np.testing.assert_array_equal(s.flux[0][back], flux)
            used = s.ivar[0][back] > 0
            np.testing.assert_allclose(s.ivar[0][back][used], error[used].astype(float) ** -2)
            assert s.rows["velocity"][0] == header["VRAD"]
            assert s.rows["velocity"][0] + header["BC"] == pytest.approx(s.rows["rv"][0], abs=1e-3)
        assert s.flux.shape == (1, 12288)
        assert 0.95 < (s.ivar > 0).mean() < 0.99


class TestMwm:
    def test_star(self, path):
        s = read(saved(files.mwm("star"), path))
        assert (len(s), s.rows["kind"][0], s.meta["hdu"], s.frame) == (1, "coadd", "APOGEE/APO", "rest")
        assert s.flux[0, 0] == 13
        assert np.flatnonzero(s.ivar[0] == 0).tolist() == [9]
        assert s.rows["object"][0] == "77"

    def test_visits(self, path):
        s = read(saved(files.mwm("visit"), path))
        assert list(s.rows["kind"]) == ["visit"] * 3
        assert list(s.rows["mjd"]) == [59000, 59001, 59002]
        assert list(s.rows["rv"]) == [1, 2, 3]

    def test_wavelengths_from_the_header(self, path):
        np.testing.assert_allclose(read(saved(files.mwm(wavelength=False), path)).wavelength.value, GRID)

    @pytest.mark.parametrize("hdu", [1, "BOSS/APO"])
    def test_several_instruments(self, path, hdu):
        saved(files.mwm(filled=(1, 3)), path)
        with pytest.raises(InputError, match=r"in 2 HDUs.*BOSS/APO: 1.*Say which with hdu="):
            read(path)
        s = read(path, hdu=hdu)
        assert s.flux[0, 0] == 11
        # flags of BOSS have other bits
        assert (s.ivar > 0).all()

    @pytest.mark.parametrize(("filled", "hdu", "match"), [((), None, "no spectra"), ((3,), 4, "no spectra in HDU 4")])
    def test_no_spectra(self, path, filled, hdu, match):
        with pytest.raises(InputError, match=match):
            read(saved(files.mwm(filled=filled), path), hdu=hdu)


class TestLamost:
    @pytest.mark.parametrize("table", [False, True])
    def test_both_layouts(self, path, table):
        s = read(saved(files.lamost(table), path))
        assert (s.meta["format"], s.medium, s.frame) == ("LAMOST LRS", "vacuum", "barycentric")
        assert np.flatnonzero(s.ivar[0] == 0).tolist() == [0, 2]
        assert s.rows["velocity"][0] == pytest.approx(29.9792458)
        assert s.wavelength.value[1] == pytest.approx(10**3.5683, rel=1e-14)
        assert s.meta["ormask"][3] == 8

    def test_real(self, real):
        s = read(real("spec-58397-EG014118N254444M01_sp03-031.fits"))
        assert s.flux.shape == (1, 3909)
        assert s.flux[0, 0] == pytest.approx(886.31, abs=0.01)
        assert (s.ivar[0] == 0).sum() == 48
        assert s.rows["velocity"][0] == pytest.approx(-1.92, abs=0.01)


class TestPlain:
    columns: ClassVar = {"Wave": np.linspace(5000, 5010, 11), "FLUX": np.arange(11.0), "sigma": np.full(11, 0.5)}

    def test_fits_table(self, path):
        table = Table(self.columns)
        table["Wave"].unit = "nm"
        table["FLUX"].unit = "Jy"
        table.write(path, format="fits")
        s = read(path)
        assert (s.wavelength.unit, s.unit) == (u.nm, u.Jy)
        assert s.ivar[0].tolist() == [4.0] * 11

    def test_log_wavelength_and_mask(self, path):
        mask = np.arange(11) == 4
        Table({"loglam": np.log10(self.columns["Wave"]), "flux": np.ones(11), "ivar": np.ones(11), "mask": mask}).write(
            path, format="fits"
        )
        s = read(path)
        np.testing.assert_allclose(s.wavelength.value, self.columns["Wave"])
        assert np.flatnonzero(s.ivar[0] == 0).tolist() == [4]

    def test_images_by_name(self, path):
        images = {"FLUX": np.ones((2, 11)), "IVAR": np.full((2, 11), 4.0), "WAVELENGTH": self.columns["Wave"]}
        hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(data, name=name) for name, data in images.items())]
        s = read(saved(fits.HDUList(hdus), path), frame="rest", medium="air")
        assert (s.flux.shape, s.frame, s.medium) == ((2, 11), "rest", "air")

    @pytest.mark.parametrize("log", [False, True])
    def test_wavelengths_of_the_header(self, path, log):
        primary = fits.PrimaryHDU(np.ones(11))
        values = (3.7, 1e-4) if log else (500.0, 0.1)
        primary.header.update({"CRVAL1": values[0], "CDELT1": values[1], "CRPIX1": 1, "BUNIT": "Jy"})
        primary.header.update({"CTYPE1": "LOG-LINEAR"} if log else {"CTYPE1": "WAVE", "CUNIT1": "nm"})
        s = read(saved(fits.HDUList([primary, fits.ImageHDU(np.full(11, 2.0), name="ERROR")]), path))
        expected = 10 ** (3.7 + 1e-4 * 10) if log else 5010
        assert s.wavelength[-1].to_value("AA") == pytest.approx(expected, rel=1e-12)
        assert s.ivar[0, 0] == 0.25
        assert s.unit == u.Jy

    def test_ecsv(self, path):
        table = QTable(self.columns)
        table["Wave"] = table["Wave"] * u.AA
        table["FLUX"], table["sigma"] = table["FLUX"] * u.Jy, 500 * u.mJy * np.ones(11)
        table.write(path, format="ascii.ecsv")
        s = read(path)
        assert s.ivar[0, 0] == pytest.approx(4)
        assert s.unit == u.Jy

    def test_npz(self, path):
        with path.open("wb") as file:
            np.savez(file, wavelength=self.columns["Wave"], flux=np.ones((3, 11)), variance=np.full((3, 11), 0.25))
        s = read(path)
        assert (len(s), s.ivar[0, 0], s.meta["format"]) == (3, 4, "npz")

    def test_packed(self, path):
        plain = saved(files.apstar(2), path.with_suffix(".x"))
        for i, pack in enumerate((gzip.compress, bz2.compress)):
            packed = path.with_suffix(f".{i}")
            packed.write_bytes(pack(plain.read_bytes()))
            assert len(read(packed).visits) == 2

    @pytest.mark.parametrize(
        ("missing", "match"),
        [
            ("Wave", "has no wavelength. Accepted names: wavelength"),
            ("sigma", "no inverse variance, error or variance"),
        ],
    )
    def test_missing_columns(self, path, missing, match):
        Table({name: data for name, data in self.columns.items() if name != missing}).write(path, format="fits")
        with pytest.raises(InputError, match=match):
            read(path)

    def test_no_wavelengths_at_all(self, path):
        hdus = fits.HDUList([fits.PrimaryHDU(np.ones(11)), fits.ImageHDU(np.ones(11), name="IVAR")])
        with pytest.raises(InputError, match="neither an HDU named WAVELENGTH nor CRVAL1"):
            read(saved(hdus, path))

    def test_real_npz_without_wavelengths(self, real):
        with pytest.raises(InputError, match=r"has no wavelength.*Found: snrs, spec_errs"):
            read(real("apogee_visits_2M06133561+2433362.npz"))


class TestSpecutils:
    axis = np.linspace(5000, 5010, 11) * u.AA

    @pytest.fixture(autouse=True)
    def _needs_specutils(self):
        pytest.importorskip("specutils")

    @pytest.mark.parametrize("kind", ["std", "var", "ivar"])
    def test_uncertainties(self, kind):
        from astropy.nddata import InverseVariance, StdDevUncertainty, VarianceUncertainty
        from specutils import Spectrum

        sigma = np.linspace(0.1, 1, 11)
        made = {
            "std": StdDevUncertainty(sigma),
            "var": VarianceUncertainty(sigma**2),
            "ivar": InverseVariance(sigma**-2),
        }[kind]
        mask = np.arange(11) == 3
        s = read(Spectrum(flux=np.arange(11.0) * u.Jy, spectral_axis=self.axis, uncertainty=made, mask=mask))
        np.testing.assert_allclose(s.ivar[0], np.where(mask, 0, sigma**-2))
        assert s.unit == u.Jy
        assert s.wavelength.unit == u.AA

    def test_frequencies_are_turned_round(self):
        from astropy.nddata import StdDevUncertainty
        from specutils import Spectrum

        frequency = np.linspace(100, 200, 5) * u.THz
        s = read(
            Spectrum(
                flux=np.arange(5.0) * u.Jy, spectral_axis=frequency, uncertainty=StdDevUncertainty(np.ones(5) * u.Jy)
            )
        )
        assert s.flux[0].tolist() == [4, 3, 2, 1, 0]
        assert s.wavelength[0].to_value("um") == pytest.approx(1.49896229)

    def test_list(self):
        from astropy.nddata import StdDevUncertainty
        from specutils import Spectrum, SpectrumList

        one = Spectrum(flux=np.ones(11) * u.Jy, spectral_axis=self.axis, uncertainty=StdDevUncertainty(np.ones(11)))
        other = Spectrum(flux=np.ones(11) * u.Jy, spectral_axis=self.axis * 2, uncertainty=one.uncertainty)
        assert len(read(SpectrumList([one, one]))) == 2
        with pytest.raises(InputError, match="different wavelengths"):
            read(SpectrumList([one, other]))

    def test_no_uncertainty(self):
        from specutils import Spectrum

        with pytest.raises(InputError, match="no uncertainty"):
            read(Spectrum(flux=np.ones(11) * u.Jy, spectral_axis=self.axis))

    def test_our_apstar_against_theirs(self, real):
        # specutils reads the first row only, without the mask, and tells the format by cards that this file lacks
        from specutils import Spectrum

        path = real("apVisit-r13-9518-57729-104.fits")
        theirs = Spectrum.read(path, format="APOGEE apVisit")
        ours = read(path, bits=())
        order = np.argsort(theirs.spectral_axis.to_value("AA"))
        np.testing.assert_allclose(ours.wavelength.value, theirs.spectral_axis.to_value("AA")[order], rtol=1e-12)
        np.testing.assert_array_equal(ours.flux[0], theirs.flux.value[order])


class TestBadInput:
    def test_unknown_content(self, path):
        path.write_bytes(b"hello, this is text")
        with pytest.raises(InputError, match=r"starts with b'hello, this is t'.*not FITS, ECSV or npz"):
            read(path)

    def test_empty(self, path):
        path.touch()
        with pytest.raises(InputError, match="is empty"):
            read(path)

    def test_fits_of_another_kind(self, path):
        with pytest.raises(InputError, match="is not one of the kinds lamost"):
            read(saved(fits.HDUList([fits.PrimaryHDU(np.ones((2, 2, 2)))]), path))

    def test_kind_that_does_not_match(self, path):
        with pytest.raises(InputError, match="is not a file of kind 'apvisit'"):
            read(saved(files.apstar(), path), kind="apvisit")

    def test_unknown_kind(self, path):
        with pytest.raises(InputError, match="Did you mean 'apstar'"):
            read(path, kind="apStarr")

    def test_missing_file(self, path):
        with pytest.raises(FileNotFoundError):
            read(path)

    def test_object_of_no_known_kind(self):
        with pytest.raises(InputTypeError, match="dict is not accepted"):
            read({})

    def test_pickles_are_not_loaded(self, path, tmp_path):
        class Evil:
            def __reduce__(self):
                return (tmp_path.joinpath("harm").touch, ())

        with path.open("wb") as file:
            np.savez(file, flux=np.array([Evil()], dtype=object), allow_pickle=True)
        with pytest.raises(InputError, match="cannot be read"):
            read(path)
        path.write_bytes(pickle.dumps(Evil()))
        with pytest.raises(InputError, match="not FITS, ECSV or npz"):
            read(path)
        assert not tmp_path.joinpath("harm").exists()

    @pytest.mark.parametrize("make", [files.apstar, files.apvisit, files.mwm, files.lamost, files.aspcapstar])
    def test_a_file_cut_anywhere_is_an_error_or_whole(self, path, make):
        whole = saved(make(), path).read_bytes()
        reference = read(path)
        for size in [1, 8, 9, 80, 2879, 2880, 2881, *range(3000, len(whole), 1357), len(whole) - 1]:
            path.write_bytes(whole[:size])
            with contextlib.suppress(InputError):
                s = read(path)
                # only what is behind the data may be missing
                np.testing.assert_array_equal(s.flux, reference.flux)
                np.testing.assert_array_equal(s.ivar, reference.ivar)

    @pytest.mark.parametrize("make", [files.apstar, files.apvisit, files.mwm, files.lamost])
    def test_damaged_bytes_are_an_error_or_are_read(self, path, make):
        whole = bytearray(saved(make(), path).read_bytes())
        rng = np.random.default_rng(1)
        for _ in range(60):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 8):
                damaged[place] = rng.integers(0, 256)
            path.write_bytes(damaged)
            with contextlib.suppress(InputError, OSError):
                assert isinstance(read(path), Spectra)

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
    def test_damage_in_a_packed_file_is_found(self, path, pack):
        whole = pack(saved(files.apstar(2), path).read_bytes())
        rng = np.random.default_rng(0)
        for i in range(40):
            damaged = bytearray(whole)
            damaged[rng.integers(20, len(whole))] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged if i % 2 else whole[: rng.integers(20, len(whole))])
            with pytest.raises(InputError, match="truncated or damaged"):
                read(path)

    @pytest.mark.parametrize("kind", ["npz", "compressed npz", "ecsv"])
    def test_damage_in_a_plain_file(self, path, kind):
        if kind == "ecsv":
            Table(TestPlain.columns).write(path, format="ascii.ecsv")
        else:
            with path.open("wb") as file:
                (np.savez if kind == "npz" else np.savez_compressed)(file, **TestPlain.columns)
        whole = path.read_bytes()
        rng = np.random.default_rng(0)
        for i in range(60):
            damaged = bytearray(whole if i % 3 else whole[: rng.integers(1, len(whole))])
            for place in rng.integers(0, len(damaged), 1 + i % 3):
                damaged[place] = rng.integers(0, 256)
            path.write_bytes(damaged)
            with contextlib.suppress(InputError):
                assert isinstance(read(path), Spectra)

    def test_hdulist_is_not_changed(self):
        hdus = files.apstar(2)
        before = [hdu.data.copy() for hdu in hdus[1:]]
        read(hdus)
        for hdu, data in zip(hdus[1:], before, strict=True):
            np.testing.assert_array_equal(hdu.data, data)

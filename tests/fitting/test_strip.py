"""Tests of manyfit.fitting._strip."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling import models as m

from manyfit.errors import InputError
from manyfit.fitting._strip import bare, check_stripped, dressed, in_unit, unit_system

KMS = u.km / u.s


def line():
    model = m.Gaussian1D(1, 4 * KMS, 0.5 * KMS) + m.Const1D(0)
    model.mean_0.bounds = (3, 6)
    model.stddev_0.fixed = True
    model.amplitude_1.tied = lambda model: model.amplitude_0 / 10
    return model


def test_system_of_a_model_with_units():
    system = unit_system(line(), (u.m / u.s,), u.K)
    assert system.inputs == (KMS,)
    assert system.attached
    assert system.parameters == {"amplitude_0": u.K, "mean_0": KMS, "stddev_0": KMS, "amplitude_1": u.K}


@pytest.mark.parametrize(
    ("model", "world", "data", "attached"),
    [
        (m.Gaussian1D(), None, None, False),
        (m.Gaussian1D(), u.m, None, False),
        (m.Gaussian1D(), u.m, u.K, True),
        (m.Gaussian1D(), None, u.K, True),
        (m.Gaussian1D(1 * u.K), None, u.K, True),
        (m.Const1D(1 * u.K), None, u.K, True),
    ],
)
def test_whether_the_fitted_model_has_units(model, world, data, attached):
    assert unit_system(model, (world,), data).attached is attached


@pytest.mark.parametrize(
    ("value", "own", "target", "expected"),
    [
        (4.0, None, KMS, 4.0),
        (4.0, KMS, KMS, 4.0),
        (4.0, KMS, u.m / u.s, 4000.0),
        (4.0 * KMS, None, u.m / u.s, 4000.0),
        (4.0 * KMS, u.m / u.s, u.m / u.s, 4000.0),
        (50 * u.percent, None, None, 0.5),
        ([1.0, 2.0] * KMS, None, u.m / u.s, [1000.0, 2000.0]),
        (4.0, None, None, 4.0),
    ],
)
def test_in_unit(value, own, target, expected):
    np.testing.assert_allclose(in_unit("mean", value, own, target), expected)


@pytest.mark.parametrize(
    ("value", "target", "text"),
    [
        (4 * KMS, u.Hz, "mean is in km / s, which does not convert to Hz. Give it in a unit that converts"),
        (
            4 * KMS,
            None,
            "mean is in km / s, which does not convert to a number without unit. Data or world has no unit",
        ),
    ],
)
def test_in_unit_that_does_not_convert(value, target, text):
    with pytest.raises(InputError, match=re.escape(text)):
        in_unit("mean", value, None, target)


def test_bare_models_keep_their_constraints():
    model = line()
    copy = bare(model)
    assert [getattr(copy, name).unit for name in copy.param_names] == [None] * 4
    assert copy.mean_0.bounds == (3, 6)
    assert copy.stddev_0.fixed
    assert copy.amplitude_1.tied(copy) == pytest.approx(0.1)
    assert copy(4.0) == pytest.approx(1.0)
    assert model.mean_0.unit == KMS  # the model itself is as it was


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (0, 3)])
def test_dressed_again(shape):
    system = unit_system(line(), (KMS,), u.K)
    values = {name: np.full(shape, i + 1.0) for i, name in enumerate(system.parameters)}
    model = dressed(bare(line()), values, system)
    assert type(model) is type(line())
    assert model.mean_0.quantity.unit == KMS
    assert model.amplitude_1.unit == u.K
    assert np.shape(model.mean_0.value) == shape
    assert model.mean_0.bounds == (3, 6)
    assert len(model) == 1


def test_dressed_without_units():
    system = unit_system(m.Gaussian1D(), (u.m,), None)
    model = dressed(bare(m.Gaussian1D()), {"amplitude": 1, "mean": 2, "stddev": 3}, system)
    assert model.mean.unit is None
    assert model(2.0) == 1.0


def test_polynomials_and_model_sets():
    model = m.Polynomial1D(2, c0=[1, 2, 3], c1=[0, 0, 0], c2=[1, 1, 1], n_models=3)
    assert len(bare(model)) == 1
    assert bare(model)(2.0) == 5.0


@pytest.mark.parametrize("world", [u.km / u.s, u.Hz])
def test_pixels_are_no_velocities(world):
    model = m.Gaussian1D(1, 4 * world, 0.5 * world)
    with pytest.raises(InputError, match="but no world was given, so the coordinates are pixel indices"):
        unit_system(model, (None,), u.K, pixels=True)


def test_pixels_are_pixels():
    model = m.Gaussian1D(1, 4 * u.pix, 0.5 * u.pix)
    assert unit_system(model, (None,), u.K, pixels=True).inputs == (u.pix,)


def test_units_that_do_not_go_together():
    with pytest.raises(InputError, match="Units of 'x' and 'y' inputs should match"):
        unit_system(m.Gaussian2D(), (u.deg, u.m), u.K)


class TestStripped:
    def check(self, model, x, data, start=None):
        system = unit_system(model, (x.unit,), data)
        values = {
            n: in_unit(n, p.value, p.unit, system.parameters[n]) for n in model.param_names for p in [getattr(model, n)]
        }
        check_stripped(bare(model), values, system, np.array([x.value]))

    def test_ordinary_models_pass(self):
        for model in (
            line(),
            m.Gaussian1D() * m.Const1D(2),
            m.Const1D(2 * u.mK) * m.Gaussian1D(),
            m.PowerLaw1D(),
        ):
            self.check(model, 2 * KMS, u.K)

    def test_a_model_that_works_in_units_of_its_own_is_refused(self):
        model = m.BlackBody(5000 * u.K)
        self.check(model, 5e14 * u.Hz, u.erg / u.s / u.cm**2 / u.Hz / u.sr)
        with pytest.raises(InputError, match="astropy's rules of units do not hold for this model"):
            self.check(model, 5e14 * u.Hz, u.Jy / u.sr)

    def test_a_model_that_cannot_be_evaluated_with_units_passes(self):
        self.check(m.Gaussian1D() + m.Chebyshev1D(1), 2 * KMS, u.K)

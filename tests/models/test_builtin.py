"""Every built-in model that compiles: its formula has astropy's values and the slopes of those values."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from astropy.modeling import models

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import evaluate
from manyfit.models._explain import examples, without_units
from manyfit.models._trace import formula

FALLBACK = {"Spline1D"}

#: Parameters where the usual ones (0.7 to 1.3 times the default, plus 0.05) are no good example.
PARAMETERS = {
    "Disk2D": {"R_0": 1.4},
    "Box2D": {"x_width": 2.1, "y_width": 1.7},
    "Ellipse2D": {"a": 1.6, "b": 0.9, "theta": 0.4},
    "GeneralSersic2D": {"n": 1.7, "ellip": 0.3, "theta": 0.4, "c": 0.2},
    "KingProjectedAnalytic1D": {"r_tide": 2.6},
    "NFW": {"mass": 3e12, "concentration": 8.0},
    "Ring2D": {"r_in": 0.5, "width": 1.1},
    "Sersic1D": {"n": 2.7},
    "Sersic2D": {"n": 1.7, "ellip": 0.3, "theta": 0.4},
    "SmoothlyBrokenPowerLaw1D": {"alpha_1": -1.3, "alpha_2": 1.7, "delta": 0.4},
}

#: Coordinates, where -2 to 3 is outside of the domain.
DOMAINS = {
    "ArcCosine1D": (-0.6, 0.6),
    "ArcSine1D": (-0.6, 0.6),
    "BlackBody": (1e13, 2e15),
    "Tangent1D": (-0.1, 0.1),
    "Schechter1D": (-23.0, -17.0),
    **dict.fromkeys(
        [
            *("BrokenPowerLaw1D", "ExponentialCutoffPowerLaw1D", "KingProjectedAnalytic1D", "LogParabola1D"),
            *("Logarithmic1D", "NFW", "PowerLaw1D", "Sersic1D", "SmoothlyBrokenPowerLaw1D"),
        ],
        (0.05, 4.0),
    ),
}


def cases():
    return [pytest.param(m, id=type(m).__name__) for m in examples() if type(m).__name__ not in FALLBACK]


def prepared(model, seed=0):
    """The model without units, with parameters and coordinates worth testing."""
    name = type(model).__name__
    random = np.random.default_rng([zlib.crc32(name.encode()), seed])
    model = without_units(model)
    for parameter in model.param_names:
        value = float(getattr(model, parameter).value)
        setattr(model, parameter, value * random.uniform(0.7, 1.3) + 0.05)
    for parameter, value in PARAMETERS.get(name, {}).items():
        setattr(model, parameter, value)
    low, high = DOMAINS.get(name, (-2.0, 3.0))
    return model, [random.uniform(low, high, 40) for _ in range(model.n_inputs)]


def known(model, coordinates, **changed):
    values = dict(zip(model.param_names, model.parameters, strict=True)) | changed
    return values | {f"x[{i}]": x for i, x in enumerate(coordinates)}


@pytest.mark.parametrize("model", cases())
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_value_is_that_of_astropy(model, seed):
    model, coordinates = prepared(model, seed)
    with np.errstate(all="ignore"):
        expected = model(*coordinates)
    assert np.any(np.abs(expected) > 0)
    value = evaluate(formula(model).value, known(model, coordinates))
    np.testing.assert_allclose(value + 0 * coordinates[0], expected, rtol=1e-12, atol=1e-14)


def slope_of_astropy(model, coordinates, name):
    """Central differences of order 8 of astropy's own values."""
    weights = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])
    start = float(getattr(model, name).value)
    step = 4e-3 * (abs(start) + 0.1)

    def at(value):
        moved = model.deepcopy()
        setattr(moved, name, value)
        return moved(*coordinates)

    pairs = [at(start + k * step) - at(start - k * step) for k in (1, 2, 3, 4)]
    return np.tensordot(weights, pairs, 1) / step


#: Models with steps or kinks: differences across one are no slope, for a few of the points.
PIECEWISE = {
    *("Box1D", "Box2D", "BrokenPowerLaw1D", "Disk2D", "Ellipse2D", "GeneralSersic2D"),
    *("KingProjectedAnalytic1D", "Ring2D", "Trapezoid1D", "TrapezoidDisk2D"),
}


@pytest.mark.parametrize("model", cases())
def test_derivatives_are_slopes_of_astropy(model):
    model, coordinates = prepared(model)
    for name in model.param_names:
        with np.errstate(all="ignore"):
            expected = slope_of_astropy(model, coordinates, name)
        slope = derivative(formula(model).value, name)
        ours = evaluate(slope, known(model, coordinates)) + 0 * coordinates[0]
        near = np.abs(ours - expected) <= 1e-7 * np.max(np.abs(ours)) + 1e-11
        assert np.mean(near) >= (0.85 if type(model).__name__ in PIECEWISE else 1.0), name


def test_examples_are_all_models_that_can_be_fitted():
    from astropy.modeling import (
        Fittable1DModel,
        Fittable2DModel,
        FittableModel,
        functional_models,
        mappings,
        physical_models,
        polynomial,
        powerlaws,
        spline,
    )

    modules = [functional_models, physical_models, polynomial, powerlaws, spline, mappings]
    names = {name for module in modules for name in module.__all__}
    kinds = {getattr(module, name) for module in modules for name in names if hasattr(module, name)}
    fittable = {k.__name__ for k in kinds if isinstance(k, type) and issubclass(k, FittableModel)}
    bases = {Fittable1DModel.__name__, Fittable2DModel.__name__, FittableModel.__name__}
    bases |= {"OrthoPolynomialBase", "PolynomialModel", "PolynomialBase"}
    assert fittable - bases == {type(m).__name__ for m in examples()}


# -- edges: the values exactly at breaks, centres and limits -------------------------------------------------


EDGES = [
    (models.Box1D(2.0, 1.0, 4.0), [[-1.0, 3.0, -1.0000001, 3.0000001, 1.0]]),
    (models.Box2D(2.0, 0, 0, 2.0, 4.0), [[-1.0, 1.0, 1.0, 1.1], [2.0, -2.0, 2.1, 0.0]]),
    (models.Trapezoid1D(2.0, 1.0, 4.0, 2.0), [[-2.0, -1.0, 3.0, 4.0, 1.0, 9.0]]),
    (models.TrapezoidDisk2D(2.0, 0, 0, 3.0, 2.0), [[3.0, 4.0, 0.0, 4.1], [0.0, 0.0, 0.0, 0.0]]),
    (models.Disk2D(2.0, 0, 0, 5.0), [[3.0, 4.0, 5.0, 5.1], [4.0, 3.0, 0.0, 0.0]]),
    (models.Ring2D(2.0, 0, 0, 3.0, 2.0), [[3.0, 5.0, 2.9, 5.1], [0.0, 0.0, 0.0, 0.0]]),
    (models.Ellipse2D(2.0, 0, 0, 2.0, 1.0, 0.0), [[2.0, 0.0, 2.1], [0.0, 1.0, 0.0]]),
    (models.AiryDisk2D(2.0, 1.0, 1.0, 1.5), [[1.0, 1.0, 2.5], [1.0, 2.5, 1.0]]),
    (models.Sersic1D(1.0, 2.0, 4.0), [[0.0, 2.0]]),
    (models.Sersic2D(1.0, 2.0, 4.0, 1.0, 1.0, 0.2, 0.3), [[1.0, 3.0], [1.0, 1.0]]),
    (models.GeneralSersic2D(1.0, 2.0, 4.0, 1.0, 1.0, 0.2, 0.3, 0.4), [[1.0, 3.0], [1.0, 1.0]]),
    (models.KingProjectedAnalytic1D(2.0, 1.0, 3.0), [[0.0, 3.0, -0.5, 2.999, 7.0]]),
    (models.BrokenPowerLaw1D(2.0, 1.5, 1.0, 3.0), [[1.5, 1.4999999, 1.5000001]]),
    (models.SmoothlyBrokenPowerLaw1D(2.0, 1.5, 1.0, 3.0, 0.1), [[1.5, 1e-3, 1e3, 30.0, 0.07, -2.0]]),
    (models.Drude1D(2.0, 1.5, 0.3), [[1.5, 1e-9, 1e9, -1.5]]),
    (models.Moffat2D(2.0, 1.0, 1.0, 1.5, 2.5), [[1.0], [1.0]]),
    (models.Voigt1D(1.0, 2.0, 0.5, 0.7), [[1.0, 1e5, -1e9, 1.0000001]]),
    (models.PowerLaw1D(2.0, 1.5, 2.0), [[1.5, 1e-8, 1e8]]),
    (models.Gaussian1D(2.0, 1.0, 0.5), [[1.0, 60.0, -1e9]]),
    (models.Const1D(3.0), [[1.0, np.inf]]),
]


@pytest.mark.parametrize(("model", "coordinates"), EDGES, ids=lambda v: type(v).__name__)
def test_edges(model, coordinates):
    coordinates = [np.array(x) for x in coordinates]
    with np.errstate(all="ignore"):
        expected = model(*coordinates)
    value = evaluate(formula(model).value, known(model, coordinates))
    np.testing.assert_allclose(value + 0 * expected, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("model", "coordinates"),
    EDGES,
    ids=lambda v: type(v).__name__,
)
def test_derivatives_are_finite_at_edges(model, coordinates):
    traced = formula(model)
    for name in traced.free:
        slope = evaluate(derivative(traced.value, name), known(model, [np.array(x) for x in coordinates]))
        assert np.all(np.isfinite(slope)), name


def test_smoothly_broken_power_law_at_zero():
    model = models.SmoothlyBrokenPowerLaw1D(2.0, 1.5, -2.0, 3.0, 0.1)
    assert evaluate(formula(model).value, known(model, [np.array([0.0])])) == 0.0


# -- families ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:humlicek2 has been deprecated")
def test_voigt_of_either_method_is_exact():
    exact = models.Voigt1D(0.3, 2.0, 0.5, 0.7)
    approximate = models.Voigt1D(0.3, 2.0, 0.5, 0.7, method="humlicek2")
    x = np.linspace(-5, 5, 101)
    assert formula(approximate) == formula(exact)
    value = evaluate(formula(approximate).value, known(approximate, [x]))
    np.testing.assert_allclose(value, exact(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale_unit", "x_unit", "x"),
    [
        ("", "Hz", np.geomspace(1e12, 3e15, 9)),
        ("Jy / sr", "Hz", np.geomspace(1e12, 3e15, 9)),
        ("erg / (cm2 s AA sr)", "AA", np.geomspace(900, 1e6, 9)),
        ("W / (m2 um sr)", "AA", np.geomspace(900, 1e6, 9)),
    ],
)
def test_black_body_in_every_output_unit(scale_unit, x_unit, x):
    from astropy import units as u

    scale = 1.7 if scale_unit == "" else 1.7 * u.Unit(scale_unit)
    model = models.BlackBody(temperature=5200 * u.K, scale=scale)
    expected = model(x * u.Unit(x_unit)).value
    bare = without_units(model)
    np.testing.assert_allclose(evaluate(formula(bare).value, known(bare, [x])), expected, rtol=1e-11)


@pytest.mark.parametrize("massfactor", ["200c", "500m", "virial"])
def test_nfw_of_every_overdensity(massfactor):
    from astropy import units as u

    model = models.NFW(2e14 * u.M_sun, 5.0, redshift=0.3, massfactor=massfactor)
    r = np.geomspace(1, 3000, 9)
    bare = without_units(model)
    expected = model(r * u.kpc).to_value(u.M_sun / u.kpc**3)
    np.testing.assert_allclose(evaluate(formula(bare).value, known(bare, [r])), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["Polynomial1D", "Chebyshev1D", "Legendre1D", "Hermite1D"])
@pytest.mark.parametrize("degree", [0, 1, 2, 9])
def test_polynomials_of_one_coordinate(kind, degree):
    model = getattr(models, kind)(degree, domain=(-3, 7), window=(-1, 2))
    model.parameters = np.random.default_rng(degree).normal(size=degree + 1)
    x = np.linspace(-3, 7, 23)
    value = evaluate(formula(model).value, known(model, [x]))
    np.testing.assert_allclose(value + 0 * x, model(x), rtol=1e-11, atol=1e-11)
    assert formula(model).is_linear


@pytest.mark.parametrize("kind", ["Polynomial2D", "Chebyshev2D", "Legendre2D", "Hermite2D"])
@pytest.mark.parametrize("degrees", [(0, 0), (1, 0), (1, 2), (4, 3)])
def test_polynomials_of_two_coordinates(kind, degrees):
    own = degrees[:1] if kind == "Polynomial2D" else degrees
    model = getattr(models, kind)(*own, x_domain=(-3, 7), y_domain=(0, 2))
    model.parameters = np.random.default_rng(1).normal(size=len(model.parameters))
    x, y = np.linspace(-3, 7, 23), np.linspace(2, 0, 23)
    value = evaluate(formula(model).value, known(model, [x, y]))
    np.testing.assert_allclose(value + 0 * x, model(x, y), rtol=1e-11, atol=1e-11)
    assert formula(model).is_linear


def test_subclass_with_its_own_evaluate_is_not_mistaken_for_its_parent():
    class Doubled(models.Const1D):
        @staticmethod
        def evaluate(x, amplitude):
            return 2.0 * amplitude + 0.0 * x

    assert repr(formula(Doubled()).value) == "2.0*amplitude"

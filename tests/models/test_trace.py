"""Compound models, the user's own models, fixed parameters, and what cannot be compiled."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from astropy import units as u
from astropy.convolution import convolve_models
from astropy.modeling import Fittable1DModel, Fittable2DModel, Parameter, custom_model, fix_inputs, models

from manyfit.errors import InputError, ModelNotCompiled
from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import evaluate
from manyfit.models._trace import formula

G = models.Gaussian1D
X = np.linspace(-3.1, 4.7, 41)
Y = np.linspace(2.9, -3.3, 41)


def values_of(model, *coordinates):
    known = dict(zip(model.param_names, model.parameters, strict=True))
    known |= {f"x[{i}]": x for i, x in enumerate(coordinates)}
    return evaluate(formula(model).value, known) + 0 * coordinates[0]


# -- compound models -----------------------------------------------------------------------------------------

COMPOUNDS = {
    "sum": G(1, 0.3, 1) + G(2, 1.3, 0.4),
    "difference": G(1, 0.3, 1) - models.Const1D(0.2),
    "product": G(1, 0.3, 1) * models.Polynomial1D(2, c0=1, c1=0.2, c2=0.1),
    "ratio": models.Linear1D(0.5, 3) / models.Lorentz1D(1, 0.2, 1.5),
    "power": (models.Const1D(1.2) + G(1, 0.3, 1)) ** models.Linear1D(0.2, 1.7),
    "three levels": (G(1, 0.3, 1) + G(2, 1.3, 0.4)) * (models.Const1D(2) - models.Linear1D(0.1, 0.2)),
    "redshift": models.RedshiftScaleFactor(0.1) | G(1, 0.3, 1),
    "shift and scale": models.Shift(0.4) | models.Scale(1.2) | models.Sine1D(1, 0.3, 0.1) | models.Exponential1D(),
    "absorption": models.Const1D(2) * (G(-1, 0.3, 1) | models.Exponential1D()),
    "same twice": G.__add__(*[G(1, 0.3, 1)] * 2),
    "polynomials": models.Chebyshev1D(3, domain=(-3, 5), c1=1, c3=0.3) + models.Legendre1D(2, c2=0.2),
}

COMPOUNDS_2D = {
    "sum": models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4) + models.Planar2D(0.1, 0.2, 0.3),
    "separable": models.Shift(0.5) & models.Scale(0.7) | models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4),
    "swapped": models.Mapping((1, 0)) | models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4),
    "identity": models.Identity(2) | models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4),
    "one of two": (models.Mapping((0,), n_inputs=2) | G(1, 0.3, 1))
    * (models.Mapping((1,), n_inputs=2) | models.Lorentz1D(1, 0.2, 1.5)),
}


@pytest.mark.parametrize("name", COMPOUNDS)
def test_compound_models(name):
    model = COMPOUNDS[name]
    np.testing.assert_allclose(values_of(model, X), model(X), rtol=1e-12, atol=1e-15)
    assert formula(model).free == model.param_names


@pytest.mark.parametrize("name", COMPOUNDS_2D)
def test_compound_models_of_two_coordinates(name):
    model = COMPOUNDS_2D[name]
    np.testing.assert_allclose(values_of(model, X, Y), model(X, Y), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("given", "rest"), [({"x": 1.5}, (Y,)), ({1: -0.4}, (X,)), ({"y": 0.2}, (X,))])
def test_fixed_inputs(given, rest):
    model = fix_inputs(models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4), given)
    assert formula(model).n_inputs == 1
    np.testing.assert_allclose(values_of(model, *rest), model(*rest), rtol=1e-12)


def test_fixed_inputs_inside_of_a_compound_model():
    model = fix_inputs(models.Gaussian2D(1, 0.2, 0.3, 1.1, 0.7, 0.4), {"x": 1.5}) + G(1, 0.3, 1)
    np.testing.assert_allclose(values_of(model, X), model(X), rtol=1e-12)
    assert "amplitude_2" in formula(model).free


# -- models of the user --------------------------------------------------------------------------------------

OFFSETS, WEIGHTS = np.array([-1.0, 0.0, 1.7]), np.array([0.2, 0.5, 0.3])


@custom_model
def plain(x, a=1.3, b=0.4):
    return a * np.exp(-b * np.abs(x)) + np.tanh(x) ** 2


@custom_model
def skewed(x, a=1.3, mu=0.2, s=0.9, alpha=1.5):
    t = (x - mu) / s
    return a * np.exp(-(t**2) / 2) * (1 + scipy.special.erf(alpha * t / np.sqrt(2)))


@custom_model
def masked(x, a=1.3, b=0.5):
    y = np.zeros_like(x)
    high = x > b
    y[high] = a * np.sin(x[high])
    y[~high & (x < -1)] += 3 * a
    y *= 2
    return y


@custom_model
def hyperfine(x, a=1.3, v=0.2, s=0.6):
    return a * np.sum(WEIGHTS * np.exp(-0.5 * ((x[:, None] - v - OFFSETS) / s) ** 2), axis=1)


@custom_model
def hyperfine_rows(x, a=1.3, v=0.2, s=0.6):
    return a * (WEIGHTS[:, None] * np.exp(-0.5 * ((x - v - OFFSETS[:, np.newaxis]) / s) ** 2)).sum(0)


@custom_model
def hyperfine_dot(x, a=1.3, v=0.2, s=0.6):
    return a * (WEIGHTS @ np.exp(-0.5 * ((x - v - OFFSETS[:, None]) / s) ** 2))


@custom_model
def hyperfine_loop(x, tau=1.3, v=0.2, s=0.6):
    depth = 0
    for weight, offset in zip(WEIGHTS, OFFSETS, strict=True):
        depth += tau * weight * np.exp(-0.5 * ((x - v - offset) / s) ** 2)
    return 1 - np.exp(-depth)


@custom_model
def listed(x, a=1.3, v=0.2, s=0.6):
    lines = [w * np.exp(-0.5 * ((x - v - o) / s) ** 2) for w, o in zip(WEIGHTS, OFFSETS, strict=True)]
    return a * np.sum(lines, axis=0)


@custom_model
def through_asarray(x, a=1.3):
    x = np.asarray(x)
    return a * np.exp(-x) + x**2


@custom_model
def of_three_intervals(x, a=1.3, b=0.5):
    return np.piecewise(x, [x < -1, x > 1], [lambda x: a * x, lambda x: b * x**2, 0.7])


@custom_model
def constant(x, a=1.3):
    return a


@custom_model
def surface(x, y, a=1.3, b=0.5):
    return a * np.hypot(x, y) + b * np.arctan2(y, x)


class OfItsOwnParameters(Fittable1DModel):
    """Reads its parameters from itself, and has settings, helpers and an ordinary evaluate."""

    a = Parameter(default=1.3)
    b = Parameter(default=0.5)

    def __init__(self, *args, power=3, **kwargs):
        self.power = power
        super().__init__(*args, **kwargs)

    def evaluate(self, x, a, b):
        return self.a * x**self.power + self.helper(b)

    def helper(self, b):
        return np.tanh(b) if self.power == 3 else b


class Angle(Fittable1DModel):
    """Keeps an angle in radians and shows it in degrees."""

    angle = Parameter(default=30.0, getter=np.rad2deg, setter=np.deg2rad)

    @staticmethod
    def evaluate(x, angle):
        return np.sin(x + angle)


class Dex(Fittable1DModel):
    """Keeps a power of ten and shows its logarithm."""

    level = Parameter(default=0.3, getter=np.log10, setter=lambda v: 10.0**v)

    @staticmethod
    def evaluate(x, level):
        return level * np.sin(x)


class Surface(Fittable2DModel):
    a = Parameter(default=1.3)

    @classmethod
    def evaluate(cls, x, y, a):
        return a * np.where((x > 0) & (y > 0) | (x * y < -1), x, y)


OWN = [plain, skewed, masked, hyperfine, hyperfine_rows, hyperfine_dot, hyperfine_loop, listed]
OWN += [through_asarray, of_three_intervals, OfItsOwnParameters, Angle, Dex]


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_models_of_the_user(kind):
    model = kind()
    np.testing.assert_allclose(values_of(model, X), model(X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", [surface, Surface])
def test_models_of_the_user_of_two_coordinates(kind):
    model = kind()
    np.testing.assert_allclose(values_of(model, X, Y), model(X, Y), rtol=1e-12, atol=1e-15)


def test_a_model_may_forget_its_coordinate():
    assert repr(formula(constant()).value) == "a"


def test_settings_of_a_model_are_constants():
    assert repr(formula(OfItsOwnParameters(power=2)).value) == "(a*x[0]**2 + b)"


def test_masked_assignment_has_the_derivative_of_its_pieces():
    value = formula(masked()).value
    slope = evaluate(derivative(value, "a"), {"a": 1.3, "b": 0.5, "x[0]": np.array([2.0, 0.0, -2.0])})
    np.testing.assert_allclose(slope, [2 * np.sin(2.0), 0.0, 6.0])


# -- parameters ----------------------------------------------------------------------------------------------


def test_fixed_parameters_are_told_apart():
    model = G(fixed={"mean": True}) + models.Const1D(fixed={"amplitude": True})
    traced = formula(model)
    assert traced.free == ("amplitude_0", "stddev_0")
    assert traced.fixed == ("mean_0", "amplitude_1")


def test_start_values_may_be_maps():
    model = G(amplitude=np.ones((3, 4)), mean=np.zeros((3, 4)), stddev=np.ones((3, 4)))
    assert formula(model) == formula(G())


def test_linear_models_are_known():
    assert formula(models.Linear1D() + models.Chebyshev1D(4)).is_linear
    assert not formula(G()).is_linear
    assert formula(G(fixed={"mean": True, "stddev": True})).is_linear


class Remembers(Fittable1DModel):
    a = Parameter(default=1.0)

    def evaluate(self, x, a):
        self.last = a * x
        return self.last


def test_the_model_is_not_changed():
    model = Remembers(2.0) + G(1, 2, 3)
    before = model.parameters.copy()
    leaves = [dict(model.left.__dict__), dict(model.right.__dict__)]
    formula(model)
    np.testing.assert_array_equal(model.parameters, before)
    assert [model.left.__dict__.keys(), model.right.__dict__.keys()] == [leaf.keys() for leaf in leaves]
    assert model.left.a is leaves[0]["a"]
    assert model[0] is model.left


# -- what cannot be compiled ---------------------------------------------------------------------------------


@custom_model
def branches(x, a=1.0):
    if np.any(x > 0):
        return a * x
    return x


@custom_model
def branches_on_a_parameter(x, a=1.0, b=2.0):
    return a * x if a > b else x


@custom_model
def mean_of_all(x, a=1.0):
    return a * (x - x.mean())


@custom_model
def number_of_all(x, a=1.0):
    return a * x / x.size


@custom_model
def length(x, a=1.0):
    return a * np.arange(len(x))


@custom_model
def running_sum(x, a=1.0):
    return a * np.cumsum(x)


@custom_model
def turned_round(x, a=1.0):
    return a * x[::-1]


@custom_model
def first_point(x, a=1.0):
    return a * (x - x[0])


@custom_model
def as_floats(x, a=1.0):
    return a * np.asarray(x, dtype=float)


@custom_model
def written_into_zeros(x, a=1.0):
    y = np.zeros(x.shape)
    y += a * x
    return y


@custom_model
def complex_numbers(x, a=1.0):
    return np.abs(a * np.exp(1j * x))


@custom_model
def python_mathematics(x, a=1.0):
    import math

    return math.exp(a) * x


@custom_model
def loops_over_points(x, a=1.0):
    return np.array([a * point for point in x])


@custom_model
def of_a_template(x, a=1.0):
    return a * np.ones(41) + x


@custom_model
def fails(x, a=1.0):
    raise RuntimeError("no luck today")


@custom_model
def random(x, a=1.0):
    return a * x + np.random.default_rng().normal()


class Counts(Fittable1DModel):
    a = Parameter(default=1.0)
    calls = 0

    def evaluate(self, x, a):
        self.calls += 1
        return a * x * self.calls


REFUSED = [
    (branches(), r"np\.any looks at all points together \(test_trace\.py, line \d+: if np\.any\(x > 0\):"),
    (branches_on_a_parameter(), r"a branch .* depends on data or on a parameter; use np\.where"),
    (mean_of_all(), r"looks at all points together"),
    (number_of_all(), r"depends on more than that point"),
    (length(), r"the number of points"),
    (running_sum(), r"np\.cumsum has no compiled counterpart"),
    (turned_round(), r"depends on more than that point"),
    (first_point(), r"depends on more than that point"),
    (as_floats(), r"np\.asarray\(\.\.\., dtype=float64\) makes plain numbers"),
    (written_into_zeros(), r"np\.zeros_like\(x\)"),
    (complex_numbers(), r"complex"),
    (python_mathematics(), r"math\.\*"),
    (loops_over_points(), r"a Python loop runs over the points"),
    (of_a_template(), r"41 values for one point"),
    (fails(), r"its evaluate\(\) stops with RuntimeError: no luck today"),
    (random(), r"depends on more than that point"),
    (Counts(), r"an earlier call left behind"),
    (models.Spline1D(), r"a spline is known by its knots"),
    (models.Tabular1D([0, 1, 2], [0, 1, 4]), r"interpolates a table"),
    (models.Rotation2D(30) | models.Gaussian2D(), r"Rotation2D cannot be compiled: rotations"),
    (models.Pix2Sky_TAN() | models.Gaussian2D(), r"projections of the sky"),
    (models.Shift(1) & models.Shift(2), r"it has 2 outputs"),
    (convolve_models(G(), G()), r"joined by .*convolve_fft"),
    (G([1, 2], [0, 0], [1, 1], n_models=2), r"a set of 2 models"),
]


@pytest.mark.parametrize(("model", "reason"), REFUSED, ids=[f"{i}" for i in range(len(REFUSED))])
def test_refusals_say_what_stopped_the_model(model, reason):
    with pytest.raises(ModelNotCompiled, match=reason) as caught:
        formula(model)
    assert "cannot be compiled" in str(caught.value)


def test_refusals_name_the_part_of_a_compound_model():
    with pytest.raises(ModelNotCompiled, match=r"branches 'odd' cannot be compiled"):
        formula(G() + branches(name="odd"))


def test_units_are_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"amplitude in K.*without_units_for_data"):
        formula(G(1 * u.K, 0 * u.m, 1 * u.m))

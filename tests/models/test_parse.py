"""Models from text and back: what is accepted, what is refused and where, and that both ways agree."""

from __future__ import annotations

import math
from contextlib import suppress

import astropy.units as u
import pytest
from astropy.modeling import custom_model, fix_inputs
from astropy.modeling import models as m
from hypothesis import given
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.models import describe, parse
from manyfit.models._describe import expression
from manyfit.models._explain import examples
from manyfit.models._scan import value


def tree(model):
    """Classes, operators and all that belongs to parameters, for comparison."""
    left = getattr(model, "left", None)
    if left is not None:
        return (tree(left), model.op, tree(model.right))
    parameters = [getattr(model, name) for name in model.param_names]
    return (
        type(model),
        model.name,
        [(p.name, float(p.value), p.unit, bool(p.fixed), tuple(p.bounds)) for p in parameters],
    )


# -- what is accepted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("Gaussian1D()", m.Gaussian1D()),
        ("Gaussian1D(1, 2.5, 3e-1)", m.Gaussian1D(1, 2.5, 0.3)),
        ("  Gaussian1D ( 1 ,stddev = -.5, )  ", m.Gaussian1D(1, stddev=-0.5)),
        ("models.Const1D(3)", m.Const1D(3)),
        (
            "Gaussian1D(amplitude=1, mean=4 km/s, stddev=0.5km / s)",
            m.Gaussian1D(1, 4 * u.km / u.s, 0.5 * u.km / u.s),
        ),
        ("Const1D(1e3 Angstrom)", m.Const1D(1000 * u.AA)),
        ("Const1D(2 erg / (s cm2 Angstrom))", m.Const1D(2 * u.erg / u.s / u.cm**2 / u.AA)),
        ("Const1D(1 dimensionless)", m.Const1D(1 * u.dimensionless_unscaled)),
        ("Const1D(-inf)", m.Const1D(-math.inf)),
        ("Const1D(fixed={'amplitude': True})", m.Const1D(fixed={"amplitude": True})),
        ('Const1D(bounds={"amplitude": (None, 6)})', m.Const1D(bounds={"amplitude": (None, 6.0)})),
        (
            "Const1D(1 km, bounds={'amplitude': (10 m, 2)})",
            m.Const1D(1 * u.km, bounds={"amplitude": (0.01, 2.0)}),
        ),
        ('Const1D(1, name="it\'s + (1")', m.Const1D(1, name="it's + (1")),
        ("Polynomial1D(2, c1=3)", m.Polynomial1D(2, c1=3)),
        ("Chebyshev2D(x_degree=1, y_degree=2, c1_2=4)", m.Chebyshev2D(1, 2, c1_2=4)),
        ("Mapping((0, 0)) | Gaussian2D()", m.Mapping((0, 0)) | m.Gaussian2D()),
    ],
)
def test_accepted(text, model):
    assert tree(parse(text)) == tree(model)


a, b, c = (m.Const1D(i, name=name) for i, name in enumerate("abc"))
TEXTS = {name: f"Const1D({i}, name='{name}')" for i, name in enumerate("abc")}


@pytest.mark.parametrize(
    "formula",
    [
        "a+b+c",
        "a-b-c",
        "a-(b-c)",
        "a+b*c",
        "(a+b)*c",
        "a*b/c",
        "a/(b*c)",
        "a**b**c",
        "(a**b)**c",
        "a|b+c",
        "a|b|c",
        "(a*b)",
    ],
)
def test_operators_bind_as_in_python(formula):
    text = "".join(TEXTS.get(sign, sign) for sign in formula)
    model = eval(formula, {"a": a, "b": b, "c": c})
    assert tree(parse(text)) == tree(model)
    assert tree(parse(describe(model))) == tree(model)


# -- what is refused, and where ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "A model is expected", 0),
        ("3", "A model is expected", 0),
        ("Gausian1D()", "'Gausian1D' is not known. Did you mean 'Gaussian1D'", 0),
        ("Const1D() + Gausian1D()", "'Gausian1D' is not known", 12),
        ("xyz()", "'xyz' is not known. 'manyfit models' lists", 0),
        ("Const1D", r"'\(' is expected", 7),
        ("Const1D(1", "',' or '\\)' is expected", 9),
        ("Const1D(1 2)", "'2' is no unit", 10),
        ("Const1D(1 kms)", "'kms' is no unit", 10),
        ("Const1D(1+2)", r"'\+2' is no unit", 9),
        ("Const1D(1) +", "A model is expected", 12),
        ("Const1D(1) Const1D(1)", "An operator", 11),
        ("(Const1D(1)", r"'\)' is expected", 11),
        ("Const1D(name='\\x')", r"'\\x' is no string", 13),
        ("Const1D(x)", "A value is expected", 8),
        ("Const1D(amplitude=1, 2)", "A keyword is expected", 21),
        ("Const1D(amplitude=1, amplitude=2)", "'amplitude' is given twice", 30),
        ("Const1D(1) + Gaussian2D()", "numbers of inputs and outputs", 11),
        ("Polynomial1D()", "missing 1 required positional argument: 'degree'", 0),
        ("Polynomial1D(1, c7=3)", "unrecognized parameter 'c7'", 0),
        ("Const1D(fixed=3)", "fixed is 3; give a dictionary", 0),
        ("Const1D(fixed={amplitude: True})", "name of a parameter in quotes", 15),
        ("Const1D(bounds={'amplitude': 3})", r"bounds of 'amplitude' are 3; give a pair", 0),
        ("Const1D(bounds={'amplitude': (1 km, 2)})", "not convertible", 0),
        ("Const1D(1 K, bounds={'amplitude': (1 km, 2)})", "not convertible", 0),
    ],
)
def test_refused_at_its_place(text, message, place):
    with pytest.raises(InputError, match=message) as caught:
        parse(text)
    assert str(caught.value).splitlines()[-1] == " " * (place + 2) + "^"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Gaussian1D(1, maen=3)", "Keyword of Gaussian1D 'maen'.*Did you mean 'mean'"),
        ("Gaussian1D(tied={})", "Keyword of Gaussian1D 'tied' is not known"),
        ("Gaussian1D(n_models=2)", "'n_models' is not known"),
        ("Gaussian1D(fixed={'men': True})", "Parameter in fixed of Gaussian1D 'men'.*'mean'"),
        ("Gaussian1D(bounds={'men': (1, 2)})", "Parameter in bounds of Gaussian1D 'men'.*'mean'"),
        ("__import__('os').system('touch x')", "'__import__' is not known"),
        ("FittableModel()", "'FittableModel' is not known"),
        ("custom_model()", "'custom_model' is not known"),
    ],
)
def test_refused(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        parse(text)
    assert not list(tmp_path.iterdir())


@given(st.text(alphabet="Const1DGaussian()=,+-*/|&'\"{}[]: .0123456789kms\\", max_size=40))
def test_any_text_is_a_model_or_an_error_of_ours(text):
    with suppress(InputError):
        parse(f"Const1D({text})")


def test_endless_brackets():
    with pytest.raises(InputError, match="nested too deeply"):
        parse("(" * 10_000)
    with pytest.raises(InputError, match="100,000 characters"):
        parse("(" * 100_000)


def test_a_single_value():
    assert value(" 3 km/s ") == 3 * u.km / u.s
    with pytest.raises(InputError, match="more than one value"):
        value("True 3")


# -- both ways -----------------------------------------------------------------------------------------------

NUMBERS = st.floats(allow_nan=False)
UNITS = st.sampled_from([None, u.K, u.km / u.s, u.Jy / u.beam, u.dimensionless_unscaled, u.Unit("1000 km / s")])


@st.composite
def leaves(draw):
    kind = draw(st.sampled_from([m.Gaussian1D, m.Lorentz1D, m.Const1D, m.Linear1D, m.PowerLaw1D]))
    names = kind.param_names
    unit = draw(UNITS)
    values = [draw(NUMBERS) if unit is None else draw(NUMBERS) * unit for _ in names]
    bound = st.none() | NUMBERS
    return kind(
        *values,
        name=draw(st.none() | st.text(max_size=5)),
        fixed=draw(st.dictionaries(st.sampled_from(names), st.booleans())),
        bounds=draw(st.dictionaries(st.sampled_from(names), st.tuples(bound, bound))),
    )


@st.composite
def trees(draw):
    model = draw(leaves())
    for _ in range(draw(st.integers(0, 3))):
        other = draw(leaves())
        left, right = (model, other) if draw(st.booleans()) else (other, model)
        sign = draw(st.sampled_from(["+", "-", "*", "/", "**", "|"]))
        model = {"+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y}.get(
            sign, {"/": lambda x, y: x / y, "**": lambda x, y: x**y}.get(sign, lambda x, y: x | y)
        )(left, right)
    return model


@given(trees())
def test_what_is_described_is_parsed_to_the_same(model):
    text = describe(model)
    assert text is not None
    text.encode("ascii")
    assert tree(parse(text)) == tree(model)


def test_builtin_models_have_a_description():
    without = [type(model).__name__ for model in examples() if describe(model) is None]
    assert without == ["NFW", "Spline1D"]


@pytest.mark.parametrize(
    "model",
    [
        m.Polynomial1D(2, c2=0.1, domain=(0, 5), window=(-2, 2)),
        m.Legendre2D(1, 1, x_domain=(0, 3), y_window=(0, 1)),
        m.Gaussian2D(1, 2, 3, theta=0.3),
        m.Rotation2D(30.1),
        m.Voigt1D(method="scipy"),
    ],
)
def test_arguments_that_are_no_parameters(model):
    again = parse(describe(model))
    assert tree(again)[:2] == tree(model)[:2]
    for name in ("degree", "domain", "window", "x_domain", "y_window", "method"):
        assert getattr(again, name, None) == getattr(model, name, None)


@custom_model
def steps(x, height=1):
    return height * x


class Gaussian1D(m.Gaussian1D):
    """A subclass of the user with a name of astropy."""


@pytest.mark.parametrize(
    "model",
    [
        steps(),
        steps() + m.Const1D(),
        Gaussian1D(),
        m.Const1D([1, 2, 3]),
        m.Spline1D(),
        m.Tabular1D(lookup_table=[1, 2, 3]),
        fix_inputs(m.Gaussian2D(), {"y": 1}),
    ],
)
def test_no_description(model):
    assert describe(model) is None


def test_ties_are_left_out():
    model = m.Gaussian1D(tied={"mean": lambda model: 2 * model.stddev})
    assert tree(parse(describe(model)))[2] == tree(m.Gaussian1D())[2]
    assert not parse(describe(model)).tied["mean"]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (m.Gaussian1D(), "Gaussian1D"),
        (
            (m.Gaussian1D() + m.Const1D()) * m.Const1D() | m.Scale(),
            "(Gaussian1D + Const1D) * Const1D | Scale",
        ),
        (steps() - (m.Const1D() - m.Const1D()), "steps - (Const1D - Const1D)"),
        (fix_inputs(m.Gaussian2D(), {"y": 1}), "compound model"),
    ],
)
def test_expression(model, text):
    assert expression(model) == text

"""From text to an astropy model, by a grammar of its own: nothing in the text is executed.

::

    model    = part { operator part }            operators | & + - * / **, as in Python
    part     = "(" model ")" | Name "(" [argument { "," argument }] ")"
    argument = [name "="] value                  value: 4, 4 km/s, True, "text", (1, 2), {"mean": True}
"""

from __future__ import annotations

import difflib
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from manyfit.errors import InputError, unknown_name
from manyfit.models._scan import Scanner

if TYPE_CHECKING:
    from astropy.modeling import Model

#: Characters of a model, which can be made of some hundred parts; and the highest degree, or number of axes.
LONGEST, MOST = 10_000, 100
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "|": operator.or_,
    "&": operator.and_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
PRECEDENCE = {"|": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "**": 5}
OPERATOR = r"\*\*|[-+*/|&]"
NAME = r"[^\W\d]\w*"
CONSTRAINTS = ("fixed", "bounds", "name")
#: Arguments of astropy's models that text cannot give.
NOT_IN_TEXT = ("self", "args", "kwargs", "params", "n_models", "model_set_axis", "tied", "meta")


def parse(text: str) -> Model:
    """The astropy model that a text describes.

    The text looks like the call in Python, with units written behind the numbers:
    ``Gaussian1D(amplitude=1, mean=4 km/s, stddev=0.5 km/s, fixed={'mean': True}) + Const1D(0)``. Models are
    those of `astropy.modeling.models`.

    Parameters
    ----------
    text
        The description.

    Raises
    ------
    InputError
        A model or keyword that is not known, or text that is no model; a caret shows where.

    Examples
    --------
    >>> model = parse("Gaussian1D(1, mean=4 km/s, stddev=0.5 km/s, bounds={'mean': (3 km/s, None)})")
    >>> model.mean.quantity, model.mean.bounds
    (<Quantity 4. km / s>, (3.0, None))
    """
    if len(text) > LONGEST:
        raise InputError(f"The model is a text of {len(text):,} characters; up to {LONGEST:,} are read.")
    scanner = Scanner(text)
    try:
        model = _expression(scanner)
    except RecursionError:
        raise InputError("The brackets of the model are nested too deeply. Write it with fewer.") from None
    if scanner.see(r"\S"):
        raise scanner.mistake("An operator (+ - * / ** | &) or the end is expected here")
    return model


def _expression(scanner: Scanner, lowest: int = 1) -> Model:
    """Models joined by operators of at least some precedence."""
    left = _part(scanner)
    while (sign := scanner.see(OPERATOR)) is not None and PRECEDENCE[sign] >= lowest:
        scanner.match(OPERATOR)
        place = scanner.position - len(sign)
        right = _expression(scanner, PRECEDENCE[sign] + (sign != "**"))
        left = _guarded(scanner, place, lambda: OPERATORS[sign](left, right))  # noqa: B023  called at once
    return left


def _part(scanner: Scanner) -> Model:
    if scanner.match(r"\("):
        inner = _expression(scanner)
        scanner.expect(")")
        return inner
    if scanner.match(r"models\.(?=\w)") is None and scanner.see(NAME) is None:
        raise scanner.mistake("A model is expected here, such as Gaussian1D(amplitude=1, mean=4 km/s, stddev=0.5 km/s)")
    name = scanner.match(NAME) or ""
    place = scanner.position - len(name)
    kinds = models_by_name()
    if name not in kinds:
        raise scanner.mistake(_unknown_model(name, kinds), place)
    scanner.expect("(")
    positional, keywords = _arguments(scanner)
    return _made(scanner, place, kinds[name], positional, keywords)


def _unknown_model(name: str, known: Iterable[str]) -> str:
    """Without the list of all models: it fills a page, and `manyfit models` prints it."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"Model {name!r} is not known. " + (
        f"Did you mean {close[0]!r}?" if close else "'manyfit models' lists those that are"
    )


def models_by_name() -> dict[str, type[Model]]:
    """The models of `astropy.modeling.models` that can be made."""
    from astropy.modeling import Model, models

    return {
        name: kind
        for name, kind in sorted(vars(models).items())
        if inspect.isclass(kind)
        and issubclass(kind, Model)
        and name == kind.__name__
        and not inspect.isabstract(kind)
        and not name.endswith("Base")
    }


def _arguments(scanner: Scanner) -> tuple[list[Any], dict[str, Any]]:
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    while scanner.match(r"\)") is None:
        name = scanner.match(rf"{NAME}(?=\s*=)")
        if name is not None:
            if name in keywords:
                raise scanner.mistake(f"{name!r} is given twice")
            scanner.expect("=")
            keywords[name] = scanner.value()
        elif keywords:
            raise scanner.mistake("A keyword is expected here: arguments without one come first")
        else:
            positional.append(scanner.value())
        if scanner.match(",") is None and scanner.see(r"\)") is None:
            raise scanner.mistake("',' or ')' is expected here")
    return positional, keywords


def _made(scanner: Scanner, place: int, kind: type[Model], positional: list[Any], keywords: dict[str, Any]) -> Model:
    _check_keywords(kind, keywords)
    _check_lengths(scanner, place, kind, positional, keywords)
    fixed, bounds = keywords.pop("fixed", {}), keywords.pop("bounds", {})
    model = _guarded(scanner, place, lambda: kind(*positional, **keywords))
    for what, given in (("fixed", fixed), ("bounds", bounds)):
        if not isinstance(given, Mapping):
            raise scanner.mistake(f"{what} is {given!r}; give a dictionary {{'name': ...}}", place)
        for name in given:
            if name not in model.param_names:
                raise unknown_name(f"Parameter in {what} of {kind.__name__}", name, model.param_names)
    for name, value in fixed.items():
        getattr(model, name).fixed = bool(value)
    for name, pair in bounds.items():
        limits = _bounds(scanner, place, getattr(model, name), pair)
        _guarded(scanner, place, lambda: setattr(getattr(model, name), "bounds", limits))  # noqa: B023  called at once
    return model


def _check_lengths(
    scanner: Scanner, place: int, kind: type[Model], positional: list[Any], keywords: dict[str, Any]
) -> None:
    """Refuse a degree or a number of axes that no memory can hold."""
    names = kind.param_names if isinstance(kind.param_names, tuple) else ()
    given = [*positional[: 0 if names else None], *(value for name, value in keywords.items() if name not in names)]
    flat = [n for value in given for n in (value if isinstance(value, tuple | list) else (value,))]
    if any(isinstance(n, int) and abs(n) > MOST for n in flat):
        raise scanner.mistake(f"Degrees and numbers of axes are up to {MOST}", place)


def _check_keywords(kind: type[Model], keywords: Mapping[str, Any]) -> None:
    from astropy.modeling.polynomial import PolynomialBase

    own = [name for name in inspect.signature(kind.__init__).parameters if name not in NOT_IN_TEXT]
    names = [*own, *(kind.param_names if isinstance(kind.param_names, tuple) else ()), *CONSTRAINTS]
    for name in keywords:
        # coefficients exist when the degree is known; astropy says which it does not have
        is_coefficient = issubclass(kind, PolynomialBase) and name.startswith("c")
        if name not in names and not is_coefficient:
            raise unknown_name(f"Keyword of {kind.__name__}", name, dict.fromkeys(names))


def _bounds(scanner: Scanner, place: int, parameter: Any, pair: Any) -> tuple[float | None, float | None]:
    """Bounds as numbers in the unit of the parameter, as astropy keeps them."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise scanner.mistake(f"bounds of {parameter.name!r} are {pair!r}; give a pair (lower, upper)", place)

    def number(bound: Any) -> float | None:
        return float(bound.to_value(parameter.unit or "")) if hasattr(bound, "unit") else bound

    lower, upper = (_guarded(scanner, place, lambda: number(bound)) for bound in pair)  # noqa: B023  called at once
    return lower, upper


def _guarded(scanner: Scanner, place: int, make: Callable[[], Any]) -> Any:
    """Make something of what was read; astropy's objections get the place."""
    from astropy.modeling import ModelDefinitionError
    from astropy.modeling.parameters import ParameterError
    from astropy.units import UnitsError

    try:
        return make()
    except (TypeError, ValueError, ParameterError, ModelDefinitionError, UnitsError) as error:
        if isinstance(error, InputError):
            raise
        raise scanner.mistake(str(error).rstrip("."), place) from error

"""Reading text from left to right, with a caret at the place of a mistake."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

from manyfit._unit_text import may_be_unit
from manyfit.errors import InputError

STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf\b|nan\b)"
#: Characters of a number.
LONGEST_NUMBER = 400
CONSTANTS = {"True": True, "False": False, "None": None}


class Scanner:
    """A text and how far it has been read.

    Parameters
    ----------
    text
        The text.

    Examples
    --------
    >>> Scanner("(3 km/s, None)").value()
    (<Quantity 3. km / s>, None)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def match(self, pattern: str) -> str | None:
        """Read what matches here, blanks before it left out; None, and nothing read, if nothing does."""
        found = re.compile(rf"\s*({pattern})").match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[1]

    def see(self, pattern: str) -> str | None:
        """What matches here, without reading it."""
        before = self.position
        found = self.match(pattern)
        self.position = before
        return found

    def expect(self, sign: str) -> None:
        """Read a sign that must be here."""
        if self.match(re.escape(sign)) is None:
            raise self.mistake(f"{sign!r} is expected here")

    def mistake(self, what: str, position: int | None = None) -> InputError:
        """The error for a mistake, here or at another place."""
        if position is None:
            self.match("")  # point at the next word, not at the blank before it
            position = self.position
        return InputError(f"{what}:\n  {self.text}\n  {' ' * position}^")

    # -- values ----------------------------------------------------------------------------------------------

    def value(self) -> Any:
        """A number with or without unit, string, True, False, None, tuple, list or dictionary of these."""
        if (text := self.match(STRING)) is not None:
            return self._string(text)
        if (text := self.match(NUMBER)) is not None:
            return self._with_unit(text)
        if (text := self.match(r"(?:True|False|None)\b")) is not None:
            return CONSTANTS[text]
        if self.match(r"\("):
            return tuple(self._items(")"))
        if self.match(r"\["):
            return self._items("]")
        if self.match(r"\{"):
            return self._dictionary()
        raise self.mistake("A value is expected here: a number with or without unit, or fixed={...}, bounds={...}")

    def _string(self, quoted: str) -> str:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python takes a backslash that means nothing as it is
                return str(ast.literal_eval(quoted))
        except (SyntaxError, ValueError):
            raise self.mistake(f"{quoted} is no string", self.position - len(quoted)) from None

    def _items(self, end: str) -> list[Any]:
        items: list[Any] = []
        while self.match(re.escape(end)) is None:
            items.append(self.value())
            self._between(end)
        return items

    def _dictionary(self) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while self.match(r"\}") is None:
            key = self.match(STRING)
            if key is None:
                raise self.mistake("The name of a parameter in quotes is expected here")
            self.expect(":")
            items[self._string(key)] = self.value()
            self._between("}")
        return items

    def _between(self, end: str) -> None:
        if self.match(",") is None and self.see(re.escape(end)) is None:
            raise self.mistake(f"',' or {end!r} is expected here")

    def _with_unit(self, number: str) -> Any:
        self.match("")
        start = self.position
        unit = self._unit_text()
        if len(number) > LONGEST_NUMBER:
            raise self.mistake("The number is too long", start - len(number))
        plain = int(number) if re.fullmatch(r"[-+]?\d+", number) else float(number)
        return plain if not unit else plain * self._unit(unit, start)

    def _unit_text(self) -> str:
        """What stands before the next comma or closing bracket that does not belong to the unit."""
        start, depth = self.position, 0
        while self.position < len(self.text):
            sign = self.text[self.position]
            if sign in ",]}" or (sign == ")" and depth == 0):
                break
            depth += (sign == "(") - (sign == ")")
            self.position += 1
        return self.text[start : self.position].strip()

    def _unit(self, text: str, start: int) -> Any:
        import astropy.units as u

        if text == "dimensionless":
            return u.dimensionless_unscaled
        try:
            if re.search(r"[^\W\d]", text) and may_be_unit(text):
                return u.Unit(text)
        except (ValueError, TypeError):
            pass
        raise self.mistake(f"{text!r} is no unit", start)


def value(text: str) -> Any:
    """The value that a whole text stands for, such as ``4 km/s``.

    Raises
    ------
    InputError
        It is no value; the text shows where.

    Examples
    --------
    >>> value("0.5 km/s"), value("3")
    (<Quantity 0.5 km / s>, 3)
    """
    if len(text) > LONGEST_NUMBER:
        raise InputError(f"{text[:20]!r}… is a text of {len(text):,} characters; a number with a unit is meant.")
    scanner = Scanner(text)
    found = scanner.value()
    if scanner.see(r"\S"):
        raise scanner.mistake("There is more than one value")
    return found

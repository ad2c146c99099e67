"""From labels to the terms of a polynomial: the design matrix of The Cannon and its derivatives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name


@dataclass(frozen=True)
class Vectorizer:
    """A polynomial in the labels, as a list of its terms; the first is the constant.

    Attributes
    ----------
    label_names
        Names of the labels.
    powers
        Power of each label in each term, T tuples of L whole numbers.

    Examples
    --------
    >>> vectorizer = Vectorizer.polynomial(("TEFF", "LOGG"), order=2)
    >>> vectorizer.names
    ('1', 'TEFF', 'LOGG', 'TEFF^2', 'TEFF*LOGG', 'LOGG^2')
    >>> vectorizer.design([[2.0, 3.0]]).tolist()
    [[1.0, 2.0, 3.0, 4.0, 6.0, 9.0]]
    >>> Vectorizer.of_terms(("TEFF", "LOGG"), ["TEFF", "TEFF^3*LOGG"]).names
    ('1', 'TEFF', 'TEFF^3*LOGG')
    """

    label_names: tuple[str, ...]
    powers: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        n_labels = len(self.label_names)
        if any(len(term) != n_labels or min(term, default=0) < 0 for term in self.powers):
            raise InputError(f"Each term needs {n_labels} powers of zero or more, one for each label.")
        if not self.powers or any(self.powers[0]) or len(set(self.powers)) < len(self.powers):
            raise InputError("The first term must be the constant, and no term may be there twice.")

    @classmethod
    def polynomial(cls, label_names: Sequence[str], order: int = 2) -> Vectorizer:
        """All terms up to a total power of `order`."""
        if order not in {1, 2, 3}:
            raise InputError(f"order is {order}; give 1, 2 or 3, or name the terms with terms=.")
        n_labels = len(label_names)
        combinations = (c for o in range(order + 1) for c in combinations_with_replacement(range(n_labels), o))
        return cls(tuple(label_names), tuple(tuple(map(c.count, range(n_labels))) for c in combinations))

    @classmethod
    def of_terms(cls, label_names: Sequence[str], terms: Sequence[str]) -> Vectorizer:
        """The terms written as ``"TEFF"``, ``"TEFF^2"``, ``"TEFF^2*LOGG"``; the constant is added in front."""
        powers = [powers_of(term, tuple(label_names)) for term in terms if term != "1"]
        return cls(tuple(label_names), ((0,) * len(label_names), *powers))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms."""
        return tuple(name_of(term, self.label_names) for term in self.powers)

    @property
    def n_terms(self) -> int:
        """Number of terms, T."""
        return len(self.powers)

    @cached_property
    def exponents(self) -> NDArray[np.int64]:
        """The powers as an array (T, L)."""
        return np.array(self.powers, dtype=np.int64).reshape(self.n_terms, len(self.label_names))

    def design(self, scaled: ArrayLike) -> NDArray[np.float64]:
        """Value of each term, (..., T), for scaled labels (..., L)."""
        x = np.asarray(scaled, dtype=float)[..., None, :]
        values: NDArray[np.float64] = np.prod(x**self.exponents, axis=-1)
        return values

    def jacobian(self, scaled: ArrayLike) -> NDArray[np.float64]:
        """Derivative of each term by each scaled label, (..., T, L)."""
        labels = range(len(self.label_names))
        return np.stack([self._derivative(scaled, (j,)) for j in labels], axis=-1)

    def hessian(self, scaled: ArrayLike) -> NDArray[np.float64]:
        """Second derivatives of each term, (..., T, L, L)."""
        labels = range(len(self.label_names))
        rows = [np.stack([self._derivative(scaled, (j, k)) for k in labels], axis=-1) for j in labels]
        return np.stack(rows, axis=-2)

    def _derivative(self, scaled: ArrayLike, by: tuple[int, ...]) -> NDArray[np.float64]:
        """Derivative of each term by some labels, one after the other."""
        exponents, factor = self.exponents.copy(), np.ones(self.n_terms)
        for label in by:
            factor *= exponents[:, label]
            exponents[:, label] = np.maximum(exponents[:, label] - 1, 0)
        x = np.asarray(scaled, dtype=float)[..., None, :]
        values: NDArray[np.float64] = factor * np.prod(x**exponents, axis=-1)
        return values


def name_of(term: tuple[int, ...], label_names: tuple[str, ...]) -> str:
    """The name of a term.

    >>> name_of((2, 1), ("TEFF", "LOGG")), name_of((0, 0), ("TEFF", "LOGG"))
    ('TEFF^2*LOGG', '1')
    """
    factors = [name if p == 1 else f"{name}^{p}" for name, p in zip(label_names, term, strict=True) if p]
    return "*".join(factors) or "1"


def powers_of(term: str, label_names: tuple[str, ...]) -> tuple[int, ...]:
    """The powers of a term that is written as text."""
    powers = [0] * len(label_names)
    for factor in term.split("*"):
        match = re.fullmatch(r"\s*(.+?)\s*(?:\^\s*(\d+))?\s*", factor)
        if match is None:
            raise InputError(f"Term {term!r} cannot be read; write it as 'TEFF', 'TEFF^2' or 'TEFF^2*LOGG'.")
        name, power = match.group(1), match.group(2)
        if name not in label_names:
            raise unknown_name("label", name, label_names)
        powers[label_names.index(name)] += int(power or 1)
    return tuple(powers)

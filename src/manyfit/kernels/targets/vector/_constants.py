"""Mathematical constants as sums of floats, exact to as many parts as needed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

LN2 = Fraction("0.69314718055994530941723212145817656807550013436025525412068000949339362196969472")
LOG2_E = Fraction("1.44269504088896340735992468100189213742664595415298593413544940693110921918118507")
LOG10_E = Fraction("0.43429448190325182765112891891660508229439700580366656611445378316586464920887077")
LOG10_2 = Fraction("0.30102999566398119521373889472449302676818988146210854131042746112710818927442450")
PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
SQRT_PI = Fraction("1.77245385090551602729816748334114518279754945612238712821380778985291128459103218")


def parts(value: Fraction, width: int, n: int, bits: int | None = None) -> tuple[float, ...]:
    """`n` floats of `width` bits with sum `value`, each but the last cut to `bits` significant bits.

    Few bits make products with small integers exact.

    >>> parts(Fraction(1, 3), 64, 2)
    (0.3333333333333333, 1.850371707708594e-17)
    """
    cut: list[float] = []
    for left in range(n, 0, -1):
        cut.append(_rounded(value, width, bits if left > 1 else None))
        value -= Fraction(cut[-1])
    return tuple(cut)


def _rounded(value: Fraction, width: int, bits: int | None) -> float:
    nearest = float(value) if width == 64 else float(np.float32(float(value)))
    if bits is None or nearest == 0.0:
        return nearest
    unit = Fraction(2) ** (int(np.frexp(nearest)[1]) - bits)
    return float(round(value / unit) * unit)

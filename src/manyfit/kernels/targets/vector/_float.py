"""Floats, bits and truth values of a function under construction: each operator emits one LLVM instruction.

Functions written in Python with these three types become branch-free LLVM code inside the calling kernel.
Emitting instructions takes about 1 ms a function; numba would take 50-100 ms to compile the same formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

# numba gives the caller's fastmath flags to every instruction without any: a flag of our own keeps them away.
FUSE = ("contract",)  # a * b + c may become one fused operation
EXACT = ("arcp",)  # changes nothing in an addition or a multiplication

_FLOAT = {32: ir.FloatType(), 64: ir.DoubleType()}
_MANTISSA = {32: 23, 64: 52}


class _NoFlags(ir.instructions.FastMathFlags):  # type: ignore[misc]
    """Flags that stay empty when numba adds the caller's: those would allow fma(a, b, -a * b) -> 0."""

    def add(self, flag: str) -> None:
        """Leave `flag` out."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A truth value."""

    builder: ir.IRBuilder
    value: ir.Value

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.or_(self.value, other.value))

    def __invert__(self) -> Truth:
        return Truth(self.builder, self.builder.not_(self.value))


@dataclass(frozen=True, eq=False)
class Bits:
    """The bit pattern of a float, as an integer of the same width (32 or 64)."""

    builder: ir.IRBuilder
    value: ir.Value
    width: int

    def __add__(self, other: Bits | int) -> Bits:
        return self._emit("add", other)

    def __sub__(self, other: Bits | int) -> Bits:
        return self._emit("sub", other)

    def __and__(self, other: Bits | int) -> Bits:
        return self._emit("and_", other)

    def __or__(self, other: Bits | int) -> Bits:
        return self._emit("or_", other)

    def __xor__(self, other: Bits | int) -> Bits:
        return self._emit("xor", other)

    def __lshift__(self, other: int) -> Bits:
        return self._emit("shl", other)

    def __rshift__(self, other: int) -> Bits:
        return self._emit("lshr", other)

    def is_zero(self) -> Truth:
        """Whether no bit is set."""
        return Truth(self.builder, self.builder.icmp_unsigned("==", self.value, self._value(0)))

    def float(self) -> Float:
        """The float with this bit pattern."""
        return Float(self.builder, self.builder.bitcast(self.value, _FLOAT[self.width]), self.width)

    def _emit(self, operation: str, other: Bits | int) -> Bits:
        return Bits(self.builder, getattr(self.builder, operation)(self.value, self._value(other)), self.width)

    def _value(self, other: Bits | int) -> ir.Value:
        return other.value if isinstance(other, Bits) else ir.Constant(ir.IntType(self.width), other)


@dataclass(frozen=True, eq=False)
class Float:
    """A float of 32 or 64 bits; a Python number beside it becomes a constant of the same width."""

    builder: ir.IRBuilder
    value: ir.Value
    width: int

    @property
    def mantissa(self) -> int:
        """Bits after the leading one: 23 or 52."""
        return _MANTISSA[self.width]

    @property
    def bias(self) -> int:
        """The exponent field of 1.0: 127 or 1023."""
        return (1 << (self.width - self.mantissa - 2)) - 1

    def __add__(self, other: Float | float) -> Float:
        return self._emit("fadd", self, other)

    def __radd__(self, other: float) -> Float:
        return self._emit("fadd", other, self)

    def __sub__(self, other: Float | float) -> Float:
        return self._emit("fsub", self, other)

    def __rsub__(self, other: float) -> Float:
        return self._emit("fsub", other, self)

    def __mul__(self, other: Float | float) -> Float:
        return self._emit("fmul", self, other)

    def __rmul__(self, other: float) -> Float:
        return self._emit("fmul", other, self)

    def __truediv__(self, other: Float | float) -> Float:
        return self._emit("fdiv", self, other)

    def __rtruediv__(self, other: float) -> Float:
        return self._emit("fdiv", other, self)

    def __neg__(self) -> Float:
        return self._of(self.builder.fneg(self.value, flags=FUSE))

    def __abs__(self) -> Float:
        return self.intrinsic("fabs")

    def __lt__(self, other: Float | float) -> Truth:
        return self._compare("<", other)

    def __le__(self, other: Float | float) -> Truth:
        return self._compare("<=", other)

    def __gt__(self, other: Float | float) -> Truth:
        return self._compare(">", other)

    def __ge__(self, other: Float | float) -> Truth:
        return self._compare(">=", other)

    def equals(self, other: Float | float) -> Truth:
        """Whether both are equal: false with a NaN."""
        return self._compare("==", other)

    def is_nan(self) -> Truth:
        """Whether this is not a number."""
        return Truth(self.builder, self.builder.fcmp_unordered("uno", self.value, self.value, flags=FUSE))

    def bits(self) -> Bits:
        """The bit pattern."""
        return Bits(self.builder, self.builder.bitcast(self.value, ir.IntType(self.width)), self.width)

    def constant(self, number: Float | float) -> Float:
        """`number` as a float of this width."""
        return number if isinstance(number, Float) else self._of(ir.Constant(_FLOAT[self.width], float(number)))

    def as_width(self, width: int) -> Float:
        """The nearest float of `width` bits."""
        if width == self.width:
            return self
        convert: Any = self.builder.fpext if width > self.width else self.builder.fptrunc
        return Float(self.builder, convert(self.value, _FLOAT[width]), width)

    def plus(self, other: Float | float) -> Float:
        """The sum, rounded once whatever the caller's flags and whatever stands beside it."""
        return self._emit("fadd", self, other, EXACT)

    def minus(self, other: Float | float) -> Float:
        """The difference, rounded once as in `plus`."""
        return self._emit("fsub", self, other, EXACT)

    def times(self, other: Float | float) -> Float:
        """The product, rounded once as in `plus`."""
        return self._emit("fmul", self, other, EXACT)

    def intrinsic(self, name: str, *others: Float | float) -> Float:
        """The LLVM intrinsic `name`, such as ``sqrt`` or ``fma``, of this and `others`."""
        arguments = [self.value, *(self.constant(other).value for other in others)]
        kind = _FLOAT[self.width]
        module = self.builder.module
        function = module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, [kind] * len(arguments)))
        call = self.builder.call(function, arguments)
        call.fastmath = _NoFlags()
        return self._of(call)

    def _of(self, value: ir.Value) -> Float:
        return Float(self.builder, value, self.width)

    def _emit(self, operation: str, a: Float | float, b: Float | float, flags: tuple[str, ...] = FUSE) -> Float:
        emit: Any = getattr(self.builder, operation)
        return self._of(emit(self.constant(a).value, self.constant(b).value, flags=flags))

    def _compare(self, operator: str, other: Float | float) -> Truth:
        value = self.builder.fcmp_ordered(operator, self.value, self.constant(other).value, flags=FUSE)
        return Truth(self.builder, value)


def choose(condition: Truth, yes: Float | float, no: Float | float) -> Float:
    """`yes` where `condition` holds, else `no`; both are evaluated. One of them must be a `Float`."""
    like = yes if isinstance(yes, Float) else no
    if not isinstance(like, Float):
        raise TypeError(f"choose() needs a Float among its values, got {yes!r} and {no!r}.")
    value = like.builder.select(condition.value, like.constant(yes).value, like.constant(no).value)
    return Float(like.builder, value, like.width)


def fma(a: Float, b: Float | float, c: Float | float) -> Float:
    """``a * b + c`` rounded once, where that is essential: slow on a processor without the instruction."""
    return a.intrinsic("fma", b, c)


def with_sign_of(magnitude: Float, sign: Float) -> Float:
    """`magnitude` with the sign of `sign`."""
    return magnitude.intrinsic("copysign", sign)

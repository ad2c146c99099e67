"""Tracer: an array of expression nodes that NumPy code takes for an array of numbers.

A model's ``evaluate`` is called once with tracers instead of numbers, of shape (1,) as for one data point,
and what it computes is kept as an expression. Whatever needs the value of a number (a branch, a loop,
``float``) is refused with a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from manyfit.errors import ModelNotCompiled
from manyfit.kernels._expression import Node, call, const, is_const
from manyfit.models._ufuncs import NUMPY, rule_of, select

#: Functions of NumPy that are not universal functions, by `implements`.
ARRAY_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}


#: What people call a reduction.
OF_ALL = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_or": "any",
    "logical_and": "all",
}


class Tracer(NDArrayOperatorsMixin):
    """Expression nodes that behave as a NumPy array of the same shape.

    Parameters
    ----------
    nodes
        One node, or an object array of nodes.
    """

    nodes: np.ndarray[Any, np.dtype[np.object_]]

    def __init__(self, nodes: Node | np.ndarray[Any, Any]) -> None:
        self.nodes = _as_array(nodes)

    def __repr__(self) -> str:
        return f"Tracer({self.nodes.tolist()!r})"

    # -- what NumPy calls ------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        options.pop("dtype", None)
        if method == "reduce":
            return _reduce(ufunc, nodes_of(inputs[0]), options.get("axis", 0), options.get("keepdims", False))
        if method != "__call__" or options:
            _refuse(f"np.{ufunc.__name__} is used with {method}, {', '.join(options)}")
        if not (out is None or isinstance(out, Tracer)):
            _refuse("a result is written into an array of plain numbers; make it with np.zeros_like(x)")
        result = matrix_product(*inputs) if ufunc is np.matmul else apply(rule_of(ufunc), *inputs)
        if out is None:
            return result
        out.nodes = np.broadcast_to(result.nodes, np.broadcast_shapes(out.shape, result.shape)).copy()
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if dtype is not None and np.dtype(dtype) != object:
            _refuse(f"np.asarray(..., dtype={np.dtype(dtype)}) makes plain numbers of the data; leave it out")
        return _as_array(np.frompyfunc(Tracer, 1, 1)(self.nodes))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if function not in ARRAY_FUNCTIONS:
            _refuse(f"np.{function.__name__} has no compiled counterpart")
        return ARRAY_FUNCTIONS[function](*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # NumPy calls `element.exp()` for arrays of objects.
        if name not in NUMPY:
            raise AttributeError(f"a traced array has no attribute {name!r}")
        return lambda *args: getattr(np, name)(self, *args)

    # -- items -----------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tracer:
        if isinstance(key, Tracer):
            # x[mask] stands for the points of the mask only; it ends in y[mask] = f(x[mask]).
            return Tracer(self.nodes.copy())
        return Tracer(_as_array(self.nodes[key]))

    def __setitem__(self, key: Any, value: Any) -> None:
        new = nodes_of(value)
        if isinstance(key, Tracer):
            self.nodes = _broadcast(select)(key.nodes, new, self.nodes)
        else:
            self.nodes = self.nodes.copy()
            self.nodes[key] = new

    # -- the attributes of an array --------------------------------------------------------------------------

    @property
    def value(self) -> Tracer:
        """The array itself: parameters have their number here."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape for one data point."""
        return tuple(self.nodes.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.nodes.ndim

    @property
    def size(self) -> int:
        """Number of nodes."""
        return self.nodes.size

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """Always float64."""
        return np.dtype(np.float64)

    @property
    def real(self) -> Tracer:
        """The array itself."""
        return self

    @property
    def imag(self) -> Tracer:
        """Zero."""
        zero: Tracer = self * 0.0
        return zero

    @property
    def T(self) -> Tracer:
        """The transposed array."""
        return Tracer(self.nodes.T)

    def copy(self, order: str = "C") -> Tracer:  # noqa: ARG002
        """Another array with the same nodes."""
        return Tracer(self.nodes.copy())

    def astype(self, dtype: Any, **options: Any) -> Tracer:  # noqa: ARG002
        """The array itself for floating point types."""
        if not np.issubdtype(dtype, np.floating):
            _refuse(f"a value is converted to {np.dtype(dtype)}")
        return self.copy()

    def reshape(self, *shape: Any) -> Tracer:
        """The nodes in another shape."""
        return Tracer(self.nodes.reshape(*shape))

    def ravel(self) -> Tracer:
        """The nodes along one axis."""
        return Tracer(self.nodes.ravel())

    flatten = ravel

    def sum(self, axis: Any = None, **options: Any) -> Any:
        """The sum along constant axes."""
        return np.add.reduce(self, axis=axis, **options)

    def prod(self, axis: Any = None, **options: Any) -> Any:
        """The product along constant axes."""
        return np.multiply.reduce(self, axis=axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:
        """The largest along constant axes."""
        return np.maximum.reduce(self, axis=axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        """The smallest along constant axes."""
        return np.minimum.reduce(self, axis=axis, **options)

    def any(self, axis: Any = None, **options: Any) -> Any:
        """Whether one is true, along constant axes."""
        return np.logical_or.reduce(self, axis=axis, **options)

    def all(self, axis: Any = None, **options: Any) -> Any:
        """Whether all are true, along constant axes."""
        return np.logical_and.reduce(self, axis=axis, **options)

    def mean(self, axis: Any = None, **options: Any) -> Any:
        """The mean along constant axes."""
        total = self.sum(axis, **options)
        return total * (total.size / self.size)

    # -- what a tracer cannot be -----------------------------------------------------------------------------

    def item(self) -> float:
        """The number, where it does not depend on data."""
        return self._number("the value of a point or of a parameter is read as a number")

    def __bool__(self) -> bool:
        return bool(self._number("a branch (if, while, and, or) depends on data or on a parameter; use np.where"))

    def __float__(self) -> float:
        return self._number(
            "a value is converted by float(), math.*, or np.array(..., dtype=float); use functions of NumPy"
        )

    def __int__(self) -> int:
        return int(self._number("a value is converted to a whole number"))

    __index__ = __int__

    def __complex__(self) -> NoReturn:
        _refuse("complex numbers are used")

    def __len__(self) -> int:  # noqa: PLE0303
        _refuse("the number of points is used")

    def __iter__(self) -> Iterator[Any]:
        _refuse("a Python loop runs over the points")

    def _number(self, refusal: str) -> float:
        if self.nodes.size != 1 or not is_const(self.nodes.item()):
            _refuse(refusal)
        return float(self.nodes.item().value)


def _refuse(reason: str) -> NoReturn:
    raise ModelNotCompiled(reason)


def implements(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark the traced version of a function of NumPy."""

    def register(traced: Callable[..., Any]) -> Callable[..., Any]:
        ARRAY_FUNCTIONS[function] = traced
        return traced

    return register


def apply(rule: Callable[..., Node] | str, *args: Any) -> Tracer:
    """An operation on nodes, or a function of the kernels by name, element by element of its arguments."""
    if isinstance(rule, str):
        name = rule
        return apply(lambda *nodes: call(name, *nodes), *args)
    return Tracer(_broadcast(rule)(*map(nodes_of, args)))


def matrix_product(a: Any, b: Any) -> Tracer:
    """The product of matrices and vectors."""
    return Tracer(nodes_of(np.dot(np.asarray(a, dtype=object), np.asarray(b, dtype=object))))


def _broadcast(rule: Callable[..., Node]) -> Callable[..., np.ndarray[Any, Any]]:
    def on_arrays(*arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return _as_array(np.frompyfunc(rule, len(arrays), 1)(*arrays))

    return on_arrays


def _as_array(item: Any) -> np.ndarray[Any, Any]:
    if isinstance(item, np.ndarray):
        return item
    array = np.empty((), dtype=object)
    array[()] = item
    return array


def nodes_of(value: Any) -> np.ndarray[Any, Any]:
    """Tracers, numbers and arrays of them as an object array of nodes."""
    if isinstance(value, Tracer):
        return value.nodes
    if hasattr(value, "unit"):
        _refuse("a quantity with a unit is used")
    array = np.asarray(value)
    if array.dtype == object:
        return _broadcast(node_of)(array)
    if array.dtype.kind not in "buif":
        _refuse(f"a value of type {array.dtype} is used")
    return _broadcast(const)(array.astype(float))


def node_of(value: Any) -> Node:
    """The one node of something that has the size of one point."""
    nodes = nodes_of(value)
    if nodes.size != 1:
        _refuse(f"there are {nodes.size} values for one point")
    node: Node = nodes.item()
    return node


def _reduce(ufunc: np.ufunc, nodes: np.ndarray[Any, Any], axis: Any, keepdims: bool) -> Tracer:
    rule = rule_of(ufunc)
    axes = range(nodes.ndim) if axis is None else np.atleast_1d(axis) % max(nodes.ndim, 1)
    constant = all(is_const(node) for node in nodes.flat)
    if nodes.size == 1 and not constant:
        _refuse(f"np.{OF_ALL.get(ufunc.__name__, ufunc.__name__)} looks at all points together")
    for one in sorted((int(a) for a in axes), reverse=True):
        parts = np.moveaxis(nodes, one, 0)
        joined = parts[0]
        for part in parts[1:]:
            joined = _broadcast(rule)(joined, part)
        joined = _as_array(joined)
        nodes = np.expand_dims(joined, one) if keepdims else joined
    return Tracer(nodes)

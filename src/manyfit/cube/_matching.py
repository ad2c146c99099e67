"""The order of components: by velocity or brightness, and continued from pixel to pixel."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import unknown_name

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

ORDERS = ("velocity", "amplitude")


def order_of(components: Array, order: str, *, match: bool) -> Whole:
    r"""In which order the components of each pixel are to be read.

    Without `match` each pixel is sorted for itself, so that a component that appears at a low velocity moves all others
    of its pixel one up. With it, component k of a pixel is that which continues component k of its neighbours. The
    distance of two components of neighbouring pixels is

    .. math:: \min\Big[\frac{2(\mu_1-\mu_2)^2}{\sigma_1^2+\sigma_2^2}
              + \tfrac14\ln^2\frac{A_1}{A_2} + \tfrac14\ln^2\frac{\sigma_1}{\sigma_2},\ 4\Big],

    and 1.6 where only one of the two pixels has a component k. Each pixel takes the order with the smallest sum over
    its eight neighbours (and a tenth of the distance to the mean of all components k so far): first once, from the
    brightest pixel outwards, then again until nothing changes. Then the numbers are given out by `order` of the
    medians over the map.

    Parameters
    ----------
    components
        (ny, nx, components, 3): amplitude, mean, stddev; NaN where there is none.
    order
        ``"velocity"``: rising mean. ``"amplitude"``: the brightest first.
    match
        Whether components continue from pixel to pixel.

    Returns
    -------
    array (ny, nx, components)
        Which component to read as the first, the second …

    Raises
    ------
    InputError
        The order is not known.

    Examples
    --------
    >>> one, two = [3.0, 10.0, 1.0], [3.0, 20.0, 1.0]
    >>> none = [np.nan] * 3
    >>> row = np.array([[[one, two], [two, none], [two, one]]])
    >>> order_of(row, "velocity", match=True)[0].tolist()
    [[0, 1], [1, 0], [1, 0]]
    >>> order_of(row, "velocity", match=False)[0].tolist()
    [[0, 1], [0, 1], [1, 0]]
    """
    if order not in ORDERS:
        raise unknown_name("order", order, ORDERS)
    if not match or components.shape[2] == 1:
        return np.argsort(_key(components, order), axis=-1, kind="stable")
    chosen = _continued(components)
    middle = _medians(np.take_along_axis(components, chosen[..., None], axis=2))
    return chosen[..., np.argsort(_key(middle, order), kind="stable")]


def _key(components: Array, order: str) -> Array:
    """What is sorted; components that are not there come last."""
    return components[..., 1] if order == "velocity" else -components[..., 0]


def _continued(components: Array) -> Whole:
    from manyfit.cube._matching_kernel import match_components

    slots = components.shape[2]
    orders = np.array(list(permutations(range(slots))), np.int64)
    chosen = np.empty(components.shape[:2], np.int64)
    brightness = np.nanmax(components[..., 0], axis=2, initial=0.0).reshape(-1)
    match_components(np.ascontiguousarray(components, np.float64), brightness, orders, chosen)
    return orders[np.maximum(chosen, 0)]


def _medians(components: Array) -> Array:
    """Median of each component over the map; NaN for one that is nowhere."""
    flat = components.reshape(-1, *components.shape[2:])
    there = np.isfinite(flat[..., 0])
    rows = [
        np.median(flat[there[:, k], k], axis=0) if there[:, k].any() else [np.nan] * 3 for k in range(flat.shape[1])
    ]
    return np.array(rows)

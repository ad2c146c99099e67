"""Turn a block of N-D data into rows of points, one row per element, as native float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rows(block: NDArray[Any], n_iterating: int) -> NDArray[np.float64]:
    """New (element, point) array from an array of (iterating axes..., fitting axes...)."""
    out = np.empty(block.shape, np.float64)
    np.copyto(out, block)
    n_elements = int(np.prod(block.shape[:n_iterating], dtype=np.int64))
    return out.reshape(n_elements, int(np.prod(block.shape[n_iterating:], dtype=np.int64)))

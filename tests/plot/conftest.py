"""What the tests of pictures share."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture
def pixels():
    """Draw a figure, which is also an end-to-end test of it, and return its pixels (row, column, rgb)."""

    def draw(figure):
        figure.savefig(BytesIO(), format="png")
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    return draw

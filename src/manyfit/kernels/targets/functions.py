"""Every function that a kernel for the CPU may call: vectorised where there is such a version.

A kernel's module imports from here by name, so that SciPy is only loaded by the kernels that need it.
"""

from __future__ import annotations

from typing import Any

from manyfit.kernels.targets import vector


def __getattr__(name: str) -> Any:
    if name in vars(vector):
        return getattr(vector, name)
    from manyfit.kernels.targets import external

    return getattr(external, name)

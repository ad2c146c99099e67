"""Branch-free elementary functions for numba kernels, float64 and float32, that LLVM turns into vector code.

Called inside a numba kernel each function emits its instructions there; called from Python it is NumPy's or
SciPy's.
"""

from __future__ import annotations

from manyfit.kernels.targets.vector._arctan import arccos as arccos
from manyfit.kernels.targets.vector._arctan import arcsin as arcsin
from manyfit.kernels.targets.vector._arctan import arctan as arctan
from manyfit.kernels.targets.vector._arctan import arctan2 as arctan2
from manyfit.kernels.targets.vector._bits import copysign as copysign
from manyfit.kernels.targets.vector._bits import fabs as fabs
from manyfit.kernels.targets.vector._bits import floor as floor
from manyfit.kernels.targets.vector._bits import hypot as hypot
from manyfit.kernels.targets.vector._bits import maximum as maximum
from manyfit.kernels.targets.vector._bits import minimum as minimum
from manyfit.kernels.targets.vector._bits import rint as rint
from manyfit.kernels.targets.vector._bits import select as select
from manyfit.kernels.targets.vector._bits import sqrt as sqrt
from manyfit.kernels.targets.vector._erf import erf as erf
from manyfit.kernels.targets.vector._erf import erfc as erfc
from manyfit.kernels.targets.vector._exp import exp as exp
from manyfit.kernels.targets.vector._exp import exp2 as exp2
from manyfit.kernels.targets.vector._exp import exp2_nonpositive as exp2_nonpositive
from manyfit.kernels.targets.vector._exp import exp_nonpositive as exp_nonpositive
from manyfit.kernels.targets.vector._exp import expm1 as expm1
from manyfit.kernels.targets.vector._faddeeva import wofz_im as wofz_im
from manyfit.kernels.targets.vector._faddeeva import wofz_re as wofz_re
from manyfit.kernels.targets.vector._hyperbolic import cosh as cosh
from manyfit.kernels.targets.vector._hyperbolic import sinh as sinh
from manyfit.kernels.targets.vector._hyperbolic import tanh as tanh
from manyfit.kernels.targets.vector._log import log as log
from manyfit.kernels.targets.vector._log import log1p as log1p
from manyfit.kernels.targets.vector._log import log2 as log2
from manyfit.kernels.targets.vector._log import log10 as log10
from manyfit.kernels.targets.vector._pow import pow as pow  # noqa: A004
from manyfit.kernels.targets.vector._trig import cos as cos
from manyfit.kernels.targets.vector._trig import sin as sin
from manyfit.kernels.targets.vector._trig import tan as tan

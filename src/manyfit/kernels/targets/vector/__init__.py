"""Branch-free elementary functions for numba kernels, for float64 and float32, which LLVM turns into vector code."""

from manyfit.kernels.targets.vector._bits import copysign as copysign
from manyfit.kernels.targets.vector._bits import fabs as fabs
from manyfit.kernels.targets.vector._bits import floor as floor
from manyfit.kernels.targets.vector._bits import hypot as hypot
from manyfit.kernels.targets.vector._bits import maximum as maximum
from manyfit.kernels.targets.vector._bits import minimum as minimum
from manyfit.kernels.targets.vector._bits import rint as rint
from manyfit.kernels.targets.vector._bits import select as select
from manyfit.kernels.targets.vector._bits import sqrt as sqrt
from manyfit.kernels.targets.vector._exp import exp as exp
from manyfit.kernels.targets.vector._exp import exp2 as exp2
from manyfit.kernels.targets.vector._exp import exp2_nonpositive as exp2_nonpositive
from manyfit.kernels.targets.vector._exp import exp_nonpositive as exp_nonpositive
from manyfit.kernels.targets.vector._exp import expm1 as expm1
from manyfit.kernels.targets.vector._log import log as log
from manyfit.kernels.targets.vector._log import log1p as log1p
from manyfit.kernels.targets.vector._log import log2 as log2
from manyfit.kernels.targets.vector._log import log10 as log10
from manyfit.kernels.targets.vector._pow import pow as pow
from manyfit.kernels.targets.vector._trig import cos as cos
from manyfit.kernels.targets.vector._trig import sin as sin
from manyfit.kernels.targets.vector._trig import tan as tan

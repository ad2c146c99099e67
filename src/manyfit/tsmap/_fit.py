"""`manyfit.tsmap.fit`: TS, norm and errors of a source at every position of the sky."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, Plan, executor_for, plan, progress_for, run

from ._combine_kernel import fit_tile
from ._confidence import one_sided_level
from ._exposure import Exposure
from ._grid import Grid, healpix_grid, positions_grid
from ._index import indexed
from ._problem import Options, Rows, SkyProblem, problem
from ._response import DetectorResponse, PointSourceResponse
from ._scan import best_of, scanned
from ._solution import Part, Room, Solution, empty_part
from ._spectrum import spectrum_of
from ._ts_map import TSMap
from ._where import Where

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

    from ._orientation import Orientation
    from ._response import ReducedResponse

Array = NDArray[np.float64]

BYTES_PER_POSITION = 1024  # of a tile: exposure and results; the expectation of one position at a time


def fit(
    counts: Any,
    background: Any,
    response: ReducedResponse,
    *,
    spectrum: Any,
    orientation: Orientation | None = None,
    nside: int = 16,
    order: str = "nested",
    frame: str = "galactic",
    positions: SkyCoord | None = None,
    region: Any = None,
    energy_channels: tuple[int, int] | None = None,
    joint: bool = True,
    signed: bool = False,
    free_background: bool = False,
    zero_background: str | float = "floor",
    spectral_indices: Iterable[float] | None = None,
    errors: bool = True,
    confidence: float = 0.95,
    occultation: bool = False,
    index: bool = True,
    scheduler: Any = None,
    workers: int | None = None,
    memory: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    store: str | Path | None = None,
) -> TSMap:
    r"""Fit a source of known spectrum at every position of the sky.

    At each position the counts :math:`d_i` are compared with background :math:`b_i` plus a source, whose expected
    counts :math:`e_i` follow from response, orientation and spectrum. The norm :math:`N` of the source maximises
    :math:`TS(N) = 2 \sum_i [d_i \ln(1 + N e_i / b_i) - N e_i]`.

    Parameters
    ----------
    counts, background
        `Counts`, or arrays of the response's (Em, Phi, PsiChi).
    response
        `DetectorResponse`, `PointSourceResponse`, or the `ResponseIndex` of one.
    spectrum
        `PowerLaw`, `CutoffPowerLaw`, `Band`, an astropy model or a function of energy in keV; norms are factors on it.
    orientation
        Attitude and livetime, for a response in the frame of the telescope. It is cut to the times of the counts, if
        these are known.
    nside, order, frame
        HEALPix grid of positions: a power of two; ``"nested"`` or ``"ring"``; ``"galactic"`` or ``"icrs"``.
    positions
        Positions to try in place of a grid.
    region
        Part of the grid: ``(SkyCoord, radius)`` or a ``mocpy.MOC``.
    energy_channels
        First channel of measured energy, and one after the last. Default: all.
    joint
        Fit channels jointly. False sums them first, as cosipy does: energies of counts are lost, and TS is lower.
    signed
        Whether norms may be negative.
    free_background
        Fit a factor on the background together with each norm.
    zero_background
        What to do with counts where the background is zero, see `solve`. What was done is in ``notes``.
    spectral_indices
        Indices to try at each position; it gets the best.
    errors
        Whether to find norm_errn, norm_errp and norm_ul, which takes as long as all else.
    confidence
        Of the one-sided upper limit.
    occultation
        Whether the Earth hides positions.
    index
        Whether to read a large response through its index, which is built the first time. False reads the whole file.
    scheduler, workers, memory, progress
        Where to run, as in `manyfit.fit`. Threads on one machine fit thousands of positions in a second; a
        ``distributed.Client`` is for very fine grids.
    store
        Folder or URL to which results are written block by block. The same call again goes on where an earlier one
        ended, whatever ended it; `TSMap.open` opens it. Default: results are in memory.

    Returns
    -------
    TSMap

    Raises
    ------
    InputError, InputTypeError
        For input that does not fit together, or a store of another map; the text says what does, or differs.
    OutputExists
        `store` is there and is none.

    Examples
    --------
    >>> import tempfile
    >>> from manyfit import tsmap
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sky = tsmap.simulate(folder)
    ...     burst = tsmap.fit(
    ...         sky.counts,
    ...         sky.background_model,
    ...         sky.response,
    ...         orientation=sky.orientation,
    ...         spectrum=sky.spectrum,
    ...         nside=8,
    ...     )
    ...     finer = burst.refine(nside=32)
    >>> burst.peak.ts > 100, round(burst.peak.norm, 1), finer.peak.ts > burst.peak.ts
    (True, 1.0, True)
    """
    chosen = spectrum_of(spectrum)
    the_problem = problem(
        counts,
        background,
        _readable(response, progress) if index else response,
        orientation,
        (chosen,) if spectral_indices is None else scanned(chosen, spectral_indices),
        energy_channels=energy_channels,
        joint=joint,
        free_background=free_background,
        zero_background=zero_background,
        occultation=occultation,
        options=Options(signed, one_sided_level(confidence), errors),
    )
    if positions is None:
        grid = healpix_grid(nside, order=order, frame=frame, region=region)
    else:
        grid = positions_grid(positions)
    where = Where(scheduler, workers, memory, progress)
    notes = (str(the_problem.zero_background),) if the_problem.zero_background.n_bins else ()
    low, *_, high = response.axes.interval("Ei").edges.tolist()
    empty = TSMap(grid, Room.of(0).solution(), chosen, confidence, None, notes, the_problem, (low, high))
    if store is not None:
        from ._store import fit_into

        stored = fit_into(store, empty, the_problem, where)
        return replace(empty, solution=stored.solution, spectral_index=stored.spectral_index)
    solution, best_index = fit_grid(the_problem, the_problem.rows(), grid, where)
    return replace(empty, solution=solution, spectral_index=best_index)


def _readable(response: ReducedResponse, progress: bool | Callable[[int, int], None] | None) -> ReducedResponse:
    """The response with its index, if it is a file; the progress of building it is shown, not counted."""
    if isinstance(response, DetectorResponse | PointSourceResponse):
        return indexed(response, progress=progress is True)
    return response


def fit_grid(problem: SkyProblem, rows: Iterable[Rows], grid: Grid, where: Where) -> tuple[Solution, Array | None]:
    """Fit all positions of a grid with the rows of each spectrum; their best indices if there are several."""
    vectors = grid.vectors
    solutions = [_fit_rows(problem, one, vectors, where) for one in rows]
    if len(solutions) == 1:
        return solutions[0], None
    best, which = best_of(solutions)
    return best, np.array([getattr(each, "index", np.nan) for each in problem.spectra])[which]


def _fit_rows(problem: SkyProblem, rows: Rows, vectors: Array, where: Where) -> Solution:
    executor, room = executor_for(where.scheduler, where.workers), Room.of(len(vectors))
    blocks, work = tiles(len(vectors), executor.n_workers, where.memory), FitWork.of(problem, rows, vectors)
    with progress_for(where.progress) as progress:
        run(blocks, work, collect=room.collect, executor=executor, progress=progress)
    return room.solution()


def tiles(n: int, n_workers: int, memory: int | None) -> Plan:
    """Positions in blocks."""
    return plan((n,), bytes_per_element=BYTES_PER_POSITION, memory=memory, n_workers=n_workers)


@dataclass(frozen=True, eq=False)
class FitWork:
    """Fits a tile of positions."""

    d: Array
    b: Array
    background_sum: float
    reduced: Array
    sums: Array
    vectors: Array
    exposure: Exposure
    options: Options

    @classmethod
    def of(cls, problem: SkyProblem, rows: Rows, vectors: Array) -> FitWork:
        """The work on positions with the rows of one spectrum."""
        return cls(problem.d, problem.b, problem.background_sum, *rows, vectors, problem.exposure, problem.options)

    def __call__(self, tile: Block) -> Part:
        """Results of a tile."""
        (here,) = tile.slices
        part = empty_part(tile.n_elements, errors=self.options.errors)
        exposure = self.exposure.of(self.vectors[here])
        rows, options = (self.reduced, self.sums), self.options
        signed, level = options.signed, options.level
        values, niter, status = part
        fit_tile(*exposure, *rows, self.d, self.b, self.background_sum, signed, level, values, niter, status)
        return part

"""Components of each spectrum tried again from those of its neighbours, until nothing changes.

Each spectrum is fitted from the components of each of its (eight) neighbours, with as many as the neighbour has. A fit
with a lower chi2 takes the place of the one with that number, and the number is chosen anew by the same rule. All
spectra of a pass start from what was there before it, so the order of spectra, bands and threads does not matter; a
further pass tries what has changed. So chi2 never rises for any number, and at the end no spectrum would do better from
the components of a neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._bands import Bands
from manyfit.cube._choice import Found, Needs, put
from manyfit.cube._component_refits import ComponentRefits, report_of
from manyfit.cube._neighbours import neighbours
from manyfit.cube._spectra import Spectra
from manyfit.cube._sum_fit import Run, fit_sum, inside
from manyfit.kernels import Solution
from manyfit.kernels._status import LAST_GOOD

Flags = NDArray[np.bool]

#: A chi2 that is lower by less than this part is equal: the same minimum, reached from elsewhere.
EQUAL = 1e-6
#: Passes after which it is given up that nothing changes.
MOST_PASSES = 50


def coherent(
    found: Found, bands: Bands, needs: Needs, run: Run, done: Callable[[int], object] = lambda _: None
) -> tuple[Found, ComponentRefits]:
    """Try the components of neighbours in all spectra, until nothing changes.

    Parameters
    ----------
    found
        What was found without neighbours.
    bands
        The spectra.
    needs
        The rule for the number of components.
    run
        `manyfit.fit` with its options.
    done
        Told how many spectra were tried, in the first pass.
    """
    first, passes, tries = found, 0, 0
    new = found.number > 0
    while new.any() and bands.cube.spatial_shape and passes < MOST_PASSES:
        before, found = found, _copy(found)
        for band in bands:
            tries += _try_band(before, found, bands, band, new, needs, run)
            if not passes:
                done(len(bands.places(band, (before.number >= 0).reshape(bands.cube.spatial_shape))))
        new, passes = _differs(before, found), passes + 1
    return found, report_of(first, found, passes, tries, bands.cube.spatial_shape, settled=not new.any())


def _copy(found: Found) -> Found:
    solution = Solution(**{f.name: np.array(getattr(found.solution, f.name)) for f in fields(Solution)})
    return replace(found, number=np.array(found.number), chi2=np.array(found.chi2), solution=solution)


def _differs(before: Found, after: Found) -> Flags:
    """Which spectra have other components than before."""
    return np.asarray(before.solution.statistic != after.solution.statistic) & (before.number >= 0)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Spectra and the neighbours whose components they are to be fitted from.

    Attributes
    ----------
    rows
        Numbers of the spectra in their band.
    places, partners
        Flat indices of the spectra and of the neighbours.
    """

    rows: NDArray[np.intp]
    places: NDArray[np.intp]
    partners: NDArray[np.intp]

    def only(self, which: Flags) -> _Pairs:
        return _Pairs(self.rows[which], self.places[which], self.partners[which])


def _try_band(
    before: Found, found: Found, bands: Bands, band: tuple[slice, ...], new: Flags, needs: Needs, run: Run
) -> int:
    """Fit the spectra of a band from their neighbours that are new, and keep in `found` what is better."""
    shape = bands.cube.spatial_shape
    places = bands.places(band, (before.number >= 0).reshape(shape))
    partners = neighbours(places, shape)
    useful = (partners >= 0) & new[partners] & (before.number[partners] > 0)
    wanted = np.zeros(shape, bool)
    wanted.reshape(-1)[places[useful.any(axis=1)]] = True
    some = useful.any(axis=1)
    places, partners, useful = places[some], partners[some], useful[some]
    if not places.size:
        return 0
    spectra = bands.spectra(band, wanted)
    for column in range(partners.shape[1]):
        pairs = _Pairs(np.arange(len(places)), places, partners[:, column]).only(useful[:, column])
        for number in range(1, before.n_max + 1):
            of_number = pairs.only(before.number[pairs.partners] == number)
            if of_number.rows.size:
                _try(before, found, spectra, of_number, number, needs, run)
    return int(useful.sum())


def _try(before: Found, found: Found, spectra: Spectra, pairs: _Pairs, number: int, needs: Needs, run: Run) -> None:
    """Fit spectra from neighbours with the same number of components, and keep what is better."""
    start = before.solution.values[pairs.partners]
    below = start[:, start.shape[1] - needs.n_baseline :]
    some = spectra.take(pairs.rows)
    fitted = fit_sum(some, inside(some, np.hstack([start[:, : 3 * number], below])), run)
    old = found.chi2[:, pairs.places]
    lower = (fitted.status <= LAST_GOOD) & (fitted.statistic < old[number] * (1 - EQUAL))
    chi2 = np.array(old)
    chi2[number, lower] = fitted.statistic[lower]
    chosen = needs.number(chi2, fitted.n_points)
    found.chi2[:, pairs.places] = chi2
    rows = np.flatnonzero(lower & (chosen == number))
    put(found.solution, pairs.places[rows], fitted, rows, number, needs.n_baseline)
    found.number[pairs.places[rows]] = number

"""A result from a store, complete or not; nothing in a store is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit._foreign import foreign, quiet
from manyfit.blocks import BlockStore
from manyfit.blocks._kinds import check_kind
from manyfit.errors import InputError
from manyfit.kernels import Options, Solution

from ..models import parse
from ._fallback import MOST_ERRORS
from ._fits_layout import KINDS, unit_from_text
from ._fits_wcs import wcs_from_header
from ._keep import KEEP
from ._manifest import KIND
from ._parameters import Parameters
from ._result import FitResult
from ._store_work import PLAIN
from ._strip import UnitSystem, bare
from ._template import UnknownModel
from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model


def open_result(place: str | Path, model: Model | None = None) -> FitResult:
    """The result in a store; its maps are dask arrays, NaN with the status NOT_FITTED where there is nothing yet.

    Raises
    ------
    FileNotFoundError
        There is no such store.
    InputError
        It is no store of results, of a later version, damaged, or of another model.
    """
    with quiet, foreign(place):
        return result_of(BlockStore.open(place), model)


def told(store: BlockStore) -> str:
    """What is in a store of results, for people; one block of it is read at a time."""
    select, kept = store.manifest.get("select"), store.manifest.get("keep")
    lines = [] if not select else [f"{select['elements']:,} elements are selected; the others are not fitted."]
    lines += [f"It keeps {' and '.join(kept)} in the shape of the data."] if kept else []
    return "\n".join([*lines, *([""] if lines else []), str(result_of(store).summary())])


def result_of(store: BlockStore, model: Model | None = None) -> FitResult:
    """The result in a store."""
    check_kind(store, KIND)
    said = store.manifest
    try:
        columns = Columns(*(tuple(said["model"][kind]) for kind in ("parameters", *KINDS)))
        options = Options(**said["options"])
        result = FitResult(
            parameters=_parameters(store, columns, options),
            template=_template(said["model"], model, store),
            system=_system(said["units"]),
            options=options,
            wcs=_wcs(said["wcs"], store.layout.shape),
        )
        kept = {name: store.array(name) for name in KEEP if name in store.layout.fields}
        return replace(result, tracebacks=_tracebacks(store), store=store, kept=kept)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{store.objects.place!r} is a store, but not of results of a fit ({error!r}).") from error


def _parameters(store: BlockStore, columns: Columns, options: Options) -> Parameters:
    values, errors = store.array("values"), store.array("errors")
    given = tuple(name for name in columns.names if name not in columns.free)
    places = columns.places(columns.free)
    free = values[..., places] if places else values[..., :0]
    return Parameters(
        columns,
        Solution(values=free, **{name: store.array(name) for name in PLAIN}),
        fixed={},
        tied={},
        absolute_sigma=options.absolute_sigma,
        stored={name: (values[..., i], errors[..., i]) for name, i in zip(given, columns.places(given), strict=True)},
    )


def _template(said: Mapping[str, Any], model: Model | None, store: BlockStore) -> Model | UnknownModel:
    if model is not None:
        if list(model.param_names) != said["parameters"]:
            raise InputError(
                f"model has the parameters {list(model.param_names)}, but the result in {store.objects.place!r} has "
                f"{said['parameters']}."
            )
        return bare(model)
    try:
        return UnknownModel(said["classes"]) if said["text"] is None else parse(said["text"])
    except InputError:  # of another version of astropy
        return UnknownModel(said["classes"])


def _system(said: Mapping[str, Any]) -> UnitSystem:
    parameters = {name: _unit(text) for name, text in said["parameters"].items()}
    return UnitSystem(tuple(map(_unit, said["inputs"])), _unit(said["data"]), parameters, said["attached"])


def _unit(text: str | None) -> Any:
    return None if text is None else unit_from_text(text)


def _wcs(cards: list[list[Any]] | None, shape: tuple[int, ...]) -> Any:
    if cards is None:
        return None
    from astropy.io.fits import Header

    lengths = [(f"NAXIS{i}", n) for i, n in enumerate(reversed(shape), 1)]
    return wcs_from_header(Header([("NAXIS", len(shape)), *lengths, *map(tuple, cards)]), len(shape))


def _tracebacks(store: BlockStore) -> dict[int, str]:
    """The first tracebacks by flat index of the element."""
    if store.manifest["model"]["compiled"]:
        return {}
    found: dict[int, str] = {}
    numbers = np.arange(np.prod(store.layout.shape, dtype=int)).reshape(store.layout.shape)
    for index in sorted(store.done()):
        block = store.layout.block(index)
        texts = store.marker(block).get("notes", {}).get("tracebacks", {})
        own = numbers[block.slices].reshape(-1)
        found |= {int(own[int(i)]): text for i, text in texts.items()}
    return dict(islice(sorted(found.items()), MOST_ERRORS))

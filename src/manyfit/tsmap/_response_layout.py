"""The layouts in which files hold a response, each with a function that reads one pixel as it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._axes import Axes, Axis, HealpixAxis
from ._hdf5 import member, needs_plugin, text
from ._histogram import A_HISTOGRAM, open_contents, read_axes

AXES = ("NuLambda", "Ei", "Em", "Phi", "PsiChi")
"""Axes of a response in the order in which pixels are read; others are summed over."""

A_RESPONSE = "a detector response"
VERSIONS = (1, 2)


@dataclass(frozen=True, eq=False)
class Layout:
    """How a file holds a response.

    Attributes
    ----------
    kind
        Name, a key of `READERS`.
    stored
        Axes as they are stored.
    dtype
        Type of the stored numbers.
    scale
        What a stored number is worth, for each Ei, in cm² (or cm² s).
    pad
        Bins of underflow before the first bin of each axis.
    """

    kind: str
    stored: Axes
    dtype: np.dtype[Any]
    scale: NDArray[np.float64]
    pad: tuple[int, ...]

    @property
    def axes(self) -> Axes:
        """The axes of a response, in their order."""
        return self.stored.chosen(AXES)

    def read(self, file: Any, pixel: int) -> NDArray[Any]:
        """Stored numbers of one pixel of NuLambda, (Ei, Em, Phi, PsiChi)."""
        return READERS[self.kind](self, file, pixel)


def detector_layout(file: Any) -> Layout:
    """Find out how an open file holds a detector response.

    Raises
    ------
    InputError
        It holds none, or one of a version or with axes that are not known.
    """
    drm = member(file, "DRM", A_RESPONSE)
    version = int(drm.attrs.get("VERSION", 1))
    if version not in VERSIONS:
        raise InputError(
            f"{file.filename!r}: DRM has VERSION={version}. Accepted: {', '.join(map(str, VERSIONS))} (none means 1)."
        )
    return _checked(file, _version_2(drm) if version == 2 else _version_1(drm))


def point_source_layout(file: Any) -> Layout:
    """Find out how an open file holds a point source response.

    Raises
    ------
    InputError
        It holds none, or one that is not dense.
    """
    group = member(file, "hist", "a point source response")
    stored = read_axes(member(group, "axes", A_HISTOGRAM))
    name, contents, pad = open_contents(group, stored)
    if name != "dense":
        raise InputError(f"{file.filename!r}: format is {name!r}. A point source response must be 'dense'.")
    scale = np.ones(stored["Ei"].n_bins if "Ei" in stored else 1)
    return _checked(file, Layout("histogram", stored, contents.dtype, scale, pad))


def _checked(file: Any, layout: Layout) -> Layout:
    missing = [label for label in AXES if label not in layout.stored]
    if missing:
        raise InputError(
            f"{file.filename!r}: the response has axes {', '.join(layout.stored.labels)}; {', '.join(missing)} missing."
        )
    if "Pol" in layout.stored:
        raise InputError(f"{file.filename!r}: the response has an axis 'Pol'. Responses to polarization are not read.")
    if layout.stored.labels[:2] != AXES[:2]:
        raise InputError(
            f"{file.filename!r}: the axes are {', '.join(layout.stored.labels)}. NuLambda and Ei must come first."
        )
    layout.stored.healpix("NuLambda")
    layout.stored.healpix("PsiChi")
    return layout


def _version_2(drm: Any) -> Layout:
    stored = read_axes(member(drm, "AXES", A_RESPONSE))
    counts = member(drm, "COUNTS", A_RESPONSE)
    area = member(drm, "EFF_AREA", A_RESPONSE)[:].astype(np.float64)
    _check_shape(counts, stored.shape)
    if area.shape != (stored["Ei"].n_bins,) or not (np.isfinite(area) & (area >= 0)).all():
        raise InputError(
            f"{drm.file.filename!r}: DRM/EFF_AREA is {area}. A finite value >= 0 for each of {stored['Ei'].n_bins} "
            "energies Ei is needed."
        )
    needs_plugin(counts)
    return Layout("version 2", stored, counts.dtype, area, (0,) * len(stored))


def _version_1(drm: Any) -> Layout:
    group = member(drm, "AXES", A_RESPONSE)
    try:
        known = {name: _axis_1(group[name]) for name in group}
    except InputError as error:
        raise InputError(f"{drm.file.filename!r}: {error}") from None
    sparse = bool(drm.attrs.get("SPARSE", True))
    contents = member(drm, "CONTENTS", A_RESPONSE)
    stored = Axes(known[name] for name in _order_1(drm, group))
    pad, scale = (0,) * len(stored), np.ones(stored["Ei"].n_bins)
    if sparse:
        member(drm, "BIN_NUMBERS", A_RESPONSE)
        _check_shape(contents, stored.shape[:1])
        return Layout("version 1 sparse", stored, np.dtype(np.float64), scale, pad)
    _check_shape(contents, stored.shape)
    return Layout("version 1 dense", stored, contents.dtype, scale, pad)


def _order_1(drm: Any, group: Any) -> list[str]:
    """Names of the axes in the order in which they were made, which is that of the contents."""
    import h5py

    if group.id.get_create_plist().get_link_creation_order() & h5py.h5p.CRT_ORDER_TRACKED:
        names: list[str] = []
        group.id.links.visit(
            lambda name: names.append(name.decode()), idx_type=h5py.h5.INDEX_CRT_ORDER, order=h5py.h5.ITER_INC
        )
        return names
    usual = ("NuLambda", "Ei", "Pol", "Em", "Phi", "PsiChi", "SigmaTau", "Dist")
    if unknown := set(group) - set(usual):
        strange = ", ".join(sorted(unknown))
        raise InputError(f"{drm.file.filename!r}: DRM/AXES holds {strange}; the file does not keep their order.")
    return [name for name in usual if name in group]


def _axis_1(dataset: Any) -> Axis | HealpixAxis:
    from astropy import units as u

    label, attrs = dataset.name.rsplit("/", 1)[-1], dataset.attrs
    kind = text(attrs.get("TYPE", "linear")).lower()
    if kind == "healpix":
        scheme = "NESTED" if text(attrs.get("SCHEME", "ring")).upper().startswith("NEST") else "RING"
        return HealpixAxis(label, int(attrs["NSIDE"]), scheme, "spacecraft")  # type: ignore[arg-type]
    unit = text(attrs.get("UNIT", ""))
    return Axis(label, u.Quantity(dataset[:], unit) if unit else dataset[:], "log" if kind == "log" else "linear")


def _check_shape(dataset: Any, shape: tuple[int, ...]) -> None:
    if dataset.shape != shape:
        raise InputError(
            f"{dataset.file.filename!r}: {dataset.name} has shape {dataset.shape}; the axes have {shape} bins."
        )


def _in_order(layout: Layout, values: NDArray[Any]) -> NDArray[Any]:
    """Sum over the axes that are no axes of a response, and bring the others into order."""
    labels = layout.stored.labels[1:]
    others = tuple(i for i, label in enumerate(labels) if label not in AXES)
    summed = values.sum(axis=others) if others else values
    left = [label for label in labels if label in AXES]
    return np.ascontiguousarray(summed.transpose([left.index(label) for label in AXES[1:]]))


def _read_version_2(layout: Layout, file: Any, pixel: int) -> NDArray[Any]:
    return _in_order(layout, file["DRM/COUNTS"][pixel])


def _read_dense_1(layout: Layout, file: Any, pixel: int) -> NDArray[Any]:
    return _in_order(layout, file["DRM/CONTENTS"][pixel])


def _read_sparse_1(layout: Layout, file: Any, pixel: int) -> NDArray[Any]:
    """Lists of values and of their bins, (axis, entry) one after the other."""
    values = np.asarray(file["DRM/CONTENTS"][pixel], dtype=np.float64)
    bins = np.asarray(file["DRM/BIN_NUMBERS"][pixel], dtype=np.int64)
    labels = layout.stored.labels[1:]
    if bins.size != len(labels) * values.size:
        raise InputError(
            f"{file.filename!r}: pixel {pixel} has {values.size} values and {bins.size} bin numbers; "
            f"{len(labels) * values.size} are needed."
        )
    places = bins.reshape(len(labels), values.size)
    shape = layout.axes.shape[1:]
    flat = np.ravel_multi_index(tuple(places[labels.index(label)] for label in AXES[1:]), shape)
    return np.bincount(flat, weights=values, minlength=int(np.prod(shape))).reshape(shape)


def _read_histogram(layout: Layout, file: Any, pixel: int) -> NDArray[Any]:
    inner = tuple(slice(pad, pad + axis.n_bins) for pad, axis in zip(layout.pad, layout.stored, strict=True))
    return _in_order(layout, file["hist/contents"][(pixel + layout.pad[0], *inner[1:])])


READERS: dict[str, Callable[[Layout, Any, int], NDArray[Any]]] = {
    "version 1 sparse": _read_sparse_1,
    "version 1 dense": _read_dense_1,
    "version 2": _read_version_2,
    "histogram": _read_histogram,
}

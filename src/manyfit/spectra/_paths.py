"""Where the surveys keep their files: templates of paths, by data release."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path

from manyfit.errors import InputError, unknown_name
from manyfit.spectra._download import fetch

SDSS_SERVER = "https://data.sdss.org/sas"

_REDUX, _ASPCAP = "apogee/spectro/redux/{apred}", "apogee/spectro/aspcap/{apred}"
_REDUX_5, _ASTRA = "spectro/apogee/redux/{apred}", "spectro/astra/{v_astra}"

# as in sdss-tree 4.1.4 (tree/data/dr12.cfg, dr16.cfg, dr19.cfg)
SDSS_4 = {
    "apStar": _REDUX + "/{apstar}/{telescope}/{field}/{prefix}Star-{apred}-{obj}.fits",
    "apVisit": _REDUX + "/visit/{telescope}/{field}/{plate}/{mjd}/{prefix}Visit-{apred}-{plate}-{mjd}-{fiber:0>3}.fits",
    "aspcapStar": _ASPCAP + "/{aspcap}/{telescope}/{field}/aspcapStar-{apred}-{obj}.fits",
}
SDSS_5 = {
    "apStar": _REDUX_5 + "/stars/{telescope}/{healpix_group}/{healpix}/apStar-{apred}-{telescope}-{obj}.fits",
    "apVisit": _REDUX_5
    + "/visit/{telescope}/{field}/{plate}/{mjd}/apVisit-{apred}-{telescope}-{plate}-{mjd}-{fiber:0>3}.fits",
    "mwmStar": _ASTRA + "/spectra/star/{sdss_id_group}/mwmStar-{v_astra}-{sdss_id}.fits",
    "mwmVisit": _ASTRA + "/spectra/visit/{sdss_id_group}/mwmVisit-{v_astra}-{sdss_id}.fits",
}
TEMPLATES = {"dr16": SDSS_4, "dr17": SDSS_4, "dr19": SDSS_5, "dr20": SDSS_5}
DEFAULTS = {"apstar": "stars", "prefix": "ap"}

# folders that follow from another field, so that none has too many files
DERIVED: Mapping[str, tuple[str, Callable[[int], str]]] = {
    "healpix_group": ("healpix", lambda healpix: str(healpix // 1000)),
    "sdss_id_group": ("sdss_id", lambda sdss_id: f"{sdss_id // 100 % 100:02d}/{sdss_id % 100:02d}"),
}


@dataclass(frozen=True)
class SurveyFile:
    """A file of a survey: its path below the root of the archive, and its address.

    Parameters
    ----------
    release
        Data release, such as ``"dr17"``.
    path
        Path below the folder of the release, the same on the server and in a local copy.
    """

    release: str
    path: str

    def url(self, server: str = SDSS_SERVER) -> str:
        """The address of the file on a server that has the tree of the Science Archive Server."""
        return f"{server.rstrip('/')}/{self.release}/{self.path}"

    def local(self, folder: str | PathLike[str]) -> Path:
        """The path of the file in a local copy of the tree; nothing is downloaded."""
        return Path(folder) / self.release / self.path

    def fetch(
        self,
        folder: str | PathLike[str],
        *,
        server: str = SDSS_SERVER,
        size: int | None = None,
        checksum: str | None = None,
        timeout: float = 60.0,
        retries: int = 3,
    ) -> Path:
        """The path of the file in a local copy of the tree, downloaded if it is not there: see `fetch`."""
        path = self.local(folder)
        return fetch(self.url(server), path, size=size, checksum=checksum, timeout=timeout, retries=retries)


def survey_file(kind: str, *, release: str, **fields: str | int) -> SurveyFile:
    r"""The file of a survey with these names and numbers.

    Parameters
    ----------
    kind
        ``"apStar"``, ``"apVisit"`` (SDSS-IV and SDSS-V), ``"aspcapStar"`` (SDSS-IV), ``"mwmStar"``, ``"mwmVisit"``
        (SDSS-V).
    release
        ``"dr16"``, ``"dr17"``, ``"dr19"`` or ``"dr20"``.
    \**fields
        What the path is made of, such as `apred`, `telescope`, `field`, `obj`; the error says which are missing. Not
        needed: `prefix` (``"ap"``; ``"as"`` in the south) and `apstar` (``"stars"``).

    Raises
    ------
    InputError
        A kind, release or field that is not known, or a field that is missing.

    Examples
    --------
    >>> f = survey_file("apStar", release="dr17", apred="dr17", telescope="apo25m", field="K01_082+17",
    ...                 obj="2M19085185+5058401")
    >>> f.path
    'apogee/spectro/redux/dr17/stars/apo25m/K01_082+17/apStar-dr17-2M19085185+5058401.fits'
    >>> survey_file("mwmStar", release="dr19", v_astra="0.6.0", sdss_id=99560123).path
    'spectro/astra/0.6.0/spectra/star/01/23/mwmStar-0.6.0-99560123.fits'
    """
    if release not in TEMPLATES:
        raise unknown_name("release", release, TEMPLATES)
    if kind not in TEMPLATES[release]:
        raise unknown_name(f"kind of file in {release}", kind, TEMPLATES[release])
    template = TEMPLATES[release][kind]
    needed = _fields(template)
    for name in fields:
        if name not in needed:
            raise unknown_name(f"field of {kind}", name, needed)
    known = {name: value for name, value in DEFAULTS.items() if name in needed} | fields
    missing = [name for name in needed if name not in known]
    if missing:
        raise InputError(f"The path of {kind} in {release} needs {', '.join(missing)}.")
    values = {name: _safe(name, value) for name, value in known.items()} | _derived(known)
    return SurveyFile(release, template.format(**values))


def _fields(template: str) -> list[str]:
    """The fields that a template needs from the user, in their order."""
    names = [DERIVED.get(name, (name,))[0] for _, name, _, _ in string.Formatter().parse(template) if name]
    return list(dict.fromkeys(names))


def _derived(known: Mapping[str, str | int]) -> dict[str, str]:
    return {name: rule(int(known[source])) for name, (source, rule) in DERIVED.items() if source in known}


def _safe(name: str, value: str | int) -> str:
    text = str(value)
    if not text or "/" in text or "\\" in text or text in {".", ".."}:
        raise InputError(f"{name} is {text!r}. Give a name without slashes: it is one part of a path.")
    return text


def sdss_access_file(kind: str, *, release: str, **fields: str | int) -> SurveyFile:
    r"""The file of SDSS with these names and numbers, by the package sdss-access: all kinds and releases that it knows.

    Parameters
    ----------
    kind, release, \**fields
        As `sdss_access.path.Path.full` takes them.

    Raises
    ------
    ImportError
        sdss-access is not installed.
    InputError
        It does not know the kind, or a field is missing.
    """
    try:
        sdss_path = import_module("sdss_access.path").Path
    except ImportError as error:
        raise ImportError(
            "sdss_access_file needs the package sdss-access: pip install sdss-access. "
            "survey_file works without it for the kinds that manyfit reads."
        ) from error
    paths = sdss_path(release=release.upper())
    if kind not in paths.lookup_names():
        raise unknown_name("kind of file", kind, paths.lookup_names())
    missing = [name for name in paths.lookup_keys(kind) if name not in fields]
    if missing:
        raise InputError(f"The path of {kind} in {release} needs {', '.join(missing)}.")
    _, _, path = str(paths.url(kind, **fields)).partition(f"/sas/{release.lower()}/")
    return SurveyFile(release.lower(), path)

"""Ways to spoil a file of each kind, drawn by a generator of random numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

# -- FITS ------------------------------------------------------------------------------------------------------------

CARD, BLOCK = 80, 2880
ABSURD = (
    "-1", "0", "1", "3", "7", "999", "1000000000000", "-9223372036854775808", "99999999999999999999999", "1E400", "NaN",
    "T", "F", "'text'", "''", "'{{{'", "'\\'", "1.5", "-32", "64", "(1,2)", "", "=", "'unterminated", "\xe9\xff",
    "'km s-1 / / ('", "'1e999 K'", "'GLON-XXX'", "'FREQ-LOG'", "'WAVE-TAB'", "'RA---SIP'", "'NUNIQ'", "'\x00\x01'",
)  # fmt: skip
KEYS = (
    "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "BITPIX", "BSCALE", "BZERO", "BLANK", "BUNIT", "CTYPE1", "CTYPE3", "CUNIT1",
    "CUNIT3", "CRVAL3", "CDELT3", "CDELT1", "CRPIX1", "PC1_1", "CD1_1", "RESTFRQ", "WCSAXES", "EXTEND", "GCOUNT",
    "PCOUNT", "GROUPS", "TFIELDS", "TFORM1", "TTYPE1", "TDIM1", "TSCAL1", "TNULL1", "THEAP", "ZIMAGE", "ZCMPTYPE",
    "ZTILE1", "ZBITPIX", "ZNAXIS1", "NSIDE", "ORDERING", "EXTNAME", "CHECKSUM", "DATASUM", "MODEL", "PARAMS", "MAPAXES",
    "MAPLEN0", "PAR0", "KIND0", "CONTENT", "PARNAME", "STATNAME", "MFFORMAT", "INPUTS", "XTENSION", "SIMPLE", "END",
    "D2IMFILE", "CPDIS1", "A_ORDER", "PS3_0", "PV2_1", "LATPOLE", "DATE-OBS", "EQUINOX", "INHERIT", "CONTINUE",
)  # fmt: skip


def cards_of(content: bytes) -> list[int]:
    """Where the cards of all headers begin."""
    found, inside = [], False
    for start in range(0, len(content) - CARD + 1, CARD):
        if start % BLOCK == 0 and content[start : start + 9] in (b"SIMPLE  =", b"XTENSION="):
            inside = True
        if inside:
            found.append(start)
            inside = content[start : start + 8] != b"END     "
    return found


def card(key: str, value: str) -> bytes:
    return f"{key:<8}= {value:>20}"[:CARD].ljust(CARD).encode("latin-1")


def spoil_cards(content: bytes, random: Random) -> bytes:
    """Change, remove, double, exchange or add cards."""
    data, places = bytearray(content), cards_of(content)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        if not places:
            break
        at, other = random.choice(places), random.choice(places)
        old = bytes(data[at : at + CARD])
        match random.randrange(8):
            case 0 | 1 | 2:  # another value
                data[at : at + CARD] = card(old[:8].decode("latin-1").rstrip(), random.choice(ABSURD))
            case 3:  # another card
                data[at : at + CARD] = card(random.choice(KEYS), random.choice(ABSURD))
            case 4:
                data[at : at + CARD] = b" " * CARD
            case 5:
                data[other : other + CARD] = old
            case 6:
                data[at : at + CARD], data[other : other + CARD] = data[other : other + CARD], old
            case 7:
                data[at + random.randrange(CARD)] = random.randrange(256)
    return bytes(data)


def spoil_known_card(content: bytes, random: Random) -> bytes:
    """Give a keyword that means something an absurd value."""
    data, places = bytearray(content), cards_of(content)
    key = random.choice(KEYS)
    known = [at for at in places if bytes(data[at : at + 8]) == f"{key:<8}".encode()]
    comments = [at for at in places if data[at : at + 8] in (b"COMMENT ", b"HISTORY ", b" " * 8)]
    if at := (known and random.choice(known)) or (comments and random.choice(comments)) or random.choice(places):
        data[at : at + CARD] = card(key, random.choice(ABSURD))
    return bytes(data)


# -- bytes of any file -----------------------------------------------------------------------------------------------


def spoil_bytes(content: bytes, random: Random) -> bytes:
    """Flip, cut, double or overwrite bytes."""
    data = bytearray(content)
    match random.randrange(6):
        case 0:
            return bytes(data[: random.randrange(len(data) + 1)])
        case 1:
            for _ in range(random.choice((1, 3, 30))):
                data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        case 2:  # near the beginning, where most is said
            for _ in range(random.choice((1, 3, 10))):
                data[random.randrange(min(len(data), 3000))] = random.randrange(256)
        case 3:
            at = random.randrange(len(data))
            del data[at : at + random.choice((1, 8, 80, 2880))]
        case 4:
            at = random.randrange(len(data))
            data[at:at] = random.randbytes(random.choice((1, 8, 80)))
        case 5:
            at = random.randrange(len(data))
            data[at : at + 8] = random.choice((b"\xff" * 8, b"\0" * 8, b"\x7f" * 8))
    return bytes(data)


def spoil_fits(path: Path, random: Random) -> None:
    content = path.read_bytes()
    spoil = random.choice((spoil_cards, spoil_cards, spoil_known_card, spoil_known_card, spoil_bytes))
    path.write_bytes(spoil(content, random))


def spoil_archive(path: Path, random: Random) -> None:
    """An archive of NumPy, member by member, or the bytes of any file."""
    if path.suffix != ".npz" or random.random() < 0.4:
        path.write_bytes(spoil_bytes(path.read_bytes(), random))
        return
    with np.load(path) as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    name = random.choice(list(arrays))
    match random.randrange(7):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = np.array([{"a": 1}, print], dtype=object)
        case 2:
            arrays[name] = np.asarray(arrays[name]).astype("S5")
        case 3:
            arrays[name] = np.zeros(random.choice(((), (0,), (1,), (3, 3), (2, 0), (1, 1, 1))))
        case 4:
            arrays[name] = arrays[random.choice(list(arrays))]
        case 5:
            arrays[random.choice(("../../out", "/tmp/out", "a/b", ""))] = arrays.pop(name)
        case 6:
            if arrays[name].dtype.kind == "U":
                arrays[name] = np.array(str(spoil_json(str(arrays[name]), random)))
            else:
                arrays[name] = np.full_like(arrays[name], np.nan if arrays[name].dtype.kind == "f" else 0)
    np.savez(path, **arrays)


# -- HDF5 ------------------------------------------------------------------------------------------------------------


def odd_arrays() -> list[Any]:
    return [
        np.zeros((0,)), np.float64(3), np.array([b"a", b"b"]), np.array([1j]), np.zeros((2, 0, 3)), np.zeros((1,) * 6),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.array([np.nan]), np.array([np.inf, -np.inf]),
        np.array([True]), np.array([2**63 - 1]), np.array([-1, -5]), np.array([3, 2, 1.0]), b"\xff\xfe", "text",
        "{" * 50,
        "km/s" * 200, "(" * 3000, "1e999", [1.0, 2.0],
    ]  # fmt: skip


def everything(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def spoil_objects(path: Path, random: Random) -> None:
    with h5py.File(path, "r+") as file:
        for _ in range(random.choice((1, 1, 2, 4))):
            names = everything(file)
            if not names:
                break
            name = random.choice(names)
            HDF5[random.randrange(len(HDF5))](file, name, random)


def remove(file: h5py.File, name: str, random: Random) -> None:
    del file[name]


def replace_by_odd(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    file[name] = random.choice(odd_arrays())


def replace_by_group(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    file.create_group(name)


def replace_by_huge(file: h5py.File, name: str, random: Random) -> None:
    """A dataset that says it has far more than any memory, and has nothing."""
    del file[name]
    shape = random.choice(((10**12,), (10**6, 10**6), (12, 10**5, 10**6), (3, 10**9)))
    file.create_dataset(name, shape, random.choice(("f8", "u1", "i4")), chunks=tuple(min(n, 64) for n in shape))


def references(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    kind = random.choice((h5py.ref_dtype, h5py.regionref_dtype, h5py.vlen_dtype(np.float64), h5py.string_dtype()))
    file.create_dataset(name, (3,), kind)


def link(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    target = random.choice(("/etc/passwd", "../secret.h5", "cube.h5", "missing.h5"))
    file[name] = random.choice((h5py.SoftLink(name), h5py.SoftLink("/nowhere"), h5py.ExternalLink(target, "/secret")))


def circle(file: h5py.File, name: str, random: Random) -> None:
    place = file[name] if isinstance(file.get(name), h5py.Group) else file
    place["circle"] = random.choice((file["/"], place))


def attribute(file: h5py.File, name: str, random: Random) -> None:
    item = file.get(name)
    if item is None:
        return
    keys = [*item.attrs, "units", "scale_factor", "add_offset", "_FillValue", "CLASS", "nside", "label", "format"]
    key = random.choice(keys)
    if random.random() < 0.3:
        item.attrs.pop(key, None)
    else:
        item.attrs[key] = random.choice(odd_arrays())


def elsewhere(file: h5py.File, name: str, random: Random) -> None:
    """Values that are in another file."""
    del file[name]
    if random.random() < 0.5:
        file.create_dataset(name, (64,), "u1", external=[("/etc/passwd", 0, 64)])
        return
    layout = h5py.VirtualLayout((12, 2, 3), "f4")
    layout[:] = h5py.VirtualSource(random.choice(("../secret.h5", "/etc/passwd", ".")), "secret", (12, 2, 3))
    file.create_virtual_dataset(name, layout)


HDF5: list[Callable[[h5py.File, str, Random], None]] = [
    remove, replace_by_odd, replace_by_odd, replace_by_group, replace_by_huge, references, link, circle, attribute,
    attribute, attribute, elsewhere,
]  # fmt: skip


def spoil_hdf5(path: Path, random: Random) -> None:
    if random.random() < 0.3:
        path.write_bytes(spoil_bytes(path.read_bytes(), random))
    else:
        spoil_objects(path, random)


# -- zarr ------------------------------------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, 10**12, 10**30, 1.5, float("nan"), float("inf"), "", "text", "NaN", "float64", "object",
    "<f8",
    "|O", "V8", "U5", "../../secret", "/etc", "a/b", [], [0], [-1], [1, 2], [10**12], [10**6] * 3, ["a"], [[]], {},
    {"a": 1},
    {"name": "zstd"}, {"name": "bytes"}, [{"name": "gzip", "configuration": {"level": 1}}], {"id": "pickle"}, "\ud83d",
    "Gaussian1D(1, 2, 3)", "((((" * 500, "__import__('os').system('x')", "km" * 300, "NaN" * 3, 2**63,
)  # fmt: skip


def spoil_json(text: str, random: Random) -> str:
    """Another value, key or length somewhere in a tree; or other text."""
    if random.random() < 0.15:
        return text[: random.randrange(len(text) + 1)] + random.choice(("", "}", "\x00", "[" * 5000, "é"))
    try:
        tree = json.loads(text)
    except ValueError:
        return "[]"
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    walk(tree)
    for _ in range(random.choice((1, 1, 2, 4))):
        if not places:
            return json.dumps(random.choice(VALUES))
        node, key = random.choice(places)
        match random.randrange(5):
            case 0 | 1 | 2:
                node[key] = random.choice(VALUES)
            case 3 if isinstance(node, dict):
                node[random.choice(("../../secret", "a/../..", "x", "name", "/etc", ""))] = node.get(key)
            case 4 if isinstance(node, dict):
                node.pop(key, None)
            case _:
                other, name = random.choice(places)
                node[key] = json.loads(json.dumps(other[name])) if isinstance(other, list) or name in other else None
        places = [(n, k) for n, k in places if (isinstance(n, dict) and k in n) or (isinstance(n, list) and k < len(n))]
    return json.dumps(tree)


def spoil_zarr(path: Path, random: Random) -> None:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    said = [file for file in files if file.name in ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")]
    for _ in range(random.choice((1, 1, 2))):
        file = random.choice(said if random.random() < 0.7 else files)
        if not file.is_file():
            continue
        match random.randrange(8):
            case 0:
                file.unlink()
            case 1 if file.stat().st_size:
                file.write_bytes(spoil_bytes(file.read_bytes(), random))
            case 2 if file.parent != path:
                shutil.rmtree(file.parent)
            case 3:
                file.unlink()
                file.symlink_to(random.choice(("/etc/passwd", "../../secret.h5", str(file), "/nowhere")))
            case 4:
                file.unlink()
                file.mkdir()
            case _ if file in said or file.parent.name == "done":
                text = file.read_text("utf-8", "replace")
                file.write_text(spoil_json(text, random), "utf-8", "surrogatepass")
            case _:
                file.write_bytes(random.randbytes(random.choice((0, 1, 96, 1000))))


SPOILERS = {"fits": spoil_fits, "hdf5": spoil_hdf5, "zarr": spoil_zarr, "archive": spoil_archive}

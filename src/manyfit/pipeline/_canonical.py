"""One text for one value: what identities are digests of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: Made once: identities of rows are made by the hundred thousand.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def canonical(value: Any) -> str:
    """JSON of a value with sorted keys and without spaces; equal values have equal texts, 0 and 0.0 differ.

    Examples
    --------
    >>> canonical({"b": (1, 2.0), "a": None})
    '{"a":null,"b":[1,2.0]}'
    """
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """The sha256 of the canonical text, in hexadecimal.

    Examples
    --------
    >>> digest({"a": 1})[:16]
    '015abd7f5cc57a2d'
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def differences(old: Any, new: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Places at which two records differ, with both values; None where one has no such place.

    Examples
    --------
    >>> differences({"version": "1", "parameters": {"order": 2}}, {"version": "1", "parameters": {"order": 3}})
    [('parameters.order', 2, 3)]
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new and type(old) is type(new) else [(path, old, new)]
    return [
        found
        for key in sorted(old.keys() | new.keys())
        for found in differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    ]

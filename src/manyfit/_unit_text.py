"""Whether text may be a unit at all: the parsers of astropy compute powers of whatever size, and nest as deep."""

from __future__ import annotations

import re

#: The longest text that is looked at; the units that astropy writes are far shorter.
LONGEST = 200
ENDLESS = re.compile(r"\d{5,}|(\*\*|\^)[^*^]{0,9}(\*\*|\^)|10\s*(\*\*|\^)\s*\(?\s*[-+]?\d{4,}")


def may_be_unit(text: str) -> bool:
    """Whether a parser of units can be given a text of anyone.

    Examples
    --------
    >>> may_be_unit("10**-20 erg s-1 cm-2"), may_be_unit("10**9999999999 K"), may_be_unit("m**9**9**9")
    (True, False, False)
    """
    return len(text) <= LONGEST and ENDLESS.search(text) is None

"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no fault of an example.
settings.register_profile("manyfit", deadline=None)
settings.load_profile("manyfit")

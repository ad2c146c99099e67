"""Settings of a machine that are no part of what a task is: where products and files of surveys are."""

from __future__ import annotations

import os


def configured(name: str, default: str) -> str:
    """A setting: that of the environment, as ``MANYFIT_NAME``, of section ``[manyfit]`` of luigi.cfg, or a default."""
    import luigi

    said: str = luigi.configuration.get_config().get("manyfit", name, default)
    return os.environ.get(f"MANYFIT_{name.upper()}") or said

#!/usr/bin/env -S python -m nox
# /// script
# dependencies = ["nox>=2024.10.9"]
# ///
"""Tasks that need an environment of their own: ``nox -s NAME``; the default ones run without a name."""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session
def lint(session: nox.Session) -> None:
    """Formatter, linter, types and repository checks."""
    session.install("-e.[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("repo-review", ".")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The tests; arguments go to pytest."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs, env={"MPLBACKEND": "Agg"})


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation, in docs/_build."""
    session.install(".[docs]")
    session.run("sphinx-build", "--fail-on-warning", "-b=html", "docs", "docs/_build")


if __name__ == "__main__":
    nox.main()

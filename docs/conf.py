"""Settings of Sphinx."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "manyfit"
author = "manyfit developers"
copyright = "2026, manyfit developers"  # noqa: A001 (the name that Sphinx reads)
release = version = installed_version("manyfit")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
html_theme = "pydata_sphinx_theme"
myst_enable_extensions = ["dollarmath"]
numpydoc_show_class_members = False
intersphinx_mapping = {
    "astropy": ("https://docs.astropy.org/en/stable", None),
    "matplotlib": ("https://matplotlib.org/stable", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "python": ("https://docs.python.org/3", None),
}

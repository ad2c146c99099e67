"""A report: one HTML page that needs no other file, made of plain parts.

The page works without scripts and without a network, in light and dark, on paper and on a screen of any width.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from manyfit.plot._style import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESOLUTION = 90  # dots per inch of figures: sharp on a screen, and quick to draw


@dataclass(frozen=True)
class Words:
    """Paragraphs of text."""

    text: str

    def html(self) -> str:
        """As HTML; an empty line parts paragraphs."""
        return "".join(f"<p>{escape(part)}</p>" for part in self.text.split("\n\n"))


@dataclass(frozen=True)
class Notes:
    """A list of remarks."""

    lines: tuple[str, ...]

    def html(self) -> str:
        """As HTML."""
        return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in self.lines)}</ul>"


@dataclass(frozen=True)
class KeyFigures:
    """A few numbers that matter most: pairs of figure and what it is."""

    pairs: tuple[tuple[str, str], ...]

    def html(self) -> str:
        """As HTML."""
        cards = (f"<div><b>{escape(figure)}</b><span>{escape(what)}</span></div>" for figure, what in self.pairs)
        return f'<div class="key">{"".join(cards)}</div>'


@dataclass(frozen=True)
class Table:
    """A table; columns of numbers, and of numbers only, are set to the right.

    Attributes
    ----------
    head
        Names of the columns.
    rows
        Cells, as text.
    caption
        What it shows.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def html(self) -> str:
        """As HTML."""
        sides = [' class="n"' if self._is_number(column) else "" for column in range(len(self.head))]
        head = _row("th", self.head, sides)
        body = "".join(_row("td", row, sides) for row in self.rows)
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return f'<div class="wide"><table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table></div>'

    def _is_number(self, column: int) -> bool:
        cells = [row[column].replace("−", "-").replace(",", "").rstrip(" %") for row in self.rows]
        return bool(cells) and all(_is_float(cell) or cell in {"", "-", "–"} for cell in cells)


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    png
        The bytes of a PNG file.
    title
        What it shows, also for those who cannot see it.
    caption
        How to read it.
    """

    png: bytes
    title: str
    caption: str = ""

    def html(self) -> str:
        """As HTML, with the image inside."""
        image = b64encode(self.png).decode("ascii")
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure><img src="data:image/png;base64,{image}" alt="{escape(self.title)}">{caption}</figure>'


@dataclass(frozen=True)
class Listing:
    """Text of fixed width, such as a command."""

    text: str

    def html(self) -> str:
        """As HTML."""
        return f"<pre>{escape(self.text)}</pre>"


Part = Words | Notes | KeyFigures | Table | Picture | Listing


@dataclass(frozen=True)
class Section:
    """A part of a report with a title."""

    title: str
    parts: tuple[Part, ...]


def report_page(title: str, sections: Iterable[Section], *, subtitle: str = "", footer: str = "") -> str:
    """A page of HTML with everything in it.

    Parameters
    ----------
    title, subtitle
        Words at the top.
    sections
        Parts of the page; a list of their titles leads to each.
    footer
        Words at the bottom, such as what wrote the page, and when.

    Returns
    -------
    page
        The text of the page, to be written in UTF-8.

    Examples
    --------
    >>> page = report_page("NGC 1333", [Section("Noise", (Words("0.2 K & constant"),))])
    >>> "<h1>NGC 1333</h1>" in page, "<p>0.2 K &amp; constant</p>" in page
    (True, True)
    """
    shown = list(sections)
    links = "".join(f'<a href="#s{i}">{escape(section.title)}</a>' for i, section in enumerate(shown))
    below = f"<p>{escape(subtitle)}</p>" if subtitle else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f"<header><h1>{escape(title)}</h1>{below}</header>",
            f"<nav>{links}</nav>\n<main>",
            *(_section(i, section) for i, section in enumerate(shown)),
            f"</main>\n<footer>{escape(footer)}</footer>\n</body>\n</html>\n",
        ]
    )


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=RESOLUTION)
    return file.getvalue()


def _section(number: int, section: Section) -> str:
    parts = "\n".join(part.html() for part in section.parts)
    return f'<section id="s{number}">\n<h2>{escape(section.title)}</h2>\n{parts}\n</section>'


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    each = zip(cells, sides, strict=True)
    return f"<tr>{''.join(f'<{tag}{side}>{escape(cell)}</{tag}>' for cell, side in each)}</tr>"


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

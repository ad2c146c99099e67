"""A report is one well-formed page that asks for nothing outside of itself."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest

from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, plot_map, png, report_page

VOID = {"meta", "img", "br"}
HOSTILE = "<script>alert('&')</script>"


class Reader(HTMLParser):
    """Tags must close in order; texts and attributes are kept."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def image():
    return png(plot_map(np.eye(3)).figure)


@pytest.fixture(scope="module")
def page(image):
    parts = (
        Words("One.\n\nTwo."),
        Notes(("first", HOSTILE)),
        KeyFigures((("98 %", "converged"),)),
        Table(("name", "value"), [("a", "1.5"), ("b", "-")], "a table"),
        Picture(image, 'a "map"', "grey is blank"),
        Listing("manyfit cube a.fits"),
    )
    return report_page(HOSTILE, [Section("All & everything", parts), Section("Empty", ())], subtitle="s", footer="f")


def test_well_formed_and_whole(page):
    reader = read(page)
    text = " ".join(reader.texts)
    for words in ("One.", "Two.", "first", "98 %", "converged", "a table", "grey is blank", "manyfit cube a.fits"):
        assert words in text
    assert [tag for tag, _ in reader.tags].count("section") == 2
    assert page.startswith("<!doctype html>")


def test_text_is_never_markup(page):
    reader = read(page)
    assert not [tag for tag, _ in reader.tags if tag == "script"]
    assert HOSTILE in "".join(reader.texts)


def test_nothing_is_loaded(page):
    addresses = [value for _, given in read(page).tags for name, value in given.items() if name in ("src", "href")]
    assert addresses
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert not re.search(r"https?:|@import|url\(", page)


def test_links_lead_to_sections(page):
    tags = read(page).tags
    targets = [given["href"] for tag, given in tags if tag == "a"]
    assert targets == [f"#{given['id']}" for tag, given in tags if tag == "section"]


def test_image_is_the_one_given(page, image):
    (given,) = (given for tag, given in read(page).tags if tag == "img")
    assert b64decode(given["src"].partition(",")[2]) == image
    assert given["alt"] == 'a "map"'


@pytest.mark.parametrize(
    ("cells", "right"),
    [(["1", "-2e3"], True), (["1,024", "−3"], True), (["98 %", ""], True), (["1", "b"], False), ([], False)],
)
def test_columns_of_numbers_are_set_to_the_right(cells, right):
    html = Table(("value",), [(cell,) for cell in cells]).html()
    assert ('<th class="n">' in html) == right


def test_rows_have_as_many_cells_as_the_head():
    with pytest.raises(ValueError, match="zip"):
        Table(("a", "b"), [("1", "2", "3")]).html()

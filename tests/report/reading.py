"""A page taken apart again: its elements, and the numbers that its script reads."""

import base64
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Elements and their texts; raises AssertionError where what is opened is not closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))


def read(page: str) -> Reader:
    """All of `page`, which must be well formed."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def visible(page: str) -> str:
    """Return the text of the page that people see."""
    return "".join(data for tag, data in read(page).texts if tag not in ("script", "style"))


def data_of(page: str) -> dict[str, Any]:
    """What the script reads."""
    embedded = page.partition('id="data">')[2].partition("</script>")[0]
    found: dict[str, Any] = json.loads(embedded)
    return found


def numbers(packed: str, kind: str) -> np.ndarray:
    """Packed integers."""
    return np.frombuffer(base64.b64decode(packed), kind).astype(int)


def section(page: str, name: str) -> str:
    """The markup of one section."""
    return page.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def attributes(page: str) -> Iterator[str]:
    """The names of all attributes."""
    for _, found in read(page).elements:
        yield from found

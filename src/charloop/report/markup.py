"""The page's templates: whatever text they show is escaped, with its invisible characters made visible."""

import unicodedata
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from charloop.display import INVISIBLE, show_character

KEPT = "\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}"
"""Invisible characters that running text needs: the last three for some scripts and for emoji."""


def readable(text: str) -> str:
    """Return `text` with every invisible character except `KEPT` as a symbol in brackets: ⟨U+202E⟩."""
    # HTML cannot hold some of them, and others would reverse the text around them.
    return "".join(
        f"⟨{show_character(character)}⟩"
        if unicodedata.category(character) in INVISIBLE and character not in KEPT
        else character
        for character in text
    )


@cache
def load_templates() -> Environment:
    """Return the environment: it escapes by default, applies `readable`, and refuses names that are not defined."""
    return Environment(
        loader=PackageLoader("charloop.report"),
        autoescape=True,
        # Markup is what another template made.
        finalize=lambda value: value if isinstance(value, Markup) else readable(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

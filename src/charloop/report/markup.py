"""HTML by hand: nothing that stands in a text or a name becomes markup, or plays tricks with the page."""

import html
import unicodedata
from collections.abc import Iterable, Sequence

from charloop.data.decoding import STRAY_BYTES, stray_byte

NAMES = {" ": "space", "\n": "new line", "\t": "tab"}
SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥"}
KEPT = "\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}"
"""What a running text needs of them: the last three for some scripts and for emoji."""
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode: control and format characters, halves of pairs, separators of lines."""


def sign(character: str) -> str:
    r"""A sign that can be seen for one character: ␣ ↵ ⇥, \x80 for a byte that is none, U+202E for the invisible."""
    if character in SIGNS:
        return SIGNS[character]
    if ord(character) in STRAY_BYTES:
        return f"\\x{stray_byte(character):02x}"
    if unicodedata.category(character) in INVISIBLE or (character.isspace() and character not in " \n\t"):
        return f"U+{ord(character):04X}"
    # A mark that stands on the character before it needs one to stand on.
    return f"◌{character}" if unicodedata.combining(character) else character


def spoken(character: str) -> str:
    """What a blank or invisible character is called; empty for one that speaks for itself."""
    if character in NAMES:
        return NAMES[character]
    return unicodedata.name(character, "").lower() if sign(character).startswith("U+") else ""


def readable(text: str) -> str:
    """`text` with every invisible character but blanks, tabs, new lines and joiners as a sign in brackets."""
    # A page has no place for the others, and some would turn the text around.
    return "".join(
        f"⟨{sign(character)}⟩"
        if unicodedata.category(character) in INVISIBLE and character not in KEPT
        else character
        for character in text
    )


def escaped(text: object) -> str:
    """`text` as the content of an element or a quoted attribute."""
    return html.escape(readable(str(text)), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text, of a class if `kind` names one."""
    return f"<p{classed(kind)}>{escaped(text)}</p>"


def details(summary: str, content: str) -> str:
    """Markup that is there for who wants it."""
    return f"<details><summary>{escaped(summary)}</summary>{content}</details>"


def classed(kind: str) -> str:
    """The attribute that names a class, if there is one."""
    return f' class="{kind}"' if kind else ""


def preformatted(content: str, kind: str = "sample") -> str:
    """Text (markup, with what is foreign escaped) as it stands, each line in its own direction."""
    # The parser drops a new line that comes first.
    return f'<pre class="{kind}" dir="auto">\n{content}</pre>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """Cells are markup; the first of each row is its head. It scrolls by itself where it is too wide."""
    above = f"<caption>{escaped(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="scroll"><table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )

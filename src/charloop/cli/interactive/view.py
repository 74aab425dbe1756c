"""How the editor looks on a terminal of any size: the end of the text, the candidates, and what the keys do."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import wrap

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from charloop.cli.interactive.editor import MAX_CANDIDATES, Editor
from charloop.cli.terminal.output import CONTROL
from charloop.cli.terminal.surprise_colors import color_of
from charloop.data import Vocabulary
from charloop.data.decoding import STRAY_BYTES, decode_utf8, stray_byte, utf8_width
from charloop.data.vocabulary import UNKNOWN_SYMBOL
from charloop.display import BLANKS

HELP = (
    "1-9 0 choose",
    "a-z write",
    "Enter draw a character",
    "Tab a word",
    "Ctrl-E a line",
    "Backspace take one back",
    "Ctrl-U take a piece back",
    "↑ ↓ temperature",
    "Ctrl-T write digits",
    "Ctrl-S save",
    "Ctrl-C end",
)
MIN_HEIGHT_FOR_HELP = 16
"""Rows of a terminal that is high enough for the help."""
MIN_TEXT_ROWS = 3
"""Rows of text that are kept before candidates are left out."""
EIGHTHS = " ▏▎▍▌▋▊▉"
HEAD = "   {:<10} {:>7} {:>6}  {:>7}"

Symbol = tuple[str, str]
"""A character of the text, and its style."""


def draw_editor(editor: Editor, width: int, height: int, *, colored: bool) -> Text:
    """Return exactly `height` rows of at most `width` columns; `colored` by the bits of each character."""
    footer = draw_footer(editor, width, height)
    room = height - len(footer) - 2
    editor.num_candidates = min(MAX_CANDIDATES, max(1, room - MIN_TEXT_ROWS))
    rows = max(1, room - editor.num_candidates)
    text = wrap_symbols(style_text(editor, rows * width, colored=colored), width, rows)
    parts = [*text, draw_status(editor, width), *draw_candidates(editor, width), *footer]
    for part in parts:
        part.truncate(width)
    return Text("\n", no_wrap=True, overflow="crop").join(parts[:height])


def style_text(editor: Editor, count: int, *, colored: bool) -> list[Symbol]:
    """Return the last `count` characters of the text, or all if it has fewer, and the cursor."""
    prompt, written = editor.session.prompt.tolist(), editor.session.written
    # A character may be four bytes.
    written = written[-4 * count :]
    ids = [*(prompt[-4 * count :] if len(written) < 4 * count else []), *(one.index for one in written)]
    styles = ["dim"] * (len(ids) - len(written))
    for one in written:
        color = f"color({color_of(one.bits)})" if colored else ""
        styles.append(f"bold {color}".strip() if one.by_hand else color)
    symbols, end = [], 0
    for text, size in split_characters(editor.vocabulary, ids):
        end += size
        symbols.append((text, styles[end - 1]))
    return [*symbols[-count:], (" ", "reverse")]


def split_characters(vocabulary: Vocabulary, ids: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the characters of `ids` and how many ids each has; a byte that is part of no character is `<FF>`.

    The end of a document is a newline.
    """
    codes = vocabulary.shown_codes[np.asarray(ids, np.int64)].tolist()
    if vocabulary.unit == "char":
        yield from ((chr(code), 1) for code in codes)
        return
    for character in decode_utf8(bytes(codes)):
        shown = f"<{stray_byte(character):02X}>" if ord(character) in STRAY_BYTES else character
        yield shown, utf8_width(character)


def wrap_symbols(symbols: Sequence[Symbol], width: int, rows: int) -> list[Text]:
    """Return the last `rows` rows of text; a newline is both shown and obeyed."""
    lines, used = [Text()], 0
    for symbol, style in symbols:
        shown = BLANKS[symbol].symbol if symbol in ("\n", "\t") else CONTROL.sub(UNKNOWN_SYMBOL, symbol)
        size = cell_len(shown)
        if used + size > width:
            lines, used = [*lines[-rows:], Text()], 0
        lines[-1].append(shown, "dim" if symbol in ("\n", "\t") else style)
        used += size
        if symbol == "\n":
            lines, used = [*lines[-rows:], Text()], 0
    last = lines[-rows:]
    return [*last, *(Text() for _ in range(rows - len(last)))]


def draw_status(editor: Editor, width: int) -> Text:
    """Return the row with the temperature, the bits of the last character and the mean of all."""
    written = editor.session.written
    words = [f"temperature {editor.session.temperature:.4g}"]
    if written:
        mean = sum(one.bits for one in written) / len(written)
        last = make_label(editor.vocabulary, [one.index for one in written[-4:]])
        unit = "bytes" if editor.vocabulary.unit == "byte" else "characters"
        words = [
            f"{last} cost {written[-1].bits:.2f} bits",
            f"{len(written):,} {unit}, {mean:.2f} bits each",
            *words,
        ]
    return Text(f"── {' · '.join(words)} ".ljust(width, "─"), "dim")


def draw_candidates(editor: Editor, width: int) -> list[Text]:
    """Return the table of candidates: digit, label, own probability and bits, and draw probability with a bar."""
    before = editor.session.ids[-3:] or editor.session.prompt[-3:].tolist()
    rows = [Text(HEAD.format("next", "chance", "bits", "drawn"), "dim")]
    for number, one in enumerate(editor.candidates, start=1):
        bits = -math.log2(one.probability) if one.probability else math.inf
        label = make_label(editor.vocabulary, [*before, one.index])
        padded = label + " " * max(0, 10 - cell_len(label))
        figures = f"{one.probability:>7.1%} {bits:>6.2f}  {one.draw_probability:>7.1%} "
        row = Text.assemble((f"{number % 10}", "bold"), f"  {padded} {figures}")
        rows.append(row.append(draw_bar(one.draw_probability, min(40, width - cell_len(row.plain))), "green"))
    return [*rows, *(Text() for _ in range(1 + editor.num_candidates - len(rows)))]


def draw_bar(share: float, columns: int) -> str:
    """Return a bar that fills `share` of the columns, exact to an eighth of a column."""
    eighths = round(8 * max(0, columns) * min(1.0, share))
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def make_label(vocabulary: Vocabulary, ids: Sequence[int]) -> str:
    """Return a visible label for the last of `ids`: the character, its name or its code point.

    The label of a byte is its hexadecimal number and the character that it completes.
    """
    if ids[-1] == vocabulary.end_id:
        return "the end"
    text, size = list(split_characters(vocabulary, ids))[-1]
    named = text if is_visible(text) or len(text) > 1 else f"U+{ord(text):04X}"
    named = BLANKS[text].name if text in BLANKS else named
    if vocabulary.unit == "byte" and size > 1:
        return f"<{ids[-1]:02X}> {named}"
    return named


def is_visible(text: str) -> bool:
    """Return whether `text` is one character that can be seen by itself."""
    return len(text) == 1 and unicodedata.category(text)[0] in "LNPS" and cell_len(text) > 0


def draw_footer(editor: Editor, width: int, height: int) -> list[Text]:
    """Return the rows that explain the keys, or the message or question that replaces some of them."""
    rows = (
        [Text(row, "dim") for row in flow_items(HELP, width)] if height >= MIN_HEIGHT_FOR_HELP else [Text()]
    )
    if editor.message:
        said = wrap(CONTROL.sub(UNKNOWN_SYMBOL, editor.message), width)[: len(rows)]
        rows[-len(said) :] = [Text(row, "magenta") for row in said]
    elif editor.file_name is not None:
        rows[-1] = Text.assemble(
            (f"save as: {CONTROL.sub(UNKNOWN_SYMBOL, editor.file_name)}", "bold"), (" ", "reverse")
        )
    elif editor.typing:
        rows[-1] = Text("digits, Enter and Tab write text; Ctrl-T or Escape ends this mode", "magenta")
    return rows


def flow_items(items: Sequence[str], width: int) -> list[str]:
    """Return rows of the items, each with as many as fit."""
    rows = [""]
    for item in items:
        joined = f"{rows[-1]} · {item}" if rows[-1] else item
        if cell_len(joined) > width and rows[-1]:
            rows.append(item)
        else:
            rows[-1] = joined
    return rows

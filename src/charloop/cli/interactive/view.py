"""How the desk looks: the end of the text, what may come next, what the keys do, on a terminal of any size."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

from charloop.cli.interactive.editor import Desk
from charloop.cli.terminal.output import CONTROL
from charloop.cli.terminal.surprise_colors import color_of
from charloop.data import Vocabulary
from charloop.data.code_points import FOREIGN, byte_of, sized
from charloop.data.vocabulary import UNKNOWN_SIGN
from charloop.sampling.together import Candidate

HELP = (
    "1-9 0 choose",
    "a-z write",
    "Enter let it draw",
    "Tab a word",
    "Ctrl-E a line",
    "Backspace take one back",
    "Ctrl-U take a piece back",
    "↑ ↓ temperature",
    "Ctrl-T digits are text",
    "Ctrl-S save",
    "Ctrl-C end",
)
ROOM_FOR_HELP = 16
"""Rows of a terminal that has room for it."""
TEXT_ROWS = 3
"""At least, before there are fewer candidates."""
EIGHTHS = " ▏▎▍▌▋▊▉"
NAMED = {" ": "space", "\n": "new line", "\t": "tab"}
HEAD = "   {:<10} {:>7} {:>6}  {:>7}"

Sign = tuple[str, str]
"""What is shown, and its style."""


def picture(desk: Desk, width: int, height: int, *, colored: bool) -> Text:
    """Exactly `height` rows of at most `width` columns; `colored` by what each character cost."""
    bottom = footer(desk, width, height)
    desk.shown = min(10, max(1, height - len(bottom) - 2 - TEXT_ROWS))
    rows = max(1, height - len(bottom) - 2 - desk.shown)
    signs = signs_of(desk, rows * width, colored=colored)
    parts = [*wrapped(signs, width, rows), status(desk, width), *choices(desk, width), *bottom]
    for part in parts:
        part.truncate(width)
    return Text("\n", no_wrap=True, overflow="crop").join(parts[:height])


def signs_of(desk: Desk, most: int, *, colored: bool) -> list[Sign]:
    """The end of the text, at least `most` signs of it if there are as many, and the cursor."""
    prompt, written = desk.together.prompt.tolist(), desk.together.written
    # A character may be four bytes.
    written = written[-4 * most :]
    ids = [*(prompt[-4 * most :] if len(written) < 4 * most else []), *(one.index for one in written)]
    styles = ["dim"] * (len(ids) - len(written))
    for one in written:
        color = f"color({color_of(one.bits)})" if colored else ""
        styles.append(f"bold {color}".strip() if one.by_hand else color)
    signs, place = [], 0
    for text, size in characters(desk.vocabulary, ids):
        signs.append((text, styles[place + size - 1]))
        place += size
    return [*signs[-most:], (" ", "reverse")]


def characters(vocabulary: Vocabulary, ids: Sequence[int]) -> Iterator[tuple[str, int]]:
    """The characters of `ids`, and how many ids each is; a byte that is part of none is `<FF>`."""
    if vocabulary.unit == "char":
        symbols = vocabulary.symbols
        yield from ((symbols[index] if index < len(symbols) else UNKNOWN_SIGN, 1) for index in ids)
        return
    for character, size in sized(bytes(ids)):
        yield f"<{byte_of(character):02X}>" if ord(character) in FOREIGN else character, size


def wrapped(signs: Sequence[Sign], width: int, rows: int) -> list[Text]:
    """The last `rows` rows of signs; a new line is seen as well as obeyed."""
    lines, used = [Text()], 0
    for sign, style in signs:
        shown = {"\n": "↵", "\t": "→"}.get(sign, CONTROL.sub(UNKNOWN_SIGN, sign))
        size = cell_len(shown)
        if used + size > width:
            lines, used = [*lines[-rows:], Text()], 0
        lines[-1].append(shown, "dim" if sign in ("\n", "\t") else style)
        used += size
        if sign == "\n":
            lines, used = [*lines[-rows:], Text()], 0
    last = lines[-rows:]
    return [*last, *(Text() for _ in range(rows - len(last)))]


def status(desk: Desk, width: int) -> Text:
    """The temperature, and what was written so far cost."""
    written = desk.together.written
    words = [f"temperature {desk.together.config.temperature:g}"]
    if written:
        mean = sum(one.bits for one in written) / len(written)
        last = label(desk.vocabulary, [one.index for one in written[-4:]])
        unit = "bytes" if desk.vocabulary.unit == "byte" else "characters"
        words = [
            f"{last} cost {written[-1].bits:.2f} bits",
            f"{len(written):,} {unit}, {mean:.2f} bits each",
            *words,
        ]
    return Text(f"── {' · '.join(words)} ".ljust(width, "─"), "dim")


def choices(desk: Desk, width: int) -> list[Text]:
    """A row for each candidate: number, sign, chance and bits of its own, and a bar of how likely it is drawn."""
    before = desk.together.ids[-3:] or desk.together.prompt[-3:].tolist()
    rows = [Text(HEAD.format("next", "chance", "bits", "drawn"), "dim")]
    for number, candidate in enumerate(desk.candidates, start=1):
        rows.append(choice(number % 10, candidate, label(desk.vocabulary, [*before, candidate.index]), width))
    return [*rows, *(Text() for _ in range(1 + desk.shown - len(rows)))]


def choice(number: int, candidate: Candidate, sign: str, width: int) -> Text:
    """One row."""
    bits = -math.log2(candidate.chance) if candidate.chance else math.inf
    padded = sign + " " * max(0, 10 - cell_len(sign))
    figures = f"{candidate.chance:>7.1%} {bits:>6.2f}  {candidate.drawn:>7.1%} "
    row = Text.assemble((f"{number}", "bold"), f"  {padded} {figures}")
    room = width - cell_len(row.plain)
    return row.append(bar(candidate.drawn, min(40, room)), "green")


def bar(share: float, columns: int) -> str:
    """A bar of that share of so many columns, to the eighth of one."""
    eighths = round(8 * max(0, columns) * min(1.0, share))
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def label(vocabulary: Vocabulary, ids: Sequence[int]) -> str:
    """The last of `ids`, seen: its name, or its number; of bytes the number, and the character that it completes."""
    text, size = list(characters(vocabulary, ids))[-1]
    named = NAMED.get(text) or (
        text if is_visible(text) else f"U+{ord(text):04X}" if len(text) == 1 else text
    )
    if vocabulary.unit == "byte" and size > 1:
        return f"<{ids[-1]:02X}> {named}"
    return named


def is_visible(text: str) -> bool:
    """Whether it can be seen by itself."""
    return len(text) == 1 and unicodedata.category(text)[0] in "LNPS" and cell_len(text) > 0


def footer(desk: Desk, width: int, height: int) -> list[Text]:
    """What the keys do, or what there is to say."""
    rows = [Text(row, "dim") for row in flowed(HELP, width)] if height >= ROOM_FOR_HELP else [Text()]
    if desk.message:
        said = wrap(CONTROL.sub(UNKNOWN_SIGN, desk.message), width)[: len(rows)]
        rows[-len(said) :] = [Text(row, "magenta") for row in said]
    elif desk.asking is not None:
        rows[-1] = Text.assemble(
            (f"save as: {CONTROL.sub(UNKNOWN_SIGN, desk.asking)}", "bold"), (" ", "reverse")
        )
    elif desk.typing:
        rows[-1] = Text(
            "all that is typed is text, digits and Enter too; Ctrl-T or Escape ends this", "magenta"
        )
    return rows


def flowed(items: Sequence[str], width: int) -> list[str]:
    """The items, as many in a row as fit."""
    rows = [""]
    for item in items:
        joined = f"{rows[-1]} · {item}" if rows[-1] else item
        if cell_len(joined) > width and rows[-1]:
            rows.append(item)
        else:
            rows[-1] = joined
    return rows

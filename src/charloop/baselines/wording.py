"""Where a loss stands among the baselines, in words and figures: always bits per character."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charloop.baselines import Ladder, Rung, Standing

KNOWN = {"uniform": "chance", "unigram": "the unigram"}
"""What is not called by its name with an article."""


def sentence(standing: "Standing") -> str:
    """`better than a 4-gram by 0.11 bits, short of a 5-gram by 0.04`."""
    parts = []
    if standing.beaten:
        parts.append(f"better than {called(standing.beaten)} by {standing.better_by:.2f} bits")
    if standing.ahead:
        worse = f"{called(standing.ahead)} by {standing.worse_by:.2f}"
        parts.append(f"short of {worse}" if standing.beaten else f"worse than {worse} bits")
    return ", ".join(parts)


def called(rung: "Rung") -> str:
    """How a sentence calls a rung."""
    article = f"a {rung.name}" if rung.name.endswith("-gram") else rung.name
    return KNOWN.get(rung.name, article)


def compact(standing: "Standing") -> str:
    """`4-gram 0.11` for a table: what is beaten, and by how many bits; a dash where nothing is."""
    return f"{standing.beaten.name} {standing.better_by:.2f}" if standing.beaten else "-"


def rungs(ladder: "Ladder", indent: int) -> str:
    """All rungs, wrapped to the terminal beside a label of `indent` columns."""
    words = [f"{rung.name}\N{NO-BREAK SPACE}{rung.bits:.2f}" for rung in ladder.rungs]
    words.append("bits/char")
    width = max(40, min(100, shutil.get_terminal_size().columns) - indent)
    lines = textwrap.wrap("  ".join(words), width, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines).replace("\N{NO-BREAK SPACE}", " ")


LABEL = 12
"""Columns of a label before a line of `rows`."""


def rows(standing: "Standing | None", ladder: "Ladder | None") -> Iterator[tuple[str, str]]:
    """What a loss is worth, and what it was compared with: label and value."""
    if standing:
        yield "worth", sentence(standing)
    if ladder:
        yield "baselines", rungs(ladder, LABEL)
        if ladder.portion:
            yield "note", ladder.portion


def labelled(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A line of each."""
    yield from (f"{label:<{LABEL}}{value}" for label, value in rows)


def values(standing: "Standing") -> dict[str, Any]:
    """A standing for programs."""
    beaten, ahead = standing.beaten, standing.ahead
    return {
        "better_than": beaten and beaten.name,
        "better_by_bits": standing.better_by,
        "worse_than": ahead and ahead.name,
        "worse_by_bits": standing.worse_by,
    }


def rung_values(ladder: "Ladder") -> list[dict[str, Any]]:
    """The rungs for programs."""
    return [
        {"name": rung.name, "nats_per_character": rung.nats, "bits_per_character": rung.bits}
        for rung in ladder.rungs
    ]

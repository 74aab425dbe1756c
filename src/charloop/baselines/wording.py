"""How a loss ranks among the baselines, in words and figures: always bits per character."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from charloop.wording import text_width

if TYPE_CHECKING:
    from charloop.baselines import Baseline, Baselines, Rank

SPOKEN_NAMES = {"uniform": "chance", "unigram": "the unigram"}
LABEL_COLUMNS = 12


def rank_sentence(rank: "Rank") -> str:
    """Return such as `better than a 4-gram by 0.11 bits, short of a 5-gram by 0.04`."""
    parts = []
    if rank.beaten:
        parts.append(f"better than {speak_name(rank.beaten)} by {rank.better_by:.2f} bits")
    if rank.ahead:
        worse = f"{speak_name(rank.ahead)} by {rank.worse_by:.2f}"
        parts.append(f"short of {worse}" if rank.beaten else f"worse than {worse} bits")
    return ", ".join(parts)


def speak_name(baseline: "Baseline") -> str:
    """Return the baseline's name for a sentence, with its article."""
    article = f"a {baseline.name}" if baseline.name.endswith("-gram") else baseline.name
    return SPOKEN_NAMES.get(baseline.name, article)


def beaten_cell(rank: "Rank") -> str:
    """Return a table cell such as `4-gram 0.11`: the best beaten baseline and the margin in bits; else a dash."""
    return f"{rank.beaten.name} {rank.better_by:.2f}" if rank.beaten else "-"


def list_baselines(baselines: "Baselines", indent: int) -> str:
    """Return all baselines, wrapped to the terminal's width beside a label of `indent` columns."""
    words = [f"{one.name}\N{NO-BREAK SPACE}{one.bits:.2f}" for one in baselines.entries]
    words.append("bits/char")
    lines = textwrap.wrap("  ".join(words), text_width(indent), break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def rank_rows(rank: "Rank | None", baselines: "Baselines | None") -> Iterator[tuple[str, str]]:
    """Yield label and value of a loss's rank and of the baselines, where there are any."""
    if rank:
        yield "rank", rank_sentence(rank)
    if baselines:
        yield "baselines", list_baselines(baselines, LABEL_COLUMNS)
        if baselines.portion:
            yield "note", baselines.portion


def label_lines(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each label and value."""
    yield from (f"{label:<{LABEL_COLUMNS}}{value}" for label, value in rows)


def rank_values(rank: "Rank") -> dict[str, Any]:
    """Return a rank as plain values, for JSON."""
    beaten, ahead = rank.beaten, rank.ahead
    return {
        "better_than": beaten and beaten.name,
        "better_by_bits": rank.better_by,
        "worse_than": ahead and ahead.name,
        "worse_by_bits": rank.worse_by,
    }


def baseline_values(baselines: "Baselines") -> list[dict[str, Any]]:
    """Return the baselines as plain values, for JSON."""
    return [
        {"name": one.name, "nats_per_character": one.nats, "bits_per_character": one.bits}
        for one in baselines.entries
    ]

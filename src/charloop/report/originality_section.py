"""How much of what the network writes is copied."""

from charloop.report.markup import details, escaped, paragraph, preformatted, table
from charloop.report.values import Missing, Written

QUOTED = 60
"""Characters of a verbatim run in the table."""


def originality_section(written: tuple[Written, ...] | Missing, thing: str) -> str:
    """Markup: a row for each temperature, and the texts with their longest verbatim runs marked."""
    if isinstance(written, Missing):
        return paragraph(written.reason, "missing")
    threshold = written[0].originality.threshold
    rows = [row(one) for one in written]
    heads = ("text", f"in copies of {threshold} and more", "longest verbatim run", "that run")
    caption = f"Of {written[0].originality.characters:,} {thing}s each"
    texts = "".join(text(one) for one in written if one.temperature is not None)
    return f"{table(heads, rows, caption)}{details('The texts', texts)}"


def called(one: Written) -> str:
    """What wrote it."""
    return "people: the text set apart" if one.temperature is None else f"temperature {one.temperature:g}"


def row(one: Written) -> tuple[str, str, str, str]:
    """One text in figures."""
    found = one.originality
    run = "".join(parts(one)[1])
    quoted = run if len(run) <= QUOTED else f"{run[:QUOTED]}…"
    shown = " ".join(quoted.split())
    return (
        escaped(called(one)),
        f"{found.copied:.0%}",
        f"{found.longest:,}",
        f'<code dir="auto">{escaped(shown)}</code>',
    )


def parts(one: Written) -> tuple[str, str, str]:
    """The text before its longest verbatim run, the run, and the text behind it."""
    characters, found = one.excerpt.characters, one.originality
    start = sum(1 for last in one.excerpt.last if last < found.start)
    stop = sum(1 for first in one.excerpt.first if first < found.start + found.longest)
    return "".join(characters[:start]), "".join(characters[start:stop]), "".join(characters[stop:])


def text(one: Written) -> str:
    """The whole text, its run marked."""
    before, run, after = map(escaped, parts(one))
    body = preformatted(f"{before}<mark>{run}</mark>{after}")
    return f'<article class="written"><h3>{escaped(called(one))}</h3>{body}</article>'

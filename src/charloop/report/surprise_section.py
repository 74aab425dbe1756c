"""The surprise map: what each character of a text cost the network, and what it expected instead."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from charloop.analysis import Predictions
from charloop.data import Vocabulary
from charloop.report.excerpt import Excerpt, token_character
from charloop.report.markup import details, escaped, paragraph, preformatted, sign, spoken, table
from charloop.report.packing import LEVELS, bits_of, rows_of
from charloop.report.values import Missing

HINT = "Point at a character, tap it, or move with the arrow keys."
"""Below a coloured text."""
GREATEST, BEFORE = 12, 24
"""Surprises that are listed, and characters before each that are shown."""


def surprise_section(
    excerpt: Excerpt | Missing, predictions: Predictions | Missing, vocabulary: Vocabulary
) -> str:
    """Markup."""
    for one in (excerpt, predictions):
        if isinstance(one, Missing):
            return paragraph(one.reason, "missing")
    assert isinstance(excerpt, Excerpt)
    assert isinstance(predictions, Predictions)
    bits = bits_of(excerpt, predictions.bits)
    return (
        f"{paragraph(in_words(excerpt, bits), 'words')}{legend()}"
        '<div class="beside"><div>'
        f"{text_map('surprise', 'The text, coloured by surprise', excerpt)}"
        f'<p class="hint">{HINT}</p></div>'
        f'<div class="panel" id="expected" aria-live="polite">{paragraph("The colours need JavaScript.")}</div></div>'
        f"{details('The greatest surprises, as a list', greatest(excerpt, predictions, bits, vocabulary))}"
        f"{details('Where the bits go', kinds(excerpt, bits))}"
    )


def text_map(name: str, label: str, excerpt: Excerpt) -> str:
    """A text that the script colours, to be gone through by keys too; readable without it."""
    text = escaped("".join(excerpt.characters))
    attributes = f'id="{name}-text" tabindex="0" role="group" aria-label="{escaped(label)}"'
    return preformatted(text, "map").replace("<pre ", f"<pre {attributes} ", 1)


def legend() -> str:
    """Which colour is how many bits."""
    edges = [f"{bits:g}" for bits in (0.0, *LEVELS)]
    names = [*(f"{low} to {high}" for low, high in pairwise(edges)), f"{edges[-1]} and more"]
    entries = [f'<span><i class="s{level}"></i>{name}</span>' for level, name in enumerate(names)]
    return f'<p class="legend"><span>bits:</span>{"".join(entries)}</p>'


def in_words(excerpt: Excerpt, bits: Float[np.ndarray, " characters"]) -> str:
    """The whole in a sentence."""
    scored = bits[1:]
    part = f" of {excerpt.total:,}" if excerpt.total > len(excerpt.tokens) else ""
    mean = float(scored.mean())
    return (
        f"From {excerpt.name}: {len(excerpt.characters):,} characters{part}. They cost {mean:.2f} bits each: as hard "
        f"to guess as one of {2**mean:.1f} equally likely ones. "
        f"{np.mean(scored < 1):.0%} cost less than one bit, so the network gave them better than even odds; "
        f"the dearest tenth costs {tenth(scored):.0%} of all bits."
    )


def tenth(scored: Float[np.ndarray, " scored"]) -> float:
    """The share of all bits that the dearest tenth of the characters costs."""
    dearest = np.sort(scored)[::-1][: -(-len(scored) // 10)]
    return float(dearest.sum() / max(scored.sum(), 1e-9))


def greatest(
    excerpt: Excerpt, predictions: Predictions, bits: Float[np.ndarray, " characters"], vocabulary: Vocabulary
) -> str:
    """The characters that cost the most, where they stand, and what was expected there."""
    rows, places = rows_of(excerpt), np.argsort(-bits, kind="stable")[:GREATEST]
    cells = []
    for place in map(int, places):
        if not bits[place]:
            continue
        before = "".join(map(sign, excerpt.characters[max(0, place - BEFORE) : place]))
        row = rows[place]
        wanted = zip(predictions.likeliest[row].tolist(), predictions.chances[row].tolist(), strict=True)
        told = ", ".join(
            f"{named(token_character(vocabulary, token))} {chance:.0%}" for token, chance in wanted
        )
        here = f"<bdi>{escaped(before)}<mark>{escaped(sign(excerpt.characters[place]))}</mark></bdi>"
        cells.append((f'<code dir="auto">{here}</code>', f"{bits[place]:.1f}", f"<bdi>{escaped(told)}</bdi>"))
    return table(("what came, after what", "bits", "what was expected"), cells)


def named(character: str) -> str:
    """A character beside others: its sign, or its name where it is blank."""
    return spoken(character) or sign(character)


def kinds(excerpt: Excerpt, bits: Float[np.ndarray, " characters"]) -> str:
    """Bits and characters by what the characters are."""
    found = np.array(list(kinds_of(excerpt.text)))[1:]
    scored = bits[1:]
    cells = [
        (
            escaped(kind),
            f"{np.mean(found == kind):.0%}",
            f"{scored[found == kind].sum() / max(scored.sum(), 1e-9):.0%}",
            f"{scored[found == kind].mean():.2f}",
        )
        for kind in dict.fromkeys(sorted(found.tolist()))
    ]
    cells.sort(key=lambda row: -float(row[3]))
    return table(("kind of character", "of the text", "of the bits", "bits each"), cells)


def kinds_of(text: str) -> Iterator[str]:
    """What each character is."""
    before = " "
    for character in text:
        if character.isalpha():
            yield "later letter of a word" if before.isalpha() else "first letter of a word"
        elif character == "\n":
            yield "new line"
        elif character.isspace():
            yield "space"
        else:
            yield "digit" if character.isdigit() else "punctuation and other signs"
        before = character

"""What the surprise section shows: the cost of each character of a text, and what the network expected instead."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from charloop.analysis import Predictions
from charloop.data import Vocabulary
from charloop.display import SURPRISE, name_character, name_ranges, show_character
from charloop.report.excerpt import Excerpt, token_character
from charloop.report.packing import rows_of, sum_bits
from charloop.report.values import View

MAX_LISTED, CONTEXT = 12, 24
"""Surprises in the list, and characters before each that are shown."""


def view_surprise(excerpt: Excerpt, predictions: Predictions, vocabulary: Vocabulary) -> View:
    """Return the text, a summary in words, the greatest surprises, and the bits by kind of character."""
    bits = sum_bits(excerpt, predictions.bits)
    return {
        "words": describe_surprise(excerpt, bits),
        "legend": name_ranges([level.bits for level in SURPRISE]),
        "text": "".join(excerpt.characters),
        "greatest": list_greatest(excerpt, predictions, bits, vocabulary),
        "kinds": sum_kinds(excerpt, bits),
    }


def describe_surprise(excerpt: Excerpt, bits: Float[np.ndarray, " characters"]) -> str:
    """Return in words how much the characters cost, and how unevenly."""
    scored = bits[1:]
    part = f" of {excerpt.total:,}" if excerpt.total > len(excerpt.tokens) else ""
    mean = float(scored.mean())
    return (
        f"From {excerpt.name}: {len(excerpt.characters):,} characters{part}. They cost {mean:.2f} bits each, "
        f"as much as a choice among {2**mean:.1f} equally likely characters. {np.mean(scored < 1):.0%} cost less "
        f"than one bit: the network gave them more than one chance in two. The most expensive tenth of the "
        f"characters costs {share_of_tenth(scored):.0%} of all bits."
    )


def share_of_tenth(scored: Float[np.ndarray, " scored"]) -> float:
    """Return the share of all bits (0 to 1) that the most expensive tenth of the characters costs."""
    greatest = np.sort(scored)[::-1][: -(-len(scored) // 10)]
    return float(greatest.sum() / max(scored.sum(), 1e-9))


def list_greatest(
    excerpt: Excerpt, predictions: Predictions, bits: Float[np.ndarray, " characters"], vocabulary: Vocabulary
) -> list[dict[str, str]]:
    """Return the most expensive characters, each with the text before it and with what was expected."""
    rows, found = rows_of(excerpt), []
    for position in map(int, np.argsort(-bits, kind="stable")[:MAX_LISTED]):
        if not bits[position]:
            continue
        row = rows[position]
        likeliest = zip(predictions.likeliest[row].tolist(), predictions.chances[row].tolist(), strict=True)
        expected = ((token_character(vocabulary, token), chance) for token, chance in likeliest)
        found.append(
            {
                "before": "".join(
                    map(show_character, excerpt.characters[max(0, position - CONTEXT) : position])
                ),
                "symbol": show_character(excerpt.characters[position]),
                "bits": f"{bits[position]:.1f}",
                "expected": ", ".join(
                    f"{name_character(one) or show_character(one)} {chance:.0%}" for one, chance in expected
                ),
            }
        )
    return found


def sum_kinds(excerpt: Excerpt, bits: Float[np.ndarray, " characters"]) -> Sequence[tuple[str, ...]]:
    """Return table rows: a kind of character, its share of the text and of the bits, its bits per character."""
    found = np.array(list(kinds_of(excerpt.text)))[1:]
    scored, rows = bits[1:], []
    for kind in sorted(set(found.tolist()), key=lambda kind: (-scored[found == kind].mean(), kind)):
        own = scored[found == kind]
        shares = f"{np.mean(found == kind):.0%}", f"{own.sum() / max(scored.sum(), 1e-9):.0%}"
        rows.append((kind, *shares, f"{own.mean():.2f}"))
    return rows


def kinds_of(text: str) -> Iterator[str]:
    """Yield the kind of each character."""
    before = " "
    for character in text:
        if character.isalpha():
            yield "later letter of a word" if before.isalpha() else "first letter of a word"
        elif character == "\n":
            yield "new line"
        elif character.isspace():
            yield "space"
        else:
            yield "digit" if character.isdigit() else "punctuation and other symbols"
        before = character

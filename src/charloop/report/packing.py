"""The numbers that the page's script reads: little-endian integers in base64, far smaller than JSON."""

import base64
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int, Shaped

from charloop.data import Vocabulary
from charloop.display import SURPRISE, name_character, show_character
from charloop.report.excerpt import Excerpt, token_character
from charloop.report.learned import bits_of
from charloop.report.values import Learned, Missing, Report, ShownUnit

THOUSANDTHS, CHANCES = 1000, 65535
"""Bits are packed in thousandths, up to 65.535; a probability of 1 is 65,535."""
HALF = 100
"""A unit's value is packed in hundredths of the way from its middle to its end."""


def pack_integers(values: Shaped[np.ndarray, "..."], kind: str) -> str:
    """Return `values` as integers of that NumPy type, rounded and clipped to its limits."""
    limits = np.iinfo(kind)
    whole = np.rint(np.clip(np.nan_to_num(values.astype(float)), limits.min, limits.max))
    return base64.b64encode(whole.astype(kind).tobytes()).decode()


def describe_symbol(character: str) -> tuple[str, str, str]:
    """Return the character itself ("" if a page cannot hold it), its symbol, and its name."""
    symbol = show_character(character)
    itself = character if character in " \n\t" or symbol.endswith(character) else ""
    return itself, symbol, name_character(character)


def pack_report(report: Report, vocabulary: Vocabulary) -> dict[str, object]:
    """Return what the script reads; nothing for a section that has nothing to show."""
    excerpt = report.excerpt
    if isinstance(excerpt, Missing):
        return {}
    # A number for each character that occurs, in the order of first use.
    numbers: dict[str, int] = {}

    def number_each(characters: Iterable[str]) -> Int[np.ndarray, " characters"]:
        return np.array([numbers.setdefault(one, len(numbers)) for one in characters], int)

    data: dict[str, object] = {
        "thing": report.thing,
        "text": pack_integers(number_each(excerpt.characters), "<u2"),
        "levels": [level.bits for level in SURPRISE[1:]],
    }
    if not isinstance(report.predictions, Missing):
        bits, rows = sum_bits(excerpt, report.predictions.bits), rows_of(excerpt)
        tokens = number_each(token_character(vocabulary, token) for token in range(vocabulary.size))
        data |= {
            "bits": pack_integers(bits * THOUSANDTHS, "<u2"),
            "top": report.predictions.likeliest.shape[1],
            "likeliest": pack_integers(tokens[report.predictions.likeliest[rows]], "<u2"),
            "chances": pack_integers(report.predictions.chances[rows] * CHANCES, "<u2"),
        }
    if isinstance(report.learned, Learned):
        length = len(excerpt.tokens) - 1
        data["learned"] = [
            pack_integers(sum_bits(excerpt, bits_of(score)[:length]) * THOUSANDTHS, "<u2")
            for score in (report.learned.static, report.learned.dynamic)
        ]
    if not isinstance(report.mapped, Missing):
        data["units"] = [pack_unit(unit) for unit in report.mapped.units]
    return data | {"symbols": [describe_symbol(one) for one in numbers]}


def sum_bits(excerpt: Excerpt, bits: Float[np.ndarray, " predicted"]) -> Float[np.ndarray, " characters"]:
    """Return the bits of each character: the sum over its tokens; 0 for the first one, which is not predicted."""
    sums = np.concatenate([[0.0, 0.0], np.cumsum(bits.astype(float))])
    found: Float[np.ndarray, " characters"] = sums[excerpt.last + 1] - sums[excerpt.first]
    found[:1] = 0.0
    # Differences of sums may round to just below 0.
    found[found < 0] = 0.0
    return found


def rows_of(excerpt: Excerpt) -> Int[np.ndarray, " characters"]:
    """Return the row of the predictions with each character's first token; 0 for the first one, which has none."""
    rows: Int[np.ndarray, " characters"] = np.maximum(excerpt.first - 1, 0)
    return rows


def pack_unit(shown: ShownUnit) -> dict[str, object]:
    """Return a unit's values, scaled from `low` to `high` around their middle, and its marks."""
    low, high = value_range(shown.values)
    middle, half = (low + high) / 2, (high - low) / 2 or 1.0
    values = np.clip((shown.values - middle) / half, -1, 1) * HALF
    data: dict[str, object] = {
        "values": pack_integers(values, "i1"),
        "low": round(low, 3),
        "high": round(high, 3),
    }
    if shown.marks is not None:
        # Eight to a byte, the first in the lowest bit.
        data["marks"] = base64.b64encode(np.packbits(shown.marks, bitorder="little").tobytes()).decode()
    return data


def value_range(values: Float[np.ndarray, " characters"]) -> tuple[float, float]:
    """Return the 1st and the 99th percentile: the outliers beyond them do not set the colours."""
    low, high = np.percentile(values, (1, 99))
    return float(low), float(high)

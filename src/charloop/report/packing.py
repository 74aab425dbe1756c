"""Numbers for the script: little-endian integers in base64, far smaller than JSON or elements of a page."""

import base64

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from charloop.data import Vocabulary
from charloop.report.excerpt import Excerpt, token_character
from charloop.report.markup import sign, spoken
from charloop.report.values import Missing, Report, ShownUnit

THOUSANDTHS, CHANCES = 1000, 65535
"""Bits are told in thousandths, up to 65.535; a probability of 1 is 65,535."""
LEVELS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Bits at which the next colour begins: steps of about a doubling, where most characters are."""
HALF = 100
"""A unit's value is told in hundredths of the way from its middle to its end."""


def packed(values: Shaped[np.ndarray, "..."], kind: str) -> str:
    """`values` in that type of NumPy's, rounded, and cut off at its ends."""
    limits = np.iinfo(kind)
    whole = np.rint(np.clip(np.nan_to_num(values.astype(float)), limits.min, limits.max))
    return base64.b64encode(whole.astype(kind).tobytes()).decode()


class Signs:
    """Each character that occurs, once, by a number: how it is shown in the text and beside it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, character: str) -> int:
        """The number of a character, a new one if it is new."""
        return self._numbers.setdefault(character, len(self._numbers))

    def told(self) -> list[tuple[str, str, str]]:
        """In the order of their numbers: as it stands (empty, if it cannot), as a sign, and what it is called."""
        return [(plain(character), sign(character), spoken(character)) for character in self._numbers]


def plain(character: str) -> str:
    """The character itself, if it may stand in a page."""
    return character if character in " \n\t" or sign(character).endswith(character) else ""


def data_of(report: Report, vocabulary: Vocabulary) -> dict[str, object]:
    """What the script reads: nothing of a section that has nothing to show."""
    excerpt = report.excerpt
    if isinstance(excerpt, Missing):
        return {}
    signs = Signs()
    told: dict[str, object] = {
        "thing": report.thing,
        "text": packed(np.array([signs.number(c) for c in excerpt.characters], int), "<u2"),
        "levels": LEVELS,
    }
    if not isinstance(report.predictions, Missing):
        bits, rows = bits_of(excerpt, report.predictions.bits), rows_of(excerpt)
        numbers = np.array(
            [signs.number(token_character(vocabulary, token)) for token in range(vocabulary.size)]
        )
        told |= {
            "bits": packed(bits * THOUSANDTHS, "<u2"),
            "top": report.predictions.likeliest.shape[1],
            "likeliest": packed(numbers[report.predictions.likeliest[rows]], "<u2"),
            "chances": packed(report.predictions.chances[rows] * CHANCES, "<u2"),
        }
    if not isinstance(report.mapped, Missing):
        told["units"] = [unit_data(unit) for unit in report.mapped.units]
    return told | {"signs": signs.told()}


def bits_of(excerpt: Excerpt, bits: Float[np.ndarray, " predicted"]) -> Float[np.ndarray, " characters"]:
    """Bits of each character, those of its tokens together; 0 for the first one, which nothing came before."""
    sums = np.concatenate([[0.0, 0.0], np.cumsum(bits.astype(float))])
    found: Float[np.ndarray, " characters"] = sums[excerpt.last + 1] - sums[excerpt.first]
    found[:1] = 0.0
    # Differences of sums may round to just below.
    found[found < 0] = 0.0
    return found


def rows_of(excerpt: Excerpt) -> Int[np.ndarray, " characters"]:
    """Where in the predictions that of each character begins; of the first one there is none, and 0 stands for it."""
    rows: Int[np.ndarray, " characters"] = np.maximum(excerpt.first - 1, 0)
    return rows


def unit_data(shown: ShownUnit) -> dict[str, object]:
    """A unit's values, from `low` to `high` around their middle."""
    low, high = ends(shown.values)
    middle, half = (low + high) / 2, (high - low) / 2 or 1.0
    values = np.clip((shown.values - middle) / half, -1, 1) * HALF
    told: dict[str, object] = {"values": packed(values, "i1"), "low": round(low, 3), "high": round(high, 3)}
    return told if shown.marks is None else told | {"marks": bit_by_bit(shown.marks)}


def ends(values: Float[np.ndarray, " characters"]) -> tuple[float, float]:
    """What a unit stays within, but for one character in a hundred at each end: those do not set the colours."""
    low, high = np.percentile(values, (1, 99))
    return float(low), float(high)


def bit_by_bit(marks: Bool[np.ndarray, " characters"]) -> str:
    """Eight to a byte, the first the lowest bit."""
    return base64.b64encode(np.packbits(marks, bitorder="little").tobytes()).decode()

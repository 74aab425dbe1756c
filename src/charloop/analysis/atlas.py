"""Which unit tracks which mark, and whether that may be chance.

Units that follow quotes, lines and brackets: Karpathy, Johnson and Li 2015 (Visualizing and understanding recurrent
networks, section 4.1), who found them by eye. Here they are found by correlation, on one half of a text, and judged
on the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from charloop.analysis.detectors import DETECTORS, Detector
from charloop.analysis.recording import Recording, StateUnit
from charloop.analysis.search import MARGIN, ROTATIONS, Search, standard
from charloop.errors import CharloopError

MIN_CHANGES = 20
"""Changes of a mark that each half must have: ten spans, or ten single characters."""
MIN_CHARACTERS = ROTATIONS * 2 * MARGIN // (MARGIN - 2)
"""Characters of a text each half of which has `ROTATIONS` different rotations."""


@dataclass(frozen=True)
class Finding:
    """The unit that follows a detector best, with its score."""

    unit: StateUnit
    detector: str
    score: float
    """Pearson's correlation on the second half of the text, times `sign`: -1 to 1."""
    chance: float
    """The best score of the same search with the marks moved to other positions: 0 to 1."""
    sign: int
    """1 if the unit is high where the marks are, -1 if it is low, in the half that it was chosen on."""


@dataclass(frozen=True)
class LeftOut:
    """A detector whose marks are too rare in this text."""

    detector: str
    reason: str


@dataclass(frozen=True)
class Atlas:
    """What the units of a network track in a text."""

    findings: tuple[Finding, ...]
    """Findings above their chance, the best score first; at most one for each detector."""
    unproven: tuple[Finding, ...]
    """The best unit for each of the other detectors, not above its chance."""
    left_out: tuple[LeftOut, ...]

    @property
    def chance(self) -> dict[str, float]:
        """The chance of each detector that was searched for."""
        return {finding.detector: finding.chance for finding in (*self.findings, *self.unproven)}


def find_units(recording: Recording, text: str, detectors: Iterable[Detector] | None = None) -> Atlas:
    """Return for each detector (default: all in `DETECTORS`) the unit that follows it best, and its chance.

    `text` has one character for each row of `recording` (for a network of bytes: its bytes, decoded as Latin-1).
    The unit with the greatest absolute correlation in the first half is chosen; its correlation in the second half,
    with the sign it had in the first, is the score. Chance is the greatest score of 500 searches with the marks
    rotated within their half, by a different amount each time, so that they keep their own autocorrelation except at
    one seam (Harris 2020, Nonsense correlations in neuroscience). If the units have nothing to do with a mark, its
    score is above chance once in 501 times. Texts of the same length are rotated by the same amounts.

    A detector is left out if its marks change fewer than 20 times in a half; all are left out for a text of fewer
    than 1,250 characters. Raises CharloopError if the lengths differ, or a detector does not mark each character.
    """
    if len(text) != len(recording.values):
        allowed = f"one for each of {len(recording.values)} tokens"
        raise CharloopError("characters of the recorded text", got=len(text), allowed=allowed)
    detectors = DETECTORS.values() if detectors is None else detectors
    if len(text) < MIN_CHARACTERS:
        reason = f"the text has {len(text)} characters, and {MIN_CHARACTERS} are needed"
        return Atlas((), (), tuple(LeftOut(detector.name, reason) for detector in detectors))
    half, found, left_out = len(text) // 2, [], []
    first, second = standard(recording.values[:half]), standard(recording.values[half:])
    for detector in detectors:
        marks = detector.marks(text)
        changes = [int(np.count_nonzero(np.diff(own))) for own in (marks[:half], marks[half:])]
        if min(changes) < MIN_CHANGES:
            reason = (
                f"its marks change {changes[0]} and {changes[1]} times in the halves of the text; "
                f"{MIN_CHANGES} are needed"
            )
            left_out.append(LeftOut(detector.name, reason))
            continue
        search = Search(first, second, marks[:half], marks[half:])
        index, sign, score = search.choice()
        found.append(Finding(recording.units[index], detector.name, score, search.chance(), sign))
    found.sort(key=lambda finding: -finding.score)
    above = tuple(finding for finding in found if finding.score > finding.chance)
    return Atlas(above, tuple(finding for finding in found if finding not in above), tuple(left_out))


def score_detectors(recording: Recording, text: str, detectors: Iterable[Detector]) -> dict[str, float]:
    """Return the score of the best unit for each detector, as `find_units` does, without the chance: much quicker."""
    half = len(text) // 2
    first, second = standard(recording.values[:half]), standard(recording.values[half:])
    marks = {detector.name: detector.marks(text) for detector in detectors}
    return {name: Search(first, second, own[:half], own[half:]).choice()[2] for name, own in marks.items()}

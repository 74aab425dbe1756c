"""Which unit tracks what, and whether that may be chance."""

from dataclasses import dataclass

from charloop.analysis.recording import Recording, Unit


@dataclass(frozen=True)
class Finding:
    """The unit that follows a detector best."""

    unit: Unit
    detector: str
    score: float
    """Pearson's correlation on the held-out part of the text, times `sign`: -1 to 1."""
    chance: float
    """The most that the same search reaches against marks that do not belong to the text: 0 to 1."""
    sign: int
    """1 where the unit is high on the marks, -1 where it is low, on the part it was chosen on."""


@dataclass(frozen=True)
class LeftOut:
    """A detector of which this text says too little."""

    detector: str
    reason: str


@dataclass(frozen=True)
class Atlas:
    """What the units of a network track in a text."""

    findings: tuple[Finding, ...]
    """Those above their chance, the best score first; one for each detector at the most."""
    unproven: tuple[Finding, ...]
    """The best unit for each of the other detectors: not above chance, so nothing was found."""
    left_out: tuple[LeftOut, ...]

    @property
    def chance(self) -> dict[str, float]:
        """The chance of each detector that was looked for."""
        return {finding.detector: finding.chance for finding in (*self.findings, *self.unproven)}


def find_units(recording: Recording, text: str) -> Atlas:
    """For each detector the unit that follows it best."""
    raise NotImplementedError

"""Cells over several seeds: their losses, and the distance of each to the best."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from charloop.comparison.runs import RunScore
from charloop.comparison.sweep import Sweep
from charloop.evaluation import Difference, Spread, paired_difference


class CellScores(NamedTuple):
    """A cell in the comparison."""

    name: str
    seeds: tuple[int, ...]
    entries: tuple[RunScore, ...]
    """One for each seed."""
    behind: Spread | None = None
    """Its loss minus the best cell's, seed by seed; None for the best."""
    on_text: Difference | None = None
    """The same difference for these networks, over blocks of the text."""

    @property
    def loss(self) -> Spread:
        """Nats per character, over seeds."""
        return Spread.of([entry.score.loss for entry in self.entries])

    @property
    def pace(self) -> float | None:
        """Characters trained on per second, mean over seeds."""
        paces = [entry.history.pace for entry in self.entries]
        known = [pace for pace in paces if pace]
        return sum(known) / len(known) if known else None

    def reached(self, loss: float) -> list[tuple[int, float]]:
        """Return steps and seconds for each seed with which an evaluation reached `loss`."""
        reached = [entry.history.reached(loss) for entry in self.entries]
        return [found for found in reached if found]


def group_by_cell(sweep: Sweep, entries: Sequence[RunScore]) -> list[CellScores]:
    """Return the runs' scores, grouped by cell."""
    runs = list(zip(sweep.runs, entries, strict=True))
    return [
        CellScores(
            cell,
            tuple(run.seed for run, _ in runs if run.cell == cell),
            tuple(entry for run, entry in runs if run.cell == cell),
        )
        for cell in dict.fromkeys(run.cell for run in sweep.runs)
    ]


def rank_cells(groups: Sequence[CellScores]) -> list[CellScores]:
    """Return the best mean loss first, and the distance of the others to it; losses that are not finite come last."""
    best, *others = sorted(groups, key=lambda g: g.loss.mean if math.isfinite(g.loss.mean) else math.inf)
    ranked, best_means = [best], mean_losses(best)
    for group in others:
        pairs = zip(group.entries, best.entries, strict=True)
        behind = Spread.of([one.score.loss - two.score.loss for one, two in pairs])
        on_text = paired_difference(mean_losses(group), best_means)
        ranked.append(group._replace(behind=behind, on_text=on_text))
    return ranked


def mean_losses(group: CellScores) -> Float[np.ndarray, " targets"]:
    """Return the loss of each character of the text, mean over seeds."""
    total: Float[np.ndarray, " targets"] = np.zeros(1)
    for entry in group.entries:
        assert entry.score.per_character is not None
        total = total + entry.score.per_character.astype(np.float64)
    return total / len(group.entries)

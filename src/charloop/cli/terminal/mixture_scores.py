"""eval RUN+RUN: the loss of each member of a mixture beside that of all together, for people and programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charloop.cli.flags.mixing import write_weights
from charloop.cli.terminal.progress import showing_progress

if TYPE_CHECKING:
    import numpy as np

    from charloop.evaluation import Difference, Score
    from charloop.trained import TrainedModel
    from charloop.trained.mixture import Mixture

MEANS = {"logit": "geometric mean", "linear": "mean"}


@dataclass(frozen=True)
class MixtureScore:
    """The losses of the members by themselves, in nats per character, and what mixing them gains."""

    mixture: "Mixture"
    names: tuple[str, ...]
    losses: tuple[float, ...]
    gain: "Difference | None"
    """The loss of the mixture minus that of the best member; None for a text too short to tell."""

    @property
    def best(self) -> int:
        """The number of the member with the lowest loss."""
        return min(range(len(self.losses)), key=self.losses.__getitem__)


def score_members(
    mixture: "TrainedModel", tokens: "np.ndarray", limit: int | None, before: "np.ndarray", score: "Score"
) -> MixtureScore | None:
    """Score `tokens` with each member by itself, as the mixture did, whose `score` has the nats of each character.

    None for a network that is no mixture.
    """
    from charloop.evaluation import paired_difference
    from charloop.trained.mixture import Mixture, name_member

    if not isinstance(mixture, Mixture):
        return None
    with showing_progress() as listener:
        alone = [
            member.score(tokens, limit, per_character=True, listener=listener, before=before)
            for member in mixture.alone()
        ]
    best = min(alone, key=lambda one: one.loss).per_character
    assert best is not None
    assert score.per_character is not None
    gain = paired_difference(score.per_character, best)
    names = tuple(name_member(member) for member in mixture.members)
    return MixtureScore(mixture, names, tuple(one.loss for one in alone), gain)


def mixture_values(found: MixtureScore) -> dict[str, Any]:
    """Return the same as plain values, for JSON."""
    gain, members = found.gain, zip(found.names, found.mixture.weights, found.losses, strict=True)
    return {
        "kind": found.mixture.kind,
        "members": [
            {"name": name, "weight": float(weight), "nats_per_character": loss}
            for name, weight, loss in members
        ],
        "change": gain
        and {
            "beside": found.names[found.best],
            "nats_per_character": gain.nats,
            "interval": [gain.low, gain.high],
            "p_value": gain.p_value,
        },
    }


def mixture_lines(found: MixtureScore) -> Iterator[str]:
    """Yield the lines that people read."""
    yield f"mixture     {MEANS[found.mixture.kind]}, --mix-weights {write_weights(found.mixture)}"
    for name, loss in zip(found.names, found.losses, strict=True):
        yield f"alone       {loss:.4f} nats/char  {name}"
    if found.gain:
        bits, low, high = found.gain.bits
        yield f"change      {bits:+.4f} bits/char ({low:+.4f} to {high:+.4f}) beside {found.names[found.best]}"

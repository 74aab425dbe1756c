"""Several networks as one: their predictions are mixed, over the characters of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import jax.numpy as jnp
import numpy as np

from charloop.checkpoint.texts import read_training_text
from charloop.data import Vocabulary
from charloop.errors import CharloopError, unknown_name
from charloop.mixing import MIX_WEIGHTS, WAYS_TO_MIX, MixedModel, join_vocabularies, name_of_part, translate
from charloop.model import CharLM
from charloop.originality import SuffixIndex, load_or_build_index
from charloop.progress import ProgressListener
from charloop.trained.network import TrainedModel
from charloop.trained.ngram import Ngram
from charloop.types import Parameters

ROUNDING = 1e-6
USUAL_LENGTH = 1_000_000
"""Characters that a network without its run is taken to have learned from."""


@dataclass(frozen=True)
class Mixture(TrainedModel):
    """Networks whose predictions are mixed; it scores and writes text as one network.

    Its vocabulary has the characters of all `members`. Its run is the first one's, whose texts it reads with that.
    """

    members: tuple[TrainedModel, ...] = ()

    @property
    def mixed(self) -> MixedModel:
        """The model, as what it is."""
        return cast("MixedModel", self.model)

    @property
    def kind(self) -> str:
        """How they are mixed: a name of `WAYS_TO_MIX`."""
        return self.mixed.kind

    @property
    def weights(self) -> np.ndarray:
        """The weight of each member, `[members]`; their sum is 1."""
        return np.asarray(self.params[MIX_WEIGHTS], np.float64)

    def reweigh(self, weights: Sequence[float]) -> "Mixture":
        """Return the mixture with other weights. Raises CharloopError as `mix` does."""
        shares = check_weights(weights, len(self.members))
        return replace(self, params=self.params | {MIX_WEIGHTS: jnp.asarray(shares, jnp.float32)})

    def alone(self) -> Iterator["Mixture"]:
        """Yield each member by itself, which predicts the characters of all of them as it does in the mixture."""
        for member in self.members:
            yield mix([member], vocabulary=self.vocabulary)

    def save(self, path: str | Path) -> None:
        """Raise CharloopError: a folder holds one network."""
        raise CharloopError(f"a mixture cannot be saved in {path}", do="save its networks one by one")

    def _index(self, listener: ProgressListener | None) -> SuffixIndex:
        """Return the index of all training texts, one after the other."""
        runs = {run.text.get("content_hash"): run for run in (member.run for member in self.members) if run}
        texts = [
            read_training_text(replace(run, vocabulary=self.vocabulary), listener) for run in runs.values()
        ]
        tokens = texts[0] if len(texts) == 1 else np.concatenate(texts)
        return load_or_build_index(self.vocabulary.remove_labels(tokens), listener=listener)


def mix(
    networks: Sequence[TrainedModel],
    kind: str = "logit",
    weights: Sequence[float] | None = None,
    *,
    vocabulary: Vocabulary | None = None,
) -> Mixture:
    """Return the mixture of one network or more, by the `weights` (default: equal), which are divided by their sum.

    kind "logit": p is proportional to the product of all p_i ** w_i. "linear": p is the sum of all w_i p_i.
    `vocabulary` is what it predicts, by default the characters of all networks. Raises CharloopError for networks of
    characters and of bytes, of documents with different rules or labels, and for weights that are not one number of
    0 or more for each network, with a sum above 0.
    """
    if kind not in WAYS_TO_MIX:
        raise unknown_name("way to mix", kind, WAYS_TO_MIX)
    if not networks:
        raise CharloopError("nothing to mix", do="give networks")
    known = vocabulary or join_vocabularies([network.vocabulary for network in networks])
    shares = check_weights([1.0] * len(networks) if weights is None else weights, len(networks))
    params: Parameters = {MIX_WEIGHTS: jnp.asarray(shares, jnp.float32)}
    for number, network in enumerate(networks):
        own = dict(network.params)
        if network.vocabulary != known:
            made = translate(network.vocabulary, known, count_learned(network))
            own |= {name: jnp.asarray(array) for name, array in made.items()}
        params |= {name_of_part(number, name): array for name, array in own.items()}
    model = MixedModel(tuple(network.model for network in networks), kind, known.size, known.end_id)
    run = networks[0].run and replace(networks[0].run, vocabulary=known)
    notes = dict.fromkeys(
        note for network in networks for note in (*network.notes, *unknown_note(network, known))
    )
    # It has all that is called of a network that scores and writes.
    return Mixture(cast("CharLM", model), params, known, {"step": 0}, tuple(notes), run, tuple(networks))


def check_weights(weights: Sequence[float], count: int) -> np.ndarray:
    """Return `weights` divided by their sum. Raises CharloopError as `mix` does."""
    given = np.array(weights, np.float64)
    if (
        given.shape != (count,)
        or not np.isfinite(given).all()
        or given.min() < 0
        or not 0 < given.sum() < np.inf
    ):
        raise CharloopError(
            "--mix-weights",
            got=",".join(f"{weight:g}" for weight in weights),
            allowed=f"{count} numbers of 0 or more, not all 0: one for each network",
        )
    # Shares that were rounded to float32 stay as they are, so that a mixture can be made again to the bit.
    shares: np.ndarray = given if abs(given.sum() - 1) < ROUNDING else given / given.sum()
    return shares


def count_learned(network: TrainedModel) -> int:
    """Return how many characters the network learned from."""
    count = network.run.text.get("train") if network.run else None
    return count if isinstance(count, int) and count > 0 else USUAL_LENGTH


def name_member(network: TrainedModel) -> str:
    """Return a name for people: the folder of its run; of an n-gram, its order and that folder."""
    folder = str(network.run.path) if network.run else "a network"
    return f"{network.order}-gram of {folder}" if isinstance(network, Ngram) else folder


def unknown_note(network: TrainedModel, known: Vocabulary) -> Iterator[str]:
    """Yield a sentence if the network does not know all characters that others know."""
    new = len(set(known.symbols) - set(network.vocabulary.symbols))
    if new:
        share = "the probability of its unknown symbol"
        if network.vocabulary.unknown_id is None:
            size = len(network.vocabulary.symbols)
            share = f"a probability of {size / (count_learned(network) + size):.1e}"
        yield (
            f"{name_member(network)} does not know {new:,} of the {len(known.symbols):,} characters; "
            f"they share {share}"
        )

"""The prefix of a run that did not store one: it is found in a text that the network writes."""

from typing import TYPE_CHECKING

from charloop.data import accept_prefix, find_prefix, guess_prefix
from charloop.errors import CharloopError
from charloop.sampling import Beginning, SamplingConfig, generate_texts

if TYPE_CHECKING:
    from charloop.trained.network import TrainedModel

SAMPLE_LENGTH = 2000
"""Characters, dozens of lines, that the network writes."""


def find_own_prefix(network: "TrainedModel") -> str:
    """Return the prefix of a text that the network writes, always with the same seed.

    The vocabulary alone does not show whether the text is a play or a list.
    """
    known = network.vocabulary
    guess = guess_prefix(known)
    config = SamplingConfig(length=SAMPLE_LENGTH, temperature=0.8)
    parts = network.model, network.params, known
    try:
        (text,) = generate_texts(*parts, "", config, beginning=Beginning(guess))
    except CharloopError:
        # Weights that are not finite cannot write; sampling and scoring report that themselves.
        return guess
    found = accept_prefix(find_prefix(text), known)
    return guess if found is None else found

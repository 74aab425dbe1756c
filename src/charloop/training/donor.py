"""What a run takes over from the one it starts from: settings, rows of known characters, and rows for new ones."""

import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import numpy as np

from charloop.config import NETWORK, ModelConfig, RunConfig
from charloop.data import Vocabulary
from charloop.data.documents.labels import RECORD
from charloop.data.sources import name_some
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Parameters
from charloop.wording import describe_model, number_of

SHOWN = 10
"""New characters that the note names."""


def adopt_network(config: RunConfig, donor: ModelConfig) -> RunConfig:
    """Return `config` with the cell and sizes of `donor` wherever it has their defaults."""
    plain = {field.name: field.default for field in fields(ModelConfig)}
    unset = [name for name in NETWORK if getattr(config.model, name) == plain[name]]
    return replace(config, model=replace(config.model, **{name: getattr(donor, name) for name in unset}))


def adopt_units(config: RunConfig, donor: TrainedModel) -> tuple[RunConfig, Vocabulary]:
    """Return `config` with the unit, min-count and documents of a donor, and its vocabulary for such documents.

    The fields of records may differ from the donor's, and records may follow other documents. Raises CharloopError if
    the configuration asks for another unit, min-count or rule.
    """
    data, known = config.data, donor.vocabulary
    own = donor.run.config.data if donor.run else data
    if known.documents == RECORD and not data.text_field:
        data = replace(data, text_field=own.text_field, label_field=data.label_field or own.label_field)
    as_records = bool(known.documents and data.text_field)
    for flag, asked, allowed in (
        ("--min-count", data.min_count, (1, known.min_count)),
        ("--unit", data.unit, ("char", known.unit)),
        ("--documents", data.documents, ("", known.documents)),
        ("--text-field", data.text_field, (data.text_field if as_records else "",)),
    ):
        if asked not in allowed:
            named = f"{allowed[-1] or 'one text'}, that run's own"
            raise CharloopError(
                f"{flag} does not go with --init-from", got=asked, allowed=named, do="leave it out"
            )
    data = replace(data, min_count=known.min_count, unit=known.unit)
    if as_records:
        return replace(config, data=data), replace(known, documents=RECORD)
    return replace(config, data=replace(data, documents=known.documents)), known


def check_donor(config: ModelConfig, donor: TrainedModel) -> None:
    """Raise CharloopError unless the weights of `donor` fit the network of `config` for the same characters."""
    model = CharLM.build(config, donor.vocabulary.size, donor.vocabulary.end_id)
    given = {name: value.shape for name, value in donor.params.items()}
    wrong = sorted(set(find_shapes(model).items()) ^ set(given.items()))
    if wrong:
        raise CharloopError(
            f"--init-from: {wrong[0][0]} is not the same in both networks",
            do="ask for the same cell and sizes, or leave them out: they come from that run",
        )


def extend_parameters(donor: TrainedModel, vocabulary: Vocabulary) -> Parameters:
    """Return the weights of `donor` for `vocabulary`, which has all its characters, and others.

    A parameter has an axis of characters where its shape follows the size of the vocabulary: embedding, readout, and
    with one-hot input the input matrices of the first layer. Along it, known characters, the end symbol and the
    unknown symbol keep their rows, wherever their tokens move. A new character gets the row of its `find_relative`,
    or the mean of the rows of all characters. Raises CharloopError if a cell of the user's own gives its inputs an
    axis that they share with something else. A new label gets the mean of the old ones, or of all characters if there
    are none.
    """
    if vocabulary == donor.vocabulary:
        return donor.params
    size = donor.vocabulary.size
    rows, model = find_rows(donor.vocabulary, vocabulary), donor.model
    wider = find_shapes(replace(model, vocab_size=size + 1))
    grown = {}
    for name, value in donor.params.items():
        array = np.asarray(value)
        for axis in (n for n, length in enumerate(wider[name]) if length != array.shape[n]):
            if (array.shape[axis], wider[name][axis]) != (size, size + 1):
                raise CharloopError(
                    f"--init-from: {name} of this cell cannot be extended for new characters",
                    do="use a text of known characters, or an embedding: --embed-size 64",
                )
            symbols = range(len(donor.vocabulary.symbols))
            means = (
                array.take(tokens, axis).mean(axis, keepdims=True)
                for tokens in (symbols, donor.vocabulary.label_ids or symbols)
            )
            array = np.concatenate([array, *means], axis).take(rows, axis)
        grown[name] = jnp.array(array)
    return grown


def find_shapes(model: CharLM) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter."""
    return {name: value.shape for name, value in jax.eval_shape(model.init, jax.random.key(0)).items()}


def find_rows(old: Vocabulary, new: Vocabulary) -> list[int]:
    """Return for each token of `new` the token of `old` whose row it gets.

    `old.size` stands for the mean of all characters, and the number after it for the mean of the labels.
    """
    tokens = {symbol: token for token, symbol in enumerate(old.symbols)}
    relatives = (find_relative(symbol, old.symbols) for symbol in new.symbols)
    rows = [tokens.get(known, old.size) for known in relatives]
    labels = dict(zip(old.labels, old.label_ids, strict=True))
    rows += (labels.get(label, old.size + 1) for label in new.labels)
    return [*rows, *(token for token in (old.end_id, old.unknown_id) if token is not None)]


def find_relative(character: str, symbols: Sequence[str]) -> str:
    """Return which of `symbols` a character begins as: itself, its other case, its base letter (NFKD); "" if none."""
    base = unicodedata.normalize("NFKD", character)[:1]
    candidates = (character, character.swapcase(), base, base.swapcase())
    return next((one for one in candidates if one in symbols), "")


def find_new(old: Vocabulary, new: Vocabulary) -> list[str]:
    """Return the symbols of `new` that `old` lacks."""
    known = frozenset(old.symbols)
    return [symbol for symbol in new.symbols if symbol not in known]


def note_donor(donor: TrainedModel, vocabulary: Vocabulary) -> str:
    """Return what a run with `vocabulary` takes over from `donor`, and which of its characters are new."""
    known = donor.vocabulary.symbols
    network = describe_model(donor.model.config)
    taken = (
        f"weights, cell, sizes and vocabulary of {donor.run.path if donor.run else 'a network'} ({network})"
    )
    labels = [repr(label) for label in vocabulary.labels if label not in donor.vocabulary.labels]
    if labels:
        taken += f"; {number_of(len(labels), 'new label')}: {name_some(labels)}"
    new = find_new(donor.vocabulary, vocabulary)
    if not new:
        return f"{taken}; no new characters"
    relatives = {symbol: find_relative(symbol, known) for symbol in new[:SHOWN]}
    named = [f"{new!r} (begins as {old!r})" if old else f"{new!r}" for new, old in relatives.items()]
    more = f" and {len(new) - SHOWN:,} more" if len(new) > SHOWN else ""
    return f"{taken}; {number_of(len(new), 'new character')}: {', '.join(named)}{more}"

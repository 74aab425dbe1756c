"""What a new run starts from: its text, its network, its first state, and notes on them. Nothing is written."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from charloop.auto.resolving import choose_for
from charloop.cells.from_object import is_user_cell, name_builtin_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.new_folder import name_folder
from charloop.checkpoint.texts import read_corpus, split_corpus
from charloop.config import NETWORK, RunConfig
from charloop.configfile import validate
from charloop.data import Corpus, Text
from charloop.data.notes import note_split
from charloop.errors import CharloopError
from charloop.given import Given
from charloop.model import CharLM
from charloop.progress import ProgressListener
from charloop.trained import load_trained_model
from charloop.training.averaging import is_averaging, start_average
from charloop.training.donor import (
    adopt_network,
    adopt_units,
    check_donor,
    extend_parameters,
    find_new,
    note_donor,
)
from charloop.training.memory import check_memory
from charloop.training.optimizer import check_frozen, check_objects
from charloop.training.provenance import current_provenance
from charloop.training.session import TrainingSession, complete_config, describe_text
from charloop.training.state import TrainingState, initial_training_state


class PreparedRun(NamedTuple):
    """A run that could begin: its folder does not exist yet."""

    session: TrainingSession
    state: TrainingState
    notes: list[str]
    reasons: tuple[str, ...]
    """What the preset auto has chosen, and why; empty without it."""


def prepare_run(
    config: RunConfig,
    given: Given,
    out: str | Path | None = None,
    *,
    init_from: str | Path | None = None,
    kept: Collection[str] | None = None,
    listener: ProgressListener,
) -> PreparedRun:
    """Read the text of a checked configuration, and make the network and its first weights, or those of `init_from`.

    `out` is the folder that the run would have (runs/NAME-CELL if None); `kept` is as in `train`. Raises
    CharloopError for an invalid configuration.
    """
    cell = find_user_cell(config)
    donor = load_trained_model(RunFolder.open(Path(init_from), cell=cell)) if init_from else None
    known = None
    if donor:
        config, known = adopt_units(adopt_network(config, donor.model.config), donor)
        check_donor(config.model, donor)
    check_frozen(config)
    corpus = read_corpus(config, known, listener, given.text, unknown="learn" if donor else "error")
    cut = split_corpus(config, corpus)
    choice = None
    if kept is not None:
        own = NETWORK if donor else ()
        choice = choose_for(config, {*kept, *own}, cut.sizes[0], corpus.vocabulary.size)
        config = choice.config
        check_frozen(config)
    config, note = complete_config(config, cut)
    model = CharLM.build(config.model, corpus.vocabulary.size, corpus.vocabulary.end_id)
    path = Path(out) if out else name_folder(corpus.suggested_name, config.model.cell)
    draft = RunFolder(path, config, corpus.vocabulary, {}, given=given)
    session = TrainingSession.of(draft, corpus, cut, model)
    text_facts = describe_text(corpus, cut, session.prefix)
    if donor:
        text_facts["new_characters"] = "".join(find_new(donor.vocabulary, corpus.vocabulary))
    made_with = ({**current_provenance(session.mesh, 0), **(choice.facts if choice else {})},)
    session = replace(session, folder=replace(draft, text=text_facts, made_with=made_with))
    memory = check_memory(session)
    # Kernels are compiled while XLA compiles the program for the first weights.
    with session.compile_kernels_meanwhile():
        state = initial_training_state(
            session.model, session.optimizer, config.data.batch_size, config.training.seed
        )
    if donor:
        params = extend_parameters(donor, corpus.vocabulary)
        state = replace(state, params=params, optimizer=session.optimizer.init(params))
    if is_averaging(config.training):
        state = replace(state, average=start_average(state.params))
    noted = note_split(corpus, cut, shuffled=config.data.shuffle)
    notes = [*corpus.notes, *noted, *([note] if note else []), *memory]
    notes += [note_donor(donor, corpus.vocabulary)] if donor else []
    return PreparedRun(session, state, notes, choice.reasons if choice else ())


def check_given(config: RunConfig, text: Any, optimizer: Any, schedule: Any) -> tuple[RunConfig, Given]:
    """Check the configuration and the objects of a new run. A text that can be read only once is read here."""
    check_objects(optimizer, schedule)
    config = validate(config)
    if text is not None and config.data.corpus:
        raise CharloopError("a text and a corpus", got=config.data.corpus, do="give one of them")
    config = replace(config, model=name_builtin_cell(config.model))
    source = None if text is None else Text.of(text)
    if source and isinstance(source.content, Corpus):
        known = source.content.vocabulary
        config = replace(config, data=replace(config.data, unit=known.unit, min_count=known.min_count))
    return config, Given(source, optimizer, schedule)


def find_user_cell(config: RunConfig) -> str | None:
    """Return the user's own cell that a configuration names; None if it names a built-in one."""
    return config.model.cell if is_user_cell(config.model.cell) else None

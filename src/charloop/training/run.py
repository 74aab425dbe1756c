"""Start a run, start one from another's weights, or go on with one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import optax

from charloop.cells import Cell
from charloop.cells.from_object import is_user_cell, name_builtin_cell
from charloop.checkpoint import RunFolder, locked, new_folder
from charloop.checkpoint.text import read_corpus, read_own_corpus
from charloop.config import RunConfig
from charloop.configfile import validate
from charloop.data import Corpus, GivenText, Text, Vocabulary
from charloop.errors import CharloopError
from charloop.given import Given
from charloop.model import CharLM, count_parameters
from charloop.trained import TrainedModel, load_trained_model
from charloop.training.compiling import compiled_beside
from charloop.training.events import Finished, Listener, Started, ignore
from charloop.training.interrupt import catch_interrupts
from charloop.training.journal import Journal, save_state
from charloop.training.loggers import Logger, Logging, make_loggers
from charloop.training.loop import Loop
from charloop.training.optimizer import Schedule, check_objects
from charloop.training.provenance import made_now, made_with
from charloop.training.recovery import forget_after, last_save, mend_weights
from charloop.training.session import Session, describe_text, resolve
from charloop.training.state import TrainingState, initial_training_state, places_of_training_state
from charloop.training.worth import Worth


def train(
    config: RunConfig,
    out: str | Path | None = None,
    *,
    text: GivenText | None = None,
    optimizer: optax.GradientTransformation | None = None,
    schedule: Schedule | None = None,
    init_from: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
    catch_signals: bool = False,
) -> Path:
    """Train a network on `config.data.corpus` into the folder `out` (runs/NAME-CELL if None); returns the folder.

    `text` is a text itself, in the place of names: a string, bytes, documents, or a Corpus. `optimizer` is optax's,
    learning rate and all, in the place of the configuration's; `schedule` gives the learning rate of each step, or
    what a given optimiser's updates are multiplied by. config.json says that there were such objects, and `resume`
    asks for them.

    `init_from` is a run whose weights and vocabulary to start from, with a fresh optimiser. `listener` is told what
    happens. With `catch_signals`, in the main thread, Ctrl-C and SIGTERM end the run after the step in hand, saved;
    without it a program's signals are its own. Raises CharloopError, before anything is written, for whatever is
    wrong with the configuration.
    """
    config, given = check_given(config, text, optimizer, schedule)
    loggers = make_loggers(config.training.log)
    donor = load_trained_model(RunFolder.open(Path(init_from), cell=own_cell(config))) if init_from else None
    config = adopt_units(config, donor.vocabulary) if donor else config
    corpus = read_corpus(config, donor.vocabulary if donor else None, listener, given.text)
    config, note = resolve(config, corpus)
    model = CharLM.build(config.model, corpus.vocabulary.size)
    if donor:
        check_donor(model, donor)
    path = Path(out) if out else default_folder(corpus, config)
    session = prepare(path, config, corpus, given)
    # The kernels' machine code is made while XLA compiles what makes the first weights.
    with compiled_beside(session):
        state = initial_training_state(
            session.model, session.optimizer, config.data.batch_size, config.training.seed
        )
    if donor:
        state = replace(state, params=donor.params, optimizer=session.optimizer.init(donor.params))
    notes = [*corpus.notes, *([note] if note else [])]
    with new_folder(path, overwrite=overwrite):
        begin(session, state)
        sit(session, state, Journal(), notes, listener, loggers, catch_signals)
    return path


def check_given(config: RunConfig, text: Any, optimizer: Any, schedule: Any) -> tuple[RunConfig, Given]:
    """The configuration and the objects of a new run, checked: a text that can be read once is read here."""
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


def resume(
    path: str | Path,
    changes: RunConfig | None = None,
    *,
    cell: str | type[Cell] | Cell | None = None,
    text: GivenText | None = None,
    optimizer: optax.GradientTransformation | None = None,
    schedule: Schedule | None = None,
    listener: Listener = ignore,
    catch_signals: bool = False,
) -> Path:
    """Go on with the run at `path` where it was last saved, as if it had not been stopped.

    `changes` is its configuration with a longer budget, or other settings that do not touch what was learned.
    `cell`, `text`, `optimizer` and `schedule` are the objects that it was trained with, if there were any; `listener`
    and `catch_signals` are as in `train`.
    Raises CharloopError if the text is no longer the one it was trained on.
    """
    check_objects(optimizer, schedule)
    given = Given(None if text is None else Text.of(text), optimizer, schedule)
    folder = RunFolder.open(Path(path), cell=cell, given=given)
    refuse_another_rule(folder)
    named = changes is not None and changes.data.corpus != folder.config.data.corpus
    folder = replace(folder, config=changes or folder.config)
    loggers = make_loggers(folder.config.training.log)
    corpus = read_own_corpus(folder, listener, named=named)
    session = Session.of(folder, corpus)
    with locked(folder.path):
        state, journal, notes = last_save(session)
        session, changed = made_now(session, int(state.step))
        session.folder.mend()
        notes += [
            *forget_after(session.folder, int(state.step), journal),
            *mend_weights(session, state, journal),
        ]
        if "prefix" not in session.folder.text:
            session = keep_prefix(session)
        session.folder.write_config()
        sit(session, state, journal, [*corpus.notes, *notes, *changed], listener, loggers, catch_signals)
    return Path(path)


def refuse_another_rule(folder: RunFolder) -> None:
    """Raises CharloopError for an optimiser that is given to a run of the configuration's: its moments are others."""
    if folder.given.optimizer is not None and "optimizer" not in folder.asks:
        raise CharloopError(
            f"{folder.path} was trained with {folder.config.training.optimizer}",
            got="another optimizer",
            do=f"leave it out, or start a new run with init_from={str(folder.path)!r}",
        )


def adopt_units(config: RunConfig, vocabulary: Vocabulary) -> RunConfig:
    """`config` with what a vocabulary that is taken over calls a character; CharloopError if it asks for another."""
    data, has = config.data, vocabulary
    for flag, asked, allowed in (
        ("--min-count", data.min_count, (1, has.min_count)),
        ("--unit", data.unit, ("char", has.unit)),
    ):
        if asked not in allowed:
            own = f"{allowed[-1]}, that run's own"
            raise CharloopError(
                f"{flag} does not go with --init-from", got=asked, allowed=own, do="leave it out"
            )
    return replace(config, data=replace(data, min_count=has.min_count, unit=has.unit))


def prepare(path: Path, config: RunConfig, corpus: Corpus, given: Given) -> Session:
    """The session of a run that is to be made at `path`, where nothing is written yet."""
    draft = RunFolder(path, config, corpus.vocabulary, {}, given=given)
    session = Session.of(draft, corpus)
    text = describe_text(corpus, session.split, session.prefix)
    return replace(session, folder=replace(draft, text=text, made_with=(made_with(session.mesh, 0),)))


def begin(session: Session, state: TrainingState) -> None:
    """Write a new run into its folder: from here on it can be resumed. config.json, which makes it one, is last."""
    session.folder.begin()
    save_state(session, state, Journal())
    session.folder.write_config()


def keep_prefix(session: Session) -> Session:
    """`session`, whose run was begun before runs kept their text's prefix, with it."""
    text = {**session.folder.text, "prefix": session.prefix}
    return replace(session, folder=replace(session.folder, text=text))


def sit(
    session: Session,
    state: TrainingState,
    journal: Journal,
    notes: list[str],
    listener: Listener,
    loggers: Mapping[str, Logger],
    catch_signals: bool,
) -> Finished:
    """Announce the run, then train, stopping cleanly when asked to."""
    with Logging(loggers, listener) as logging:
        worth = Worth(session, logging)
        worth(announcement(session, state, notes))
        with catch_interrupts(signals=catch_signals) as interrupt:
            return Loop(session, place(session, state), journal, worth, interrupt).run()


def place(session: Session, state: TrainingState) -> TrainingState:
    """`state` on the session's devices: memory cut along the batch, the rest whole on each."""
    placed: TrainingState = jax.device_put(state, places_of_training_state(session.mesh))
    return placed


def announcement(session: Session, state: TrainingState, notes: list[str]) -> Started:
    """What there is to say before the first step."""
    return Started(
        folder=session.folder.path,
        config=session.config,
        description=session.corpus.description,
        notes=[*notes, *session.model.notes],
        split=session.split.sizes,
        content_hash=session.corpus.content_hash,
        vocab_size=session.folder.vocabulary.size,
        parameters=count_parameters(state.params),
        devices=session.mesh.size,
        chunks_per_epoch=session.lanes.chunks_per_epoch,
        resumed_at=int(state.step),
    )


def own_cell(config: RunConfig) -> str | None:
    """The user's own cell that a configuration names, if it does."""
    return config.model.cell if is_user_cell(config.model.cell) else None


def check_donor(model: CharLM, donor: TrainedModel) -> None:
    """Raises CharloopError unless the donor's weights fit `model`."""
    shapes = {name: value.shape for name, value in jax.eval_shape(model.init, jax.random.key(0)).items()}
    given = {name: value.shape for name, value in donor.params.items()}
    wrong = sorted(set(shapes.items()) ^ set(given.items()))
    if wrong:
        raise CharloopError(
            f"--init-from: {wrong[0][0]} is not the same in both networks",
            do="ask for the same cell and sizes: pass --config RUN/config.json along with --init-from RUN",
        )


def default_folder(corpus: Corpus, config: RunConfig) -> Path:
    """runs/TEXT-CELL, with a number behind it if that is taken."""
    cell = config.model.cell.rpartition(":")[2].lower()
    base = Path("runs") / f"{corpus.suggested_name}-{cell}"
    names = [base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 10**4))]
    return next(path for path in names if not path.exists())

"""The ways into a run: start one, start one from the weights of another, or resume one."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optax

from charloop.cells import Cell
from charloop.checkpoint import RunFolder, locked, new_folder
from charloop.checkpoint.texts import read_own_corpus
from charloop.config import RunConfig
from charloop.data import GivenText, Text
from charloop.errors import CharloopError
from charloop.given import Given
from charloop.model import count_parameters
from charloop.training.baselines import BaselineListener
from charloop.training.checkpoints import (
    cut_records,
    load_last_checkpoint,
    restore_best_weights,
    save_checkpoint,
)
from charloop.training.events import Finished, Listener, Started
from charloop.training.interrupt import catch_interrupts
from charloop.training.loggers import Logger, Logging, make_loggers
from charloop.training.loop import Loop
from charloop.training.memory import check_memory
from charloop.training.new_runs.preparing import check_given, prepare_run
from charloop.training.optimizer import check_objects
from charloop.training.progress import find_listener
from charloop.training.provenance import update_provenance
from charloop.training.schedule import Budget, Schedule, note_rate_rise
from charloop.training.session import TrainingSession
from charloop.training.state import Journal, TrainingState
from charloop.wording import duration, number_of

PREPARATION_SHARE = 0.5
"""Reading a text and preparing a run counts as at most this share of the minutes left: the rest is for training."""


def train(
    config: RunConfig,
    out: str | Path | None = None,
    *,
    text: GivenText | None = None,
    optimizer: optax.GradientTransformation | None = None,
    schedule: Schedule | None = None,
    init_from: str | Path | None = None,
    kept: Collection[str] | None = None,
    overwrite: bool = False,
    listener: Listener | None = None,
    catch_signals: bool = False,
    until: float = 1.0,
    began: float | None = None,
) -> Path:
    """Train a network on `config.data.corpus` into the folder `out` (runs/NAME-CELL if None). Return the folder.

    `text` is a text itself instead of names: a string, bytes, documents, or a Corpus. `optimizer` is an optax
    optimizer with its learning rate, which replaces that of the configuration. `schedule` gives the learning rate of
    each step, or the factor on the updates of a given optimizer. config.json records that there were such objects,
    and `resume` requires them.

    `init_from` is a run whose weights and vocabulary to start from, with a fresh optimizer. Its cell and sizes are
    taken where the configuration has defaults; characters that it does not know join the vocabulary. With `kept`, the
    preset auto chooses all settings that it knows once the text is read, except those of these names and the network
    of `init_from`. `listener` receives the events; without one, a notebook shows a line. With `catch_signals`, in the
    main thread, Ctrl-C and SIGTERM end the run after the current step, with a checkpoint; without it, signals are
    left alone. `until`: pause at the first evaluation at or past this share of the budget. The minutes of
    the run count from `began`, a reading of time.monotonic(); None: from now. Raises CharloopError for an invalid
    configuration before anything is written.
    """
    began = time.monotonic() if began is None else began
    listener = listener or find_listener()
    config, given = check_given(config, text, optimizer, schedule)
    loggers = make_loggers(config.training.log)
    session, state, notes, reasons = prepare_run(
        config, given, out, init_from=init_from, kept=kept, listener=listener
    )
    path = session.folder.path
    with new_folder(path, overwrite=overwrite):
        session.folder.begin()
        save_checkpoint(session, state, Journal())
        # Written last, because with config.json the folder is a run, which can be resumed.
        session.folder.write_config()
        journal = Journal()
        notes += count_preparation(session.budget, journal, time.monotonic() - began)
        run_invocation(session, state, journal, notes, listener, loggers, catch_signals, until, reasons)
    return path


def count_preparation(budget: Budget, journal: Journal, seconds: float) -> list[str]:
    """Count the `seconds` before training as time of the run, and return a note if they do not all count.

    They count only in a run that is limited by minutes.
    """
    left = (budget.seconds or 0.0) - journal.elapsed - journal.evaluation_seconds
    if not budget.seconds or left <= 0:
        return []
    journal.elapsed += min(seconds, PREPARATION_SHARE * left)
    if seconds <= PREPARATION_SHARE * left:
        return []
    minutes = number_of(budget.seconds / 60, "minute")
    return [
        f"reading the text and preparing the run took {duration(seconds)}: the run lasts longer than {minutes}"
    ]


def resume(
    path: str | Path,
    changes: RunConfig | None = None,
    *,
    cell: str | type[Cell] | Cell | None = None,
    text: GivenText | None = None,
    optimizer: optax.GradientTransformation | None = None,
    schedule: Schedule | None = None,
    listener: Listener | None = None,
    catch_signals: bool = False,
    until: float = 1.0,
    began: float | None = None,
) -> Path:
    """Continue the run at `path` from its last checkpoint, as if it had not been stopped. Return the folder.

    `changes` is its configuration with a longer budget, or with other settings that do not affect what was learned.
    `cell`, `text`, `optimizer` and `schedule` are the objects that it was trained with, if there were any; the others
    are as in `train`; the time before training counts in this invocation, too. Raises CharloopError if the text has
    changed since the run began.
    """
    began = time.monotonic() if began is None else began
    check_objects(optimizer, schedule)
    given = Given(None if text is None else Text.of(text), optimizer, schedule)
    folder = RunFolder.open(Path(path), cell=cell, given=given)
    if optimizer is not None and "optimizer" not in folder.asks:
        raise CharloopError(
            f"{folder.path} was trained with {folder.config.training.optimizer}",
            got="another optimizer",
            do=f"leave it out, or start a new run with init_from={str(folder.path)!r}",
        )
    listener = listener or find_listener()
    return resume_folder(
        folder, changes, listener=listener, catch_signals=catch_signals, until=until, began=began
    )


def resume_folder(
    folder: RunFolder,
    changes: RunConfig | None,
    *,
    listener: Listener,
    catch_signals: bool,
    until: float,
    began: float,
) -> Path:
    """Continue the run in an open folder, as `resume` does."""
    named = changes is not None and changes.data.corpus != folder.config.data.corpus
    before = folder.config.training
    folder = replace(folder, config=changes or folder.config)
    loggers = make_loggers(folder.config.training.log)
    corpus = read_own_corpus(folder, listener, named=named)
    session = TrainingSession.open(folder, corpus)
    memory = check_memory(session, resumed=True)
    with locked(folder.path):
        state, journal, notes = load_last_checkpoint(session)
        session, changed = update_provenance(session, int(state.step))
        session.folder.mend()
        notes += [
            *cut_records(session.folder, int(state.step), journal),
            *restore_best_weights(session, state, journal),
        ]
        if "prefix" not in session.folder.text:
            # Runs of the first releases did not record the prefix of their text.
            text_facts = {**session.folder.text, "prefix": session.prefix}
            session = replace(session, folder=replace(session.folder, text=text_facts))
        session.folder.write_config()
        if session.schedule is None and folder.given.optimizer is None:
            notes += note_rate_rise(
                before,
                session.config.training,
                chunks_per_epoch=session.chunks.chunks_per_epoch,
                step=int(state.step),
                elapsed=journal.elapsed,
            )
        notes += count_preparation(session.budget, journal, time.monotonic() - began)
        notes = [*corpus.notes, *notes, *changed, *memory]
        run_invocation(session, state, journal, notes, listener, loggers, catch_signals, until)
    return folder.path


def run_invocation(
    session: TrainingSession,
    state: TrainingState,
    journal: Journal,
    notes: list[str],
    listener: Listener,
    loggers: Mapping[str, Logger],
    catch_signals: bool,
    until: float,
    reasons: Sequence[str] = (),
) -> Finished:
    """Announce the run, then train it until it ends or a stop is requested."""
    with Logging(loggers, listener) as logging:
        listen = BaselineListener(session, logging)
        listen(
            Started(
                folder=session.folder.path,
                config=session.config,
                description=session.corpus.description,
                notes=[*notes, *session.model.notes],
                split=session.split.sizes,
                content_hash=session.corpus.content_hash,
                vocab_size=session.folder.vocabulary.size,
                parameters=count_parameters(state.params),
                devices=session.mesh.size,
                chunks_per_epoch=session.chunks.chunks_per_epoch,
                resumed_at=int(state.step),
                documents=session.folder.text.get("documents", 0),
                reasons=reasons,
            )
        )
        with catch_interrupts(signals=catch_signals, until=until) as interrupt:
            return Loop(session, session.put_on_devices(state), journal, listen, interrupt).train()

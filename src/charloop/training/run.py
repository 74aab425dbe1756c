"""Start a run, start one from another's weights, or go on with one."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import msgspec

from charloop.cells import is_file_cell
from charloop.checkpoint import RunFolder, pack_tree, unpack_tree, write_atomically
from charloop.checkpoint.run_folder import STATE
from charloop.config import RunConfig
from charloop.configfile import validate
from charloop.data import Corpus, Vocabulary, load_corpus
from charloop.devices import shard
from charloop.errors import CharloopError
from charloop.model import CharLM, count_parameters
from charloop.trained import TrainedModel, load_run
from charloop.training.events import Finished, Listener, Started, Stopping, ignore
from charloop.training.healing import unblemished
from charloop.training.interrupt import catch_interrupts
from charloop.training.loop import Journal, Loop
from charloop.training.session import Session, describe_text, resolve
from charloop.training.state import TrainingState, initial_training_state, shape_of_training_state


def train(
    config: RunConfig,
    out: str | Path | None = None,
    *,
    init_from: str | Path | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Train a network on `config.data.corpus` into the folder `out` (runs/NAME-CELL if None); returns the folder.

    `init_from` is a run whose weights and vocabulary to start from, with a fresh optimiser. `listener` is told what
    happens. Raises CharloopError, before anything is written, for whatever is wrong with the configuration.
    """
    config = validate(config)
    donor = load_run(RunFolder.open(Path(init_from), cell=own_cell(config))) if init_from else None
    corpus = read_corpus(config, donor.vocabulary if donor else None)
    config, note = resolve(config, corpus)
    model = CharLM.build(config.model, corpus.vocabulary.size)
    if donor:
        check_donor(model, donor)
    path = Path(out) if out else default_folder(corpus, config)
    session = start(path, config, corpus, overwrite=overwrite)
    state = initial_training_state(
        session.model, session.optimizer, config.data.batch_size, config.training.seed
    )
    if donor:
        state = replace(state, params=donor.params, optimizer=session.optimizer.init(donor.params))
    notes = [*corpus.notes, *([note] if note else [])]
    sit(session, state, Journal(), notes, listener)
    return path


def resume(
    path: str | Path,
    changes: RunConfig | None = None,
    *,
    cell: str | None = None,
    listener: Listener = ignore,
) -> Path:
    """Go on with the run at `path` where it was last saved, as if it had not been stopped.

    `changes` is its configuration with a longer budget, or other settings that do not touch what was learned.
    Raises CharloopError if the text is no longer the one it was trained on.
    """
    folder = RunFolder.open(Path(path), cell=cell)
    folder = replace(folder, config=changes or folder.config)
    corpus = read_own_corpus(folder)
    session = Session.of(folder, corpus)
    state, journal = last_save(session)
    folder.write_config()
    forget_after(folder, int(state.step))
    sit(session, state, journal, list(corpus.notes), listener)
    return Path(path)


def last_save(session: Session) -> tuple[TrainingState, Journal]:
    """Where the run was last saved; CharloopError if that is not a state of this run."""
    folder = session.folder
    like = shape_of_training_state(session.model, session.optimizer, session.config.data.batch_size)
    tensors, facts = folder.load_state()
    # A state that was saved before there was healing begins in good health.
    health = {f"health/{name}": value for name, value in pack_tree(unblemished()).items()}
    try:
        return unpack_tree(like, health | tensors), msgspec.convert(facts, Journal)
    except (CharloopError, msgspec.ValidationError) as error:
        raise CharloopError(
            f"{folder.path / STATE} is not of this run ({error})",
            do=f"copy both from the same run, or start a new one with --init-from {folder.path}",
        ) from None


def read_corpus(config: RunConfig, vocabulary: Vocabulary | None) -> Corpus:
    """The text a configuration names."""
    if not config.data.corpus:
        raise CharloopError("no text to train on", do="give a file, a folder or a named corpus")
    data = config.data
    return load_corpus(data.corpus, encoding=data.encoding, unit=data.unit, vocabulary=vocabulary)


def read_own_corpus(folder: RunFolder) -> Corpus:
    """The text a run was trained on; CharloopError if it is no longer the same."""
    corpus = read_corpus(folder.config, folder.vocabulary)
    if corpus.content_hash != folder.text.get("content_hash"):
        raise CharloopError(
            f"the text of {folder.path} has changed since the run began",
            do=f"restore it, or start a new run from these weights with --init-from {folder.path}",
        )
    return corpus


def start(path: Path, config: RunConfig, corpus: Corpus, *, overwrite: bool) -> Session:
    """A session in a new folder at `path`; the folder is made only once the session is known to be sound."""
    draft = RunFolder(path, config, corpus.vocabulary, {})
    session = Session.of(draft, corpus)
    text = describe_text(corpus, session.split)
    folder = RunFolder.create(path, config, corpus.vocabulary, text, overwrite=overwrite)
    return replace(session, folder=folder)


def sit(
    session: Session, state: TrainingState, journal: Journal, notes: list[str], listener: Listener
) -> Finished:
    """Announce the run, then train, stopping cleanly when asked to."""
    listener(announcement(session, state, notes))
    with catch_interrupts(lambda: listener(Stopping())) as interrupt:
        return Loop(session, place(session, state), journal, listener, interrupt).run()


def place(session: Session, state: TrainingState) -> TrainingState:
    """`state` on the session's devices: memory cut along the batch, the rest whole on each."""
    whole, cut = shard(session.mesh), shard(session.mesh, 0)
    on_devices = TrainingState(whole, whole, cut, whole, whole, whole)  # type: ignore[arg-type]
    placed: TrainingState = jax.device_put(state, on_devices)
    return placed


def announcement(session: Session, state: TrainingState, notes: list[str]) -> Started:
    """What there is to say before the first step."""
    return Started(
        folder=session.folder.path,
        config=session.config,
        description=session.corpus.description,
        notes=notes,
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
    return config.model.cell if is_file_cell(config.model.cell) else None


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


def forget_after(folder: RunFolder, step: int) -> None:
    """Drop the metrics of updates that were made after the last save: they are about to be made again."""
    for path in (folder.metrics, folder.skipped):
        if path.exists():
            lines = path.read_bytes().splitlines(keepends=True)
            write_atomically(path, b"".join(line for line in lines if made_by(line, step)))


def made_by(line: bytes, step: int) -> bool:
    """Whether `line` is a whole line of the metrics, of an update up to `step`; a damaged one is not."""
    try:
        number = json.loads(line)["step"]
    except (ValueError, TypeError, KeyError):
        return False
    return line.endswith(b"\n") and isinstance(number, int) and number <= step

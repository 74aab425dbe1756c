"""The baselines of a run: measured beside its first steps, kept in its folder, and used for advice."""

from collections.abc import Iterator

from charloop.baselines import (
    BASELINES_FILE,
    UNIGRAM,
    BackgroundMeasurement,
    Baseline,
    Baselines,
    baselines_key,
    encode_baselines,
    read_baselines,
)
from charloop.checkpoint import write_atomically
from charloop.config import RunConfig, TrainingConfig
from charloop.training.events import (
    INTERRUPTED,
    Evaluated,
    Event,
    Finished,
    Listener,
    Measured,
    Noted,
    Started,
    Stepped,
)
from charloop.training.session import TrainingSession
from charloop.wording import number_of

USUAL_RATE, MUON_RATE = 2e-3, 2e-2
LOWEST_SHARE, HIGHEST_SHARE = 1 / 4, 5
"""Shares of the usual learning rate between which the cause is likely to be something else."""
FEW_STEPS = 1000
SMALL_HIDDEN_SIZE = 64
"""Units a layer, below which a network has little memory."""
HIGH_DROPOUT = 0.5


class BaselineListener:
    """A listener that passes on all events, and adds the baselines once they are known.

    Training waits for them only at its end, and not even then if it was interrupted: they are measured when the run
    is resumed.
    """

    def __init__(self, session: TrainingSession, listener: Listener) -> None:
        self.session, self.listener = session, listener
        self.baselines: Baselines | None = None
        self._measuring: BackgroundMeasurement | None = None
        self._evaluated: Evaluated | None = None
        self._advised = False

    def __call__(self, event: Event) -> None:
        """Pass `event` on."""
        match event:
            case Stepped() | Evaluated():
                self._keep_measured()
            case Finished(reason=reason):
                if self._measuring and reason != INTERRUPTED:
                    self._measuring.wait()
                self._keep_measured()
                self._advise()
        self.listener(event)
        match event:
            case Started():
                self._begin()
            case Evaluated():
                self._evaluated = event
                self._advise()

    def _begin(self) -> None:
        """Read the baselines, or start to measure them."""
        text = self.session.validation
        if text is None:
            return
        train, vocabulary = self.session.training, self.session.folder.vocabulary
        kept = read_baselines(
            self.session.folder.path / BASELINES_FILE, baselines_key(train, text, vocabulary)
        )
        if kept is None:
            self._measuring = BackgroundMeasurement(train, text, vocabulary)
        else:
            self._report(kept)

    def _keep_measured(self) -> None:
        """Write and report the baselines if they have just become known."""
        measuring = self._measuring
        if measuring is None or not measuring.is_over:
            return
        self._measuring = None
        if measuring.found is None:
            self.listener(Noted(f"there are no baselines for this run: {measuring.failure}"))
            return
        write_atomically(self.session.folder.path / BASELINES_FILE, encode_baselines(*measuring.found))
        self._report(measuring.found[1])

    def _report(self, baselines: Baselines) -> None:
        self.baselines = baselines
        self.listener(Measured(baselines))

    def _advise(self) -> None:
        """Note once what to change, if an epoch was not enough to beat the unigram baseline."""
        unigram, event = self.baselines.find(UNIGRAM) if self.baselines else None, self._evaluated
        if self._advised or unigram is None or event is None:
            return
        if event.step >= self.session.chunks.chunks_per_epoch and event.score.loss >= unigram.nats:
            self._advised = True
            self.listener(Noted(advise_below_unigram(self.session.config, unigram, event.step)))


def advise_below_unigram(config: RunConfig, unigram: Baseline, step: int) -> str:
    """Return a sentence for a run that after `step` updates, an epoch or more, does not beat its unigram baseline."""
    changes = [
        *suggest_rates(config.training, step),
        *suggest_length(config.training, step),
        *suggest_sizes(config),
    ]
    rank = (
        "after an epoch the network is no better than the unigram, which knows only how frequent each character is"
        f" ({unigram.bits:.2f} bits)"
    )
    return (
        f"{rank}. Try: {'; '.join(changes) or 'look at the text: is it shuffled, encrypted or compressed?'}"
    )


def suggest_rates(training: TrainingConfig, step: int) -> Iterator[str]:
    """Suggest another optimizer, learning rate or warm-up where they are unusual."""
    rate = training.learning_rate
    usual = MUON_RATE if training.optimizer == "muon" else USUAL_RATE
    if training.optimizer == "sgd":
        yield f"--optimizer adamw --learning-rate {USUAL_RATE:g} instead of sgd's {rate:g}"
    elif rate < LOWEST_SHARE * usual:
        yield f"raise --learning-rate from {rate:g} to {usual:g}"
    elif rate > HIGHEST_SHARE * usual:
        yield f"lower --learning-rate from {rate:g} to {usual:g}"
    if training.warmup_steps > step / 2:
        yield f"--warmup-steps {max(1, step // 10)} instead of {training.warmup_steps:,}"


def suggest_length(training: TrainingConfig, step: int) -> Iterator[str]:
    """Suggest a limit four times as high for a run of few updates."""
    if step >= FEW_STEPS:
        return
    limits = {"epochs": training.epochs, "steps": training.steps, "minutes": training.minutes}
    longer = " ".join(f"--{name} {4 * value:g}" for name, value in limits.items() if value)
    yield f"train longer than {number_of(step, 'update')}, with {longer}" if longer else "train longer"


def suggest_sizes(config: RunConfig) -> Iterator[str]:
    """Suggest a larger network where it is very small, and less dropout where it is high."""
    model = config.model
    if model.hidden_size < SMALL_HIDDEN_SIZE:
        yield f"raise --hidden-size from {model.hidden_size} to {2 * SMALL_HIDDEN_SIZE}"
    if max(model.dropout_input, model.dropout_between, model.dropout_output) > HIGH_DROPOUT:
        yield "lower --dropout to 0.2"

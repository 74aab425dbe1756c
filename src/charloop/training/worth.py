"""What a run's losses are worth: its baselines, measured beside the first steps and kept in its folder."""

from charloop.baselines import (
    BASELINES_FILE,
    UNIGRAM,
    BackgroundMeasurement,
    Baselines,
    baselines_key,
    encode_baselines,
    read_baselines,
)
from charloop.checkpoint import write_atomically
from charloop.training.advice import advise
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
from charloop.training.session import Session


class Worth:
    """A listener that passes on all it hears, and adds the baselines once they are known.

    Training never waits for them but at its end, and not even then if someone has asked it to stop: they are
    measured when it is resumed.
    """

    def __init__(self, session: Session, listener: Listener) -> None:
        self.session, self.listener = session, listener
        self.baselines: Baselines | None = None
        self._measuring: BackgroundMeasurement | None = None
        self._evaluated: Evaluated | None = None
        self._advised = False

    def __call__(self, event: Event) -> None:
        """Pass `event` on."""
        match event:
            case Stepped() | Evaluated():
                self._look()
            case Finished(reason=reason):
                if self._measuring and reason != INTERRUPTED:
                    self._measuring.wait()
                self._look()
                self._advise()
        self.listener(event)
        match event:
            case Started():
                self._begin()
            case Evaluated():
                self._evaluated = event
                self._advise()

    def _begin(self) -> None:
        """Read the baselines, or begin to measure them."""
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
            self._tell(kept)

    def _look(self) -> None:
        """Keep and tell the baselines if they have just become known."""
        measuring = self._measuring
        if measuring is None or not measuring.is_over:
            return
        self._measuring = None
        if measuring.found is None:
            self.listener(Noted(f"there are no baselines for this run: {measuring.failure}"))
            return
        write_atomically(self.session.folder.path / BASELINES_FILE, encode_baselines(*measuring.found))
        self._tell(measuring.found[1])

    def _tell(self, baselines: Baselines) -> None:
        self.baselines = baselines
        self.listener(Measured(baselines))

    def _advise(self) -> None:
        """Say once what to change, if an epoch was not enough to beat the unigram."""
        unigram, event = self.baselines.find(UNIGRAM) if self.baselines else None, self._evaluated
        if self._advised or unigram is None or event is None:
            return
        if event.step >= self.session.lanes.chunks_per_epoch and event.score.loss >= unigram.nats:
            self._advised = True
            self.listener(Noted(advise(self.session.config, unigram, event.step)))

"""A run in a notebook: a line that shows how far it is, and in the end its loss."""

from charloop.notebook import ReadingLine, is_in_notebook
from charloop.progress import Progress
from charloop.training.events import (
    INTERRUPTED,
    Evaluated,
    Event,
    Finished,
    Listener,
    Started,
    Stepped,
    ignore,
)
from charloop.training.progress.pace import Pace
from charloop.training.schedule import Budget
from charloop.wording import clock, number_of


def find_listener() -> Listener:
    """Return the listener of a run that is given none: a line in a notebook, and nothing elsewhere."""
    return TrainingLine() if is_in_notebook() else ignore


class TrainingLine(ReadingLine):
    """A listener that shows how far a run is."""

    def __init__(self) -> None:
        super().__init__()
        self._pace, self._total, self._validation = Pace(), "", ""

    def __call__(self, event: Event) -> None:
        """Show the event, if it says how far the run is."""
        match event:
            case Progress():
                super().__call__(event)
            case Started():
                self._pace.characters = event.config.data.batch_size * event.config.data.seq_length
                self._total = describe_total(event)
                self.show("compiling the first step", 0.0, at_once=True)
            case Stepped():
                self._pace.add(event.steps)
                self.show(self._describe(event), event.progress)
            case Evaluated():
                self._validation = f"validation loss {event.score.loss:.3f}"
            case Finished():
                self.show(describe_end(event), at_once=True)

    def _describe(self, event: Stepped) -> str:
        """Return the step, the losses, the speed and the time left."""
        parts = [f"step {event.steps[-1].step:,}{self._total}"]
        parts += [f"loss {self._pace.loss:.3f}"] if self._pace.losses else []
        parts += [self._validation] if self._validation else []
        parts += [f"{self._pace.speed} characters/s"] if self._pace.speed else []
        if event.progress > 0.01:
            parts.append(f"{clock(event.elapsed * (1 - event.progress) / event.progress)} left")
        return " · ".join(parts)


def describe_total(event: Started) -> str:
    """Return the steps of the whole run, for behind a step; nothing where minutes end it."""
    steps = Budget.of(event.config.training, event.chunks_per_epoch).steps
    return f" of {steps:,}" if steps else ""


def describe_end(event: Finished) -> str:
    """Return how many steps a run had, in what time, and its best loss."""
    parts = [number_of(event.step, "step")]
    if event.best:
        parts.append(f"best validation loss {event.best.loss:.3f} (step {event.best_step:,})")
    parts += [clock(event.elapsed)]
    parts += ["interrupted: charloop.resume continues it"] if event.reason == INTERRUPTED else []
    return " · ".join(parts)

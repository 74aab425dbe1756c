"""From a run's events to its loggers, none of which can stop it."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType

from charloop.training.events import (
    Evaluated,
    Event,
    Listener,
    Measured,
    Noted,
    Sampled,
    Started,
    Step,
    Stepped,
)
from charloop.training.loggers.base import Logger


class Logging:
    """A listener that passes on all it hears, and tells the loggers; a context manager, which closes them.

    A logger that raises is switched off, and that is said once: the training goes on as if it had not been there.
    """

    def __init__(self, loggers: Mapping[str, Logger], listener: Listener) -> None:
        self.loggers, self.listener = dict(loggers), listener
        self._chunk = 0
        self._step = 0
        self._elapsed: float | None = None

    def __enter__(self) -> "Logging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell(lambda logger: logger.close(), last=True)

    def __call__(self, event: Event) -> None:
        """Pass `event` on, then log it. Of what comes from within a signal's handler, nothing is logged."""
        self.listener(event)
        if not self.loggers:
            return
        match event:
            case Started():
                self._begin(event)
            case Stepped():
                for step, values in self._rows(event):
                    self._scalars(step, values)
            case Evaluated():
                score = event.score
                self._scalars(event.step, losses("validation", score.loss))
                self._elapsed = event.elapsed
            case Sampled():
                for temperature, text in event.texts:
                    self._text(event.step, f"sample/temperature {temperature}", text)
                self._elapsed = None
            case Measured():
                entries = (f"{one.name}: {one.bits:.3f}" for one in event.baselines.entries)
                self._text(self._step, "baselines, bits per character", "\n".join(entries))

    def _begin(self, event: Started) -> None:
        data = event.config.data
        self._chunk, self._step = data.batch_size * data.seq_length, event.resumed_at + 1
        places: list[str] = []
        self._tell(lambda logger: places.append(logger.begin(event)))
        for place in places:
            self.listener(Noted(f"the log goes to {place}"))

    def _rows(self, event: Stepped) -> Iterator[tuple[int, dict[str, float]]]:
        """The numbers of each update; the last of a call has the speed, unless samples took time too."""
        before, self._elapsed, self._step = self._elapsed, event.elapsed, event.steps[-1].step
        for step in event.steps:
            values = numbers(step)
            if step is event.steps[-1] and before is not None and event.elapsed > before:
                read = len(event.steps) * self._chunk
                values["train/characters_per_second"] = read / (event.elapsed - before)
            yield step.step, values

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._tell(lambda logger: logger.scalars(step, finite))

    def _text(self, step: int, name: str, text: str) -> None:
        self._tell(lambda logger: logger.text(step, name, text))

    def _tell(self, do: Callable[[Logger], None], *, last: bool = False) -> None:
        for name, logger in list(self.loggers.items()):
            try:
                do(logger)
            except Exception as error:
                del self.loggers[name]
                if not last:
                    with contextlib.suppress(Exception):
                        logger.close()
                self.listener(Noted(f"--log {name} is switched off, training goes on: {reason(error)}"))


def numbers(step: Step) -> dict[str, float]:
    """What there is to plot of an update; the loss of one that was undone is no point of the curve."""
    shared = {
        "train/epoch": step.epoch,
        "train/gradient_norm": step.gradient_norm,
        "train/learning_rate": step.learning_rate,
        "train/skipped": float(bool(step.skipped)),
    }
    return shared if step.skipped else losses("train", step.loss) | shared


def losses(text: str, loss: float) -> dict[str, float]:
    """A loss in nats, and in bits."""
    return {f"{text}/loss": loss, f"{text}/bits_per_character": loss / math.log(2)}


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(str(error).split()) or type(error).__name__

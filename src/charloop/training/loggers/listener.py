"""The listener that passes the events of a run to its loggers, none of which can stop it."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping

from charloop.training.events import Evaluated, Event, Listener, Measured, Noted, Sampled, Started, Stepped
from charloop.training.loggers.base import Logger
from charloop.training.metrics import StepRecord


class Logging:
    """A listener that passes on all events, and logs them; a context manager, which closes the loggers.

    A logger that raises is switched off, which is reported once, and training continues without it.
    """

    def __init__(self, loggers: Mapping[str, Logger], listener: Listener) -> None:
        self.loggers, self.listener = dict(loggers), listener
        self._chunk = 0
        self._step = 0
        self._elapsed: float | None = None

    def __enter__(self) -> "Logging":
        return self

    def __exit__(self, *error: object) -> None:
        self._call_each(lambda logger: logger.close(), last=True)

    def __call__(self, event: Event) -> None:
        """Pass `event` on, then log it."""
        self.listener(event)
        if not self.loggers:
            return
        match event:
            case Started():
                self._begin(event)
            case Stepped():
                for step, values in self._scalars_of(event):
                    self._scalars(step, values)
            case Evaluated():
                score = event.score
                self._scalars(event.step, loss_scalars("validation", score.loss))
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
        targets: list[str] = []
        self._call_each(lambda logger: targets.append(logger.begin(event)))
        for target in targets:
            self.listener(Noted(f"the log goes to {target}"))

    def _scalars_of(self, event: Stepped) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the scalars of each update; the last of a call includes the speed, unless samples took time."""
        before, self._elapsed, self._step = self._elapsed, event.elapsed, event.steps[-1].step
        for step in event.steps:
            values = step_scalars(step)
            if step is event.steps[-1] and before is not None and event.elapsed > before:
                read = len(event.steps) * self._chunk
                values["train/characters_per_second"] = read / (event.elapsed - before)
            yield step.step, values

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._call_each(lambda logger: logger.scalars(step, finite))

    def _text(self, step: int, name: str, text: str) -> None:
        self._call_each(lambda logger: logger.text(step, name, text))

    def _call_each(self, do: Callable[[Logger], None], *, last: bool = False) -> None:
        for name, logger in list(self.loggers.items()):
            try:
                do(logger)
            except Exception as error:
                del self.loggers[name]
                if not last:
                    with contextlib.suppress(Exception):
                        logger.close()
                reason = " ".join(str(error).split()) or type(error).__name__
                self.listener(Noted(f"--log {name} is switched off, training continues: {reason}"))


def step_scalars(step: StepRecord) -> dict[str, float]:
    """Return the scalars of an update; a skipped one has no loss."""
    shared = {
        "train/epoch": step.epoch,
        "train/gradient_norm": step.gradient_norm,
        "train/learning_rate": step.learning_rate,
        "train/skipped": float(bool(step.skipped)),
    }
    return shared if step.skipped else loss_scalars("train", step.loss) | shared


def loss_scalars(text: str, loss: float) -> dict[str, float]:
    """Return a loss in nats and in bits."""
    return {f"{text}/loss": loss, f"{text}/bits_per_character": loss / math.log(2)}

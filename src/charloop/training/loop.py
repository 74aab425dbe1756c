"""The loop around the step: it decides when to evaluate, sample, save and stop, and computes nothing itself."""

import json
import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from charloop.checkpoint import append_line, flush_lines
from charloop.data import Reading
from charloop.training.events import (
    INTERRUPTED,
    USED_UP,
    Evaluated,
    Finished,
    Listener,
    Sampled,
    Stepped,
    Stopping,
)
from charloop.training.interrupt import Interrupt
from charloop.training.journal import Journal, keep_best, save_state
from charloop.training.samples import network_of, sample_texts, write_samples
from charloop.training.session import Session
from charloop.training.skipped import check, diverged, look_at_cell, read_rows, record_of, write_skipped
from charloop.training.state import TrainingState


@dataclass
class Call:
    """Updates on their way: started, not yet looked at."""

    steps: list[tuple[int, float, float]]
    """Number, epoch and learning rate of each."""
    metrics: Any
    progress: float


@dataclass
class Loop:
    """One sitting of a run."""

    session: Session
    state: TrainingState
    journal: Journal
    listener: Listener
    interrupt: Interrupt = field(default_factory=Interrupt)

    def run(self) -> Finished:
        """Train until the budget is used up, nothing gets better any more, or someone asks to stop."""
        self.step = int(self.state.step)
        self.pending: Call | None = None
        self.started = time.monotonic() - self.journal.elapsed
        self.saved_at, self.saved_when, self.save_seconds = self.step, self.elapsed, 0.0
        self.evaluated_at = self.session.budget.progress(self.step, self.elapsed)
        self.evaluation_seconds = 0.0
        self.is_stopping = False
        reason = None
        while reason is None:
            reason = self._sitting()
        self._finish_pending()
        self._end(reason)
        skipped = int(self.state.health.skipped)
        finished = Finished(
            reason, self.step, self.journal.best_score, self.journal.best_step, self.elapsed, skipped
        )
        self.listener(finished)
        return finished

    @property
    def elapsed(self) -> float:
        """Seconds of training, of earlier sittings too."""
        return time.monotonic() - self.started

    def _end(self, reason: str) -> None:
        """What the end of a sitting leaves behind; an interrupted one nothing that shows when it is resumed."""
        if reason != INTERRUPTED and self.journal.evaluated != self.step:
            self._evaluate()
            self._save()
        if self.saved_at != self.step:
            self._save()
        if self.journal.unscored and self.journal.best is None:
            raise self._unscored()
        if not self.journal.best_step:
            keep_best(self.session, self.state, self.journal)

    def _sitting(self) -> str | None:
        """A call and what falls due after it; the reason to stop, if there is one."""
        budget = self.session.budget
        before = budget.progress(self.step, self.elapsed)
        patience = self.session.config.training.patience
        if patience and self.journal.since_best >= patience:
            return f"no better for {patience} evaluations"
        if before >= 1:
            return USED_UP
        self._train(before)
        progress = budget.progress(self.step, self.elapsed)
        if budget.evaluation_due(self.step, progress, self.evaluated_at, self.evaluation_seconds):
            self._finish_pending()
            begun = self.elapsed
            self._evaluate()
            # The first counts with its compiling: on a long text two in a row would take a short run's best minute.
            self.evaluation_seconds = self.elapsed - begun
            self._asked_to_stop()
            self._sample()
            self._save()
            self.evaluated_at = budget.progress(self.step, self.elapsed)
        elif budget.save_due(self.step, self.elapsed - self.saved_when, self.save_seconds):
            self._finish_pending()
            self._save()
        return INTERRUPTED if self._asked_to_stop() else None

    def _asked_to_stop(self) -> bool:
        """Whether someone did, told once: here, between two pieces of work, and not in a signal's handler."""
        if self.interrupt.requested and not self.is_stopping:
            self.is_stopping = True
            self.listener(Stopping())
        return self.is_stopping

    def _look_up(self, _: Reading) -> None:
        """In the middle of an evaluation."""
        self._asked_to_stop()

    def _train(self, progress: float) -> None:
        """Send a call's updates on their way, then look at those of the call before."""
        session, config = self.session, self.session.config.training
        count = session.budget.room(self.step, config.steps_per_call)
        numbers = range(self.step, self.step + count)
        steps = []
        for number in numbers:
            epoch = number / session.lanes.chunks_per_epoch
            ahead = session.budget.progress(number, self.elapsed) if session.budget.steps else progress
            steps.append((number, epoch, session.rate(number, epoch=epoch, progress=ahead)))
        inputs = session.inputs(numbers, [rate for _, _, rate in steps])
        self.state, metrics = session.train_steps(self.state, *inputs)
        self._finish_pending()
        self.pending = Call(steps, metrics, progress)
        self.step += count

    def _finish_pending(self) -> None:
        """Wait for the call that is on its way, write its losses down and tell the listener."""
        if self.pending is None:
            return
        call, self.pending = self.pending, None
        steps = read_rows(call.steps, np.asarray(call.metrics))
        self._asked_to_stop()
        self._write(*map(record_of, steps))
        write_skipped(self.session, steps)
        self.listener(Stepped(steps, call.progress, self.elapsed))
        check(self.session.config, steps, self._way_back())

    def _way_back(self) -> str:
        """From where to start with other settings."""
        if self.journal.best is None:
            return "the last save is whole" if self.saved_at > 0 else "start again"
        return (
            f"the last save is whole: start from its best weights with --init-from {self.session.folder.path}"
        )

    def _check_weights(self) -> None:
        """Raises CharloopError for weights that are no numbers: they are not to take the place of any that are."""
        if not all(np.isfinite(value).all() for value in self.state.params.values()):
            raise diverged("weights that are not finite", self.step, self._way_back(), do=self._cure())

    def _evaluate(self) -> None:
        """Score the validation text, and note whether the weights are the best so far."""
        self._check_weights()
        self.journal.evaluated = self.step
        score = self.session.validate(self.state.params, self._look_up)
        if score is None:
            self.journal.best_step = self.step
            return
        best, journal = self.journal.best_score, self.journal
        finite = math.isfinite(score.loss)
        is_best = finite and (best is None or score.loss < best.loss)
        journal.unscored = 0 if finite else journal.unscored + 1
        journal.evaluations += 1
        journal.since_best = 0 if is_best else journal.since_best + 1
        if is_best:
            journal.best, journal.best_step = (score.nats, score.characters), self.step
        record = {"kind": "evaluation", "step": self.step, "loss": score.loss if finite else None}
        self._write({**record, "characters": score.characters, "elapsed": self.elapsed})
        network = partial(network_of, self.session, self.state, score.loss)
        self.listener(Evaluated(self.step, score, is_best, self.elapsed, network))
        # Weights may be sound and the text they are tried on not: only if it goes on like that is it the end.
        if journal.unscored > max(0, self.session.config.training.max_skipped - 1):
            raise self._unscored()

    def _unscored(self) -> Exception:
        """The error of a run none of whose latest evaluations gave a number."""
        what = f"validation loss not finite, {self.journal.unscored} in a row,"
        return diverged(what, self.step, self._way_back(), do=self._cure())

    def _cure(self) -> str:
        """What to look at, where no update has ever been sound; else nothing but the usual."""
        return look_at_cell(self.session.config) if int(self.state.health.skipped) == self.step else ""

    def _sample(self) -> None:
        """Let the network write at three temperatures, now and then: early too, when it has most to learn."""
        every, count = self.session.config.training.sample_every, self.journal.evaluations
        if not every or (count > 1 and count % every) or self.journal.unscored:
            return
        texts = sample_texts(self.session, self.state, self.step)
        write_samples(self.session.folder, self.step, texts)
        self.listener(Sampled(self.step, texts))

    def _save(self) -> None:
        """Write the whole training state: from here the run can go on. Then the weights, if they are the best.

        In this order a process killed between the two leaves a state from which the weights can be written.
        """
        self._check_weights()
        begun = self.elapsed
        self.journal.elapsed, self.saved_at = self.elapsed, self.step
        flush_lines(self.session.folder.metrics)
        flush_lines(self.session.folder.skipped)
        save_state(self.session, self.state, self.journal)
        if self.journal.best_step == self.step:
            keep_best(self.session, self.state, self.journal)
        self.saved_when = self.elapsed
        self.save_seconds = self.saved_when - begun

    def _write(self, *records: dict[str, Any]) -> None:
        lines = "".join(json.dumps(record) + "\n" for record in records)
        append_line(self.session.folder.metrics, lines.encode())

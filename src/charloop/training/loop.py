"""The loop around the compiled step: it decides when to evaluate, sample, save and stop, but computes nothing."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from charloop.checkpoint import append_line, flush_lines, write_atomically
from charloop.errors import CharloopError
from charloop.progress import Progress
from charloop.training.checkpoints import save_best_weights, save_checkpoint
from charloop.training.events import (
    INTERRUPTED,
    PAUSED,
    USED_UP,
    Evaluated,
    Finished,
    Listener,
    Noted,
    Sampled,
    Stepped,
    Stopping,
)
from charloop.training.interrupt import Interrupt
from charloop.training.metrics import SkippedRecord, StepRecord, encode_record, record_evaluation
from charloop.training.samples import copy_network, format_samples, sample_texts, samples_path
from charloop.training.session import TrainingSession
from charloop.training.state import Journal, TrainingState
from charloop.training.step import PlannedUpdate, UpdateMetrics
from charloop.training.update_guard import blame_cell, divergence_error, stop_if_diverged
from charloop.types import Parameters

MAX_BYTES_WITH_TEXTS = 2**26
"""Size of skipped.jsonl above which records no longer hold the text of their chunk."""


class Call(NamedTuple):
    """A call of the compiled program that was started and whose metrics were not read yet."""

    updates: list[PlannedUpdate]
    metrics: Any
    progress: float


class Loop:
    """One invocation of a run: the work of one process."""

    def __init__(
        self,
        session: TrainingSession,
        state: TrainingState,
        journal: Journal,
        listener: Listener,
        interrupt: Interrupt,
    ) -> None:
        self.session, self.state, self.journal = session, state, journal
        self.listener, self.interrupt = listener, interrupt
        self.step = self.saved_at = self.resumed_at = int(state.step)
        """Number of updates started, of updates in the last checkpoint, and of those before this invocation."""
        self.pending: Call | None = None
        self.started = time.monotonic() - journal.elapsed
        """When the run would have begun in a single invocation, by the monotonic clock."""
        self.saved_when, self.save_seconds = self.elapsed, 0.0
        """Seconds of training at the last checkpoint, and seconds that it took."""
        self.evaluated_at = session.budget.progress(self.step, self.elapsed)
        """Progress at the end of the last evaluation."""
        self.is_stopping = False
        """Whether the listener knows that a stop was requested."""

    def train(self) -> Finished:
        """Train until the budget is used up, patience ends, or a stop is requested. Evaluate and save at the end.

        An interrupted run only saves, so that resuming it changes no bit. It pauses where it has just been saved.
        """
        while (reason := self._advance()) is None:
            pass
        self._finish_pending()
        journal, skipped = self.journal, int(self.state.health.skipped)
        if reason != INTERRUPTED and journal.evaluated != self.step:
            self._evaluate()
            self._save()
        if self.saved_at != self.step:
            self._save()
        if self.step > self.resumed_at and (late := self.session.budget.lateness(self.elapsed)):
            self.listener(Noted(late))
        if journal.unscored and journal.best is None:
            raise self._unscored_error()
        if not journal.best_step:
            save_best_weights(self.session, self.state, journal)
        best = journal.best_score, journal.best_step
        finished = Finished(reason, self.step, *best, self.elapsed, skipped, journal.best_is_averaged)
        self.listener(finished)
        return finished

    @property
    def elapsed(self) -> float:
        """Seconds of training, including earlier invocations."""
        return time.monotonic() - self.started

    def _advance(self) -> str | None:
        """Make a call, and what is due after it. Return the reason to stop, if there is one."""
        budget, journal = self.session.budget, self.journal
        before = budget.progress(self.step, self.elapsed + journal.evaluation_seconds)
        if (patience := self.session.config.training.patience) and journal.since_best >= patience:
            return f"no better for {patience} evaluations"
        if before >= 1:
            return USED_UP
        self._start_call(before)
        progress = budget.progress(self.step, self.elapsed)
        if budget.evaluation_due(self.step, progress, self.evaluated_at, journal.evaluation_seconds):
            self._finish_pending()
            begun = self.elapsed
            params = self._evaluate()
            # The first one counts with its compilation: on a long text, two in a row would take much of a short run.
            journal.evaluation_seconds = self.elapsed - begun
            self._stop_requested()
            self._sample(params)
            self._save()
            self.evaluated_at = budget.progress(self.step, self.elapsed)
            if self.interrupt.pauses_at(budget.progress(self.step, journal.elapsed)):
                return PAUSED
        elif budget.save_due(self.step, self.elapsed - self.saved_when, self.save_seconds):
            self._finish_pending()
            self._save()
        return INTERRUPTED if self._stop_requested() else None

    def _stop_requested(self) -> bool:
        """Return whether a stop was requested. Only this notifies the listener, once, never a signal handler."""
        if self.interrupt.requested and not self.is_stopping:
            self.is_stopping = True
            self.listener(Stopping())
        return self.is_stopping

    def _start_call(self, progress: float) -> None:
        """Start the updates of a call, then read the metrics of the call before."""
        session, config = self.session, self.session.config.training
        count = session.budget.updates_until_pause(self.step, config.steps_per_call)
        numbers = range(self.step, self.step + count)
        updates, spent = [], self.elapsed + self.journal.evaluation_seconds
        for number in numbers:
            epoch = number / session.chunks.chunks_per_epoch
            ahead = session.budget.progress(number, spent) if session.budget.steps else progress
            updates.append(PlannedUpdate(number, epoch, session.rate(number, epoch=epoch, progress=ahead)))
        inputs = session.call_inputs(numbers, [update.learning_rate for update in updates])
        self.state, metrics = session.train_steps(self.state, *inputs)
        self._finish_pending()
        self.pending = Call(updates, metrics, progress)
        self.step += count

    def _finish_pending(self) -> None:
        """Wait for the call in progress, record its updates and report them."""
        if self.pending is None:
            return
        call, self.pending = self.pending, None
        made = UpdateMetrics.read(call.metrics)
        steps = [update.record(metrics) for update, metrics in zip(call.updates, made, strict=False)]
        self._stop_requested()
        append_line(self.session.folder.metrics, b"".join(map(encode_record, steps)))
        self._record_skipped([step for step in steps if step.skipped])
        self.listener(Stepped(steps, call.progress, self.elapsed))
        stop_if_diverged(self.session.config, steps, self._describe_restart())

    def _record_skipped(self, steps: Sequence[StepRecord]) -> None:
        """Add skipped updates to skipped.jsonl, each with its positions in the text, and the text."""
        path, session = self.session.folder.skipped, self.session
        for step in steps:
            is_large = path.exists() and path.stat().st_size > MAX_BYTES_WITH_TEXTS
            record = SkippedRecord(
                **structs.asdict(step),
                offsets=session.chunk_offsets(step.step - 1),
                texts=None if is_large else session.chunk_texts(step.step - 1),
            )
            append_line(path, encode_record(record))

    def _evaluate(self) -> Parameters:
        """Score the validation text, and note whether the result is the best so far. Return the better weights."""
        self._check_weights()
        session, journal = self.session, self.journal
        journal.evaluated = self.step
        found = session.evaluate(self.state, self._while_evaluating)
        if found is None:
            journal.best_step, journal.best_is_averaged = self.step, self.state.has_average
            return self.state.chosen(averaged=journal.best_is_averaged)
        score, params = found.better, self.state.chosen(averaged=found.is_averaged)
        is_best = journal.note(self.step, score, averaged=found.is_averaged)
        after = session.config.training.average_after
        begins = 0 < after <= journal.since_best and not self.state.has_average
        record = record_evaluation(self.step, found, self.elapsed, begins=begins)
        append_line(session.folder.metrics, encode_record(record))
        network = partial(copy_network, session, params, self.step, score.loss)
        self.listener(Evaluated(self.step, score, is_best, self.elapsed, network, found.is_averaged))
        # Finite weights may fail on one text: only several such evaluations in a row end the run.
        if journal.unscored > max(0, session.config.training.max_skipped - 1):
            raise self._unscored_error()
        if begins:
            # Patience counts anew, because the average is about to be better.
            self.state, journal.since_best = self.state.with_average_begun(), 0
            self.listener(Noted("no better any more: from here on, the weights are averaged"))
        return params

    def _while_evaluating(self, _: Progress) -> None:
        self._stop_requested()

    def _sample(self, params: Parameters) -> None:
        """Write samples if they are due: after the first evaluation, and after every `sample_every`-th one."""
        every, count = self.session.config.training.sample_every, self.journal.evaluations
        if not every or (count > 1 and count % every) or self.journal.unscored:
            return
        texts = sample_texts(self.session, params, self.step)
        write_atomically(samples_path(self.session.folder, self.step), format_samples(texts))
        self.listener(Sampled(self.step, texts))

    def _save(self) -> None:
        """Save a checkpoint, and then the weights if they are the best.

        In this order, a process killed between the two leaves a checkpoint that the weights can be written from.
        """
        self._check_weights()
        begun = self.elapsed
        self.journal.elapsed, self.saved_at = self.elapsed, self.step
        flush_lines(self.session.folder.metrics)
        flush_lines(self.session.folder.skipped)
        save_checkpoint(self.session, self.state, self.journal)
        if self.journal.best_step == self.step:
            save_best_weights(self.session, self.state, self.journal)
        self.saved_when, self.save_seconds = self.elapsed, self.elapsed - begun

    def _check_weights(self) -> None:
        """Raise CharloopError for weights that are not finite: they must not replace any that are."""
        if not all(np.isfinite(value).all() for value in self.state.params.values()):
            raise self._divergence_error("weights that are not finite")

    def _unscored_error(self) -> CharloopError:
        """Return the error of a run whose latest evaluations gave no finite loss."""
        return self._divergence_error(f"validation loss not finite, {self.journal.unscored} in a row,")

    def _divergence_error(self, what: str) -> CharloopError:
        """Return the error of a run that has diverged; if every update was skipped, it points to the cell."""
        do = blame_cell(self.session.config) if int(self.state.health.skipped) == self.step else ""
        return divergence_error(what, self.step, self._describe_restart(), do=do)

    def _describe_restart(self) -> str:
        """Return how to continue with other settings."""
        if self.journal.best is None:
            return "the last checkpoint is intact" if self.saved_at > 0 else "start again"
        best = f"--init-from {self.session.folder.path}"
        return f"the last checkpoint is intact: start from its best weights with {best}"

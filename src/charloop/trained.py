"""A trained network as one thing: it writes, and it scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from charloop.baselines import Baselines, find_baselines
from charloop.cells import Cell
from charloop.cells.from_object import name_builtin_cell
from charloop.checkpoint import RunFolder, Save, export_run
from charloop.checkpoint.names import WEIGHTS
from charloop.checkpoint.text import read_training_text
from charloop.config import DataConfig, RunConfig
from charloop.data import (
    GivenText,
    ReadingListener,
    Text,
    Vocabulary,
    guessed_prefix,
    kept_prefix,
    prefix_of_text,
)
from charloop.errors import CharloopError
from charloop.evaluation import Evaluator, Score
from charloop.given import Given
from charloop.model import CharLM
from charloop.originality import find_or_build
from charloop.sampling import Before, Constraint, Novel, SamplingConfig, beginning, generate, stream
from charloop.sampling.reading import read
from charloop.types import Parameters

OWN_TEXT = 2000
"""Characters that a network writes for its prefix to be found in: dozens of lines."""


@dataclass(frozen=True)
class TrainedModel:
    """A network, its weights and its vocabulary."""

    model: CharLM
    params: Parameters
    vocabulary: Vocabulary
    facts: dict[str, Any]
    """What was known when the weights were saved: step, validation loss."""
    notes: tuple[str, ...] = ()
    """Newer weights that could not be read, and why the network runs slower here than it was asked to."""
    run: RunFolder | None = None
    """Where it was loaded from."""

    def sample(
        self,
        prompt: str = "",
        *,
        context: str | None = None,
        constraints: Sequence[Constraint] = (),
        **settings: Any,
    ) -> list[str]:
        """New texts after `prompt`; `settings` are the fields of SamplingConfig (length, temperature, ...).

        The prompt is read as the beginning of a paragraph or line (see `prefix`), or as what follows
        `context`. Each text keeps to all of `constraints`, such as `novel(20)`.
        """
        config, before = SamplingConfig(**settings), self.before(context)
        return generate(self.model, self.params, self.vocabulary, prompt, config, constraints, before=before)

    def stream(
        self,
        prompt: str = "",
        *,
        context: str | None = None,
        constraints: Sequence[Constraint] = (),
        **settings: Any,
    ) -> Iterator[str]:
        """One new text after `prompt`, in pieces as they come; the same text as `sample` writes."""
        config, before = SamplingConfig(**settings), self.before(context)
        return stream(self.model, self.params, self.vocabulary, prompt, config, constraints, before=before)

    def novel(self, longest: int, listener: ReadingListener | None = None) -> Novel:
        """The constraint never to write more than `longest` consecutive tokens of the text it was trained on.

        That text is read again; `listener` is told how far. Raises CharloopError if it has changed or is too long.
        """
        tokens = self._training_text(listener)
        return Novel(find_or_build(tokens, listener=listener), longest, self.vocabulary.size)

    @cached_property
    def prefix(self) -> str:
        """What stands before the paragraphs or lines of the text it was trained on; may be nothing.

        That of a run that was begun before runs kept it is what stands before the paragraphs or lines that it writes.
        """
        kept = kept_prefix(self.run.text.get("prefix") if self.run else None, self.vocabulary)
        return self._prefix_of_its_own_text() if kept is None else kept

    def _prefix_of_its_own_text(self) -> str:
        """From a text that it writes, always the same: it tells a play from a list, which its vocabulary does not."""
        guess = guessed_prefix(self.vocabulary)
        config = SamplingConfig(length=OWN_TEXT, temperature=0.8)
        try:
            (text,) = generate(self.model, self.params, self.vocabulary, "", config, before=Before(guess))
        except CharloopError:
            # Weights that are not finite cannot write; sampling and scoring report that themselves.
            return guess
        found = kept_prefix(prefix_of_text(text), self.vocabulary)
        return guess if found is None else found

    def before(self, context: str | None = None) -> Before:
        """What it reads before a text: `context` if there is one, else its `prefix`."""
        return Before.of(self.prefix if context is None else "", context)

    def beginning(self) -> np.ndarray:
        """The ids (at least one) that it reads before a text of which nothing is given."""
        return beginning(self.vocabulary, np.zeros(0, np.int32), self.before(), "error")

    def evaluate(
        self,
        text: str,
        unknown: Any = "error",
        *,
        context: str | None = None,
        baselines: bool = False,
    ) -> Score:
        """How well it predicts `text`: at least two characters; `unknown="skip"` leaves out those it never saw.

        The text is read as the beginning of a paragraph or line (see `prefix`), or as what follows `context`; neither
        is scored, nor is the text's first character. The score has the nats of each character, and with `baselines`
        what simpler ways come to that learned from the text this network was trained on: that is read again, and
        CharloopError raised if it has changed.
        """
        tokens = self.vocabulary.encode(text, unknown)
        before = self.before(context).ids(self.vocabulary, tokens, unknown)
        score = self.score(tokens, per_character=True, before=before)
        return replace(score, baselines=self._find_baselines(tokens)) if baselines else score

    def score(
        self,
        tokens: np.ndarray,
        limit: int | None = None,
        *,
        per_character: bool = False,
        listener: ReadingListener | None = None,
        before: np.ndarray | None = None,
    ) -> Score:
        """How well it predicts a text that is encoded already; with a `limit`, about so much of it, from all over.

        It is read from an empty memory, or after the ids `before`.

        `per_character` keeps the nats of each that is scored; `listener` is told how far it is.
        """
        memory = None if before is None or not len(before) else read(self.model, self.params, before)
        return self._evaluator.score(
            self.params, tokens, limit, per_character=per_character, listener=listener, memory=memory
        )

    def save(self, path: str | Path) -> None:
        """Write it to the new folder `path`, which `load` opens: whole, or not at all.

        There is nothing to resume in it; `train(init_from=path)` starts from its weights. Raises CharloopError if
        `path` is in use or cannot be written.
        """
        params = {name: np.asarray(value) for name, value in self.params.items()}
        facts = {"step": 0, "validation_loss": None} | self.facts
        export_run(self.run or self._as_run(), Path(path), params, facts)

    def _as_run(self) -> RunFolder:
        """What a run of it would say of itself: no text."""
        data = DataConfig(unit=self.vocabulary.unit, min_count=self.vocabulary.min_count)
        config = RunConfig(data, name_builtin_cell(self.model.config))
        return RunFolder(Path(), config, self.vocabulary, {})

    def _find_baselines(self, tokens: np.ndarray) -> Baselines:
        return find_baselines(self._training_text(), tokens, self.vocabulary)[1]

    def _training_text(self, listener: ReadingListener | None = None) -> np.ndarray:
        if self.run is None:
            raise CharloopError(
                "no training text to compare with", do="load the network from its run's folder"
            )
        return read_training_text(self.run, listener)

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(self.model)


def load(
    path: str | Path,
    *,
    cell: str | type[Cell] | Cell | None = None,
    text: GivenText | None = None,
    weights: str = "best",
) -> TrainedModel:
    """The network in the run folder `path`: its best weights, or with weights="last" the newest.

    `cell` is FILE.py:CLASS, a class or a cell, for a run with a cell of its own. `text` is the text it was trained
    on, where that was given and not named: only `novel` and baselines ask for it. Raises CharloopError for whatever
    does not fit.
    """
    given = Given(None if text is None else Text.of(text))
    return load_run(RunFolder.open(Path(path), cell=cell, given=given), weights=weights)


def load_run(run: RunFolder, *, weights: str = "best") -> TrainedModel:
    """The network of an open run folder."""
    if weights not in ("best", "last"):
        raise CharloopError("weights", got=weights, allowed="best, last")
    model = CharLM.build(run.config.model, run.vocabulary.size)
    tensors, facts, path, notes = best_weights(run) if weights == "best" else last_weights(run)
    check_fit(model, tensors, path)
    # Not asarray: JAX compiles a program for each shape of NumPy's.
    params = {name: jnp.array(value) for name, value in tensors.items()}
    return TrainedModel(model, params, run.vocabulary, facts, (*notes, *model.notes), run)


def best_weights(run: RunFolder) -> Save:
    """The weights with the best validation loss."""
    return Save(*run.load_weights(), run.path / WEIGHTS)


def last_weights(run: RunFolder) -> Save:
    """The weights inside the training state."""
    save, prefix = run.load_state(), "params/"
    params = {k.removeprefix(prefix): v for k, v in save.tensors.items() if k.startswith(prefix)}
    return save._replace(tensors=params, facts={"step": int(save.tensors["step"])} | save.facts)


def check_fit(model: CharLM, tensors: dict[str, np.ndarray], path: Path) -> None:
    """Raises CharloopError unless `tensors` are this model's parameters, all of them, by name, type and shape."""
    expected = jax.eval_shape(model.init, jax.random.key(0))
    for name in sorted(expected.keys() | tensors.keys()):
        wanted, found = expected.get(name), tensors.get(name)
        if wanted is None or found is None:
            state = "missing" if found is None else "not part of the model"
            raise CharloopError(
                f"{path}: {name} is {state}", do="config.json and the weights are of two runs"
            )
        if wanted.dtype != found.dtype:
            raise CharloopError(
                f"{path}: type of {name}",
                got=str(found.dtype),
                allowed=str(wanted.dtype),
                do="the file was changed: convert the weights back, or take a copy of the run",
            )
        if wanted.shape != found.shape:
            raise CharloopError(
                f"{path}: shape of {name}",
                got=list(found.shape),
                allowed=str(list(wanted.shape)),
                do="config.json, vocabulary.json and the weights must come from the same run",
            )

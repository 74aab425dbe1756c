"""A trained network: it writes text and scores text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from charloop.baselines import find_baselines
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import read_training_text
from charloop.data import Vocabulary, accept_prefix
from charloop.data.decoding import decode_utf8
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.evaluation import Evaluator, Score
from charloop.evaluation.words import measure_words
from charloop.model import CharLM
from charloop.originality import SuffixIndex, load_or_build_index
from charloop.progress import ProgressListener
from charloop.sampling import Beginning, Constraint, Novel, SamplingConfig, generate_texts, stream_text
from charloop.sampling.config import MAX_DOCUMENT_LENGTH
from charloop.sampling.documents import DocumentStream
from charloop.sampling.prompt import prepend_beginning, read_prompt
from charloop.sessions import Session
from charloop.trained.documents import find_likeliest, make_writer, score_drafts
from charloop.trained.own_prefix import find_own_prefix
from charloop.trained.saving import save_network
from charloop.trained.sessions import begin_session, load_session
from charloop.types import Parameters


@dataclass(frozen=True)
class TrainedModel:
    """A network, its weights and its vocabulary."""

    model: CharLM
    params: Parameters
    vocabulary: Vocabulary
    facts: dict[str, Any]
    """The step and validation loss of the weights."""
    notes: tuple[str, ...] = ()
    """Remarks for people: newer weights that could not be read; why the network runs slower here than configured."""
    run: RunFolder | None = None
    """The run that it was loaded from."""

    def sample(
        self,
        prompt: str = "",
        *,
        context: str | None = None,
        constraints: Sequence[Constraint] = (),
        label: str | None = None,
        **settings: Any,
    ) -> list[str]:
        """Return new texts that follow `prompt`. `settings` are fields of SamplingConfig (length, temperature, ...).

        The prompt is read as the beginning of a paragraph or line (see `prefix`), or as the continuation of
        `context`. Each text satisfies all `constraints`, such as `novel(20)`. The default `label` is the likeliest.
        """
        config, beginning = self._settings(**settings), self.opening(context, label)
        parts = self.model, self.params, self.vocabulary
        return generate_texts(*parts, self.read(prompt), config, constraints, beginning=beginning)

    def stream(
        self,
        prompt: str = "",
        *,
        context: str | None = None,
        constraints: Sequence[Constraint] = (),
        label: str | None = None,
        **settings: Any,
    ) -> Iterator[str]:
        """Yield the text that `sample` returns for the same arguments, in pieces as they are written."""
        config, beginning = self._settings(**settings), self.opening(context, label)
        parts = self.model, self.params, self.vocabulary
        return stream_text(*parts, self.read(prompt), config, constraints, beginning=beginning)

    def read(self, text: str) -> str:
        """Return a string as the network reads it: with its line ends and in its Unicode form."""
        return StringReader(self.vocabulary).read(text)

    def _settings(self, **settings: Any) -> SamplingConfig:
        return SamplingConfig(**settings).read_strings(self.read)

    def session(self, *, context: str | None = None, label: str | None = None, **settings: Any) -> Session:
        """Return a session: a text that the network reads and writes piece by piece, empty at first.

        `context`, `label` and `settings` are those of `sample`; `length`, `stop` and `lines` are defaults of
        `Session.write`.
        """
        return begin_session(self, context, label, self._settings(**settings))

    def load_session(self, path: str | Path, *, reread: bool = False) -> Session:
        """Return the session that `Session.save` wrote to `path`, which continues as if it had not been saved.

        With `reread`, other weights of the network read its text again. Raises CharloopError for anything else.
        """
        return load_session(self, path, reread=reread)

    def sample_bytes(self, prompt: str | bytes = "", **settings: Any) -> list[bytes]:
        """Return the bytes of new texts that follow `prompt`; the arguments are those of `sample`.

        Of a network of bytes they are the bytes that it writes, also where they are not UTF-8; of a network of
        characters the UTF-8 of its text.
        """
        text = prompt if isinstance(prompt, str) else decode_utf8(prompt)
        texts = self.keep_stray_bytes().sample(text, **settings)
        return [text.encode("utf-8", "surrogateescape") for text in texts]

    def keep_stray_bytes(self) -> "TrainedModel":
        """Return the same network, whose texts keep bytes that are not UTF-8, as Python's surrogateescape has them.

        `text.encode("utf-8", "surrogateescape")` is what the network wrote. Otherwise they become U+FFFD.
        """
        return replace(self, vocabulary=self.vocabulary.keep_stray_bytes())

    def documents(
        self,
        prompt: str = "",
        *,
        unique: bool = False,
        new: bool = False,
        best_of: int = 1,
        max_length: int = MAX_DOCUMENT_LENGTH,
        label: str | None = None,
        listener: ProgressListener | None = None,
        **settings: Any,
    ) -> DocumentStream:
        """Return a stream of documents that begin with `prompt`; its `take(count)` writes them.

        `unique` leaves out those that came before, `new` those that are documents of the training text, which is read
        again. Of each `best_of`, the one with the lowest nats per character is taken. A document that does not end
        within `max_length` characters is cut there. `label` is that of each, if they have any; by default one is
        drawn for each, from the network's own distribution given the prompt. `settings` are fields of SamplingConfig.
        Raises CharloopError for a network that was not trained on documents.
        """
        config = self._settings(**settings | {"length": max_length})
        index = self._index(listener) if new else None
        writer = make_writer(self, self.read(prompt), config, label)
        return DocumentStream(writer.write, partial(score_drafts, self), self.end_id, unique, index, best_of)

    @property
    def end_id(self) -> int:
        """The token that begins and ends documents. Raises CharloopError for a network of one text."""
        end = self.vocabulary.end_id
        if end is None:
            raise CharloopError(
                "this network was trained on one text, not on documents",
                do="train it with --documents line, say",
            )
        return end

    def novel(self, longest: int, listener: ProgressListener | None = None) -> Novel:
        """Return the constraint that no more than `longest` consecutive tokens are copied from the training text.

        That text is read again, with progress reports to `listener`. Raises CharloopError if the text has changed or
        is too long for an index.
        """
        return Novel(self._index(listener), longest, self.vocabulary.size)

    def _index(self, listener: ProgressListener | None) -> SuffixIndex:
        """Return the index of the training text without labels, which no written text has."""
        tokens = self.vocabulary.remove_labels(read_training_text(self.run, listener))
        return load_or_build_index(tokens, listener=listener)

    @cached_property
    def prefix(self) -> str:
        """The characters that stand before each paragraph or line of the training text; possibly none.

        Early runs did not store it. For them it is found in a text that the network writes.
        """
        if self.vocabulary.documents:
            return ""
        kept = accept_prefix(self.run.text.get("prefix") if self.run else None, self.vocabulary)
        return find_own_prefix(self) if kept is None else kept

    def beginning(self, context: str | None = None) -> Beginning:
        """Return what the network reads before a text: `context` if it is given, else its `prefix`."""
        text, end = self.prefix if context is None else self.read(context), self.vocabulary.end_id
        return Beginning(text, is_context=context is not None, start=() if end is None else (end,))

    def opening(self, context: str | None = None, label: str | None = None) -> Beginning:
        """Return what the network reads before a text that it writes: its `beginning`, with a label where it has any.

        By default it is the likeliest label. Raises CharloopError for one that it does not know.
        """
        beginning = self.beginning(context)
        if label is None and not self.vocabulary.labels:
            return beginning
        token = find_likeliest(self) if label is None else self.vocabulary.label_id(label)
        return replace(beginning, start=(*beginning.start, token))

    def opening_ids(self) -> np.ndarray:
        """Return the ids (at least one) that the network reads when it writes without a prompt."""
        return prepend_beginning(self.vocabulary, np.zeros(0, np.int32), self.opening(), "error")

    def evaluate(
        self, text: str, unknown: Any = "error", *, context: str | None = None, baselines: bool = False
    ) -> Score:
        """Return how well the network predicts `text` (at least two characters), with the nats of each character.

        The text is read as the beginning of a paragraph or line (see `prefix`), or as the continuation of `context`.
        Neither is scored, nor is the text's first character. `unknown="skip"` leaves out characters that the network
        does not know. With `baselines`, the score also has the losses of simpler predictors that learn from the
        training text; that text is read again. Raises CharloopError if it has changed.
        """
        encode = self.vocabulary.encode_text if context is None else self.vocabulary.encode
        tokens = encode(self.read(text), unknown)
        before = self.beginning(context).ids(self.vocabulary, tokens, unknown)
        score = self.score(tokens, per_character=True, before=before)
        if not baselines:
            return score
        return replace(
            score, baselines=find_baselines(read_training_text(self.run), tokens, self.vocabulary)[1]
        )

    def score(
        self,
        tokens: np.ndarray,
        limit: int | None = None,
        *,
        per_character: bool = False,
        listener: ProgressListener | None = None,
        before: np.ndarray | None = None,
    ) -> Score:
        """Return how well the network predicts `tokens`, read from the initial state or after the ids `before`.

        With a `limit`, about that many tokens are scored, in parts from all over the text. `per_character` keeps the
        nats of each; `listener` receives progress reports.
        """
        memory = None if before is None or not len(before) else read_prompt(self.model, self.params, before)
        score = self._evaluator.score(
            self.params, tokens, limit, per_character=per_character, listener=listener, initial_state=memory
        )
        return replace(score, characters_per_word=measure_words(tokens, self.vocabulary))

    def save(self, path: str | Path) -> None:
        """Write the network to the new folder `path`, completely or not at all; `load` opens it.

        Training cannot be resumed from it, but `train(init_from=path)` starts from its weights. Raises CharloopError
        if `path` is in use or cannot be written.
        """
        save_network(self, Path(path))

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(self.model)

"""From a request to the work of a worker, and back: the pieces of its texts as they arrive."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from charloop.data.unknown import UnknownCharacterError
from charloop.errors import CharloopError
from charloop.sampling import Constraint, Pattern, SamplingConfig
from charloop.sampling.prompt import prepend_beginning
from charloop.serving.errors import RequestError, as_request_error
from charloop.serving.limits import Limits
from charloop.serving.reading import Ids
from charloop.serving.requests import WritingRequest, make_penalties, make_settings
from charloop.serving.texts import ConstrainedWork, Piece, Scored, ScoringWork, TextWork
from charloop.serving.worker import Work, Worker
from charloop.trained.network import TrainedModel

Deliver: TypeAlias = Callable[[int, Piece | Exception], None]


@dataclass(frozen=True)
class Prompt:
    """A prompt as text and as tokens, and all that the network reads up to its end."""

    text: str
    ids: Ids
    read: Ids
    """At least one token."""


def read_prompt(worker: Worker, given: str | Sequence[int], label: str | None, limits: Limits) -> Prompt:
    """Return a prompt. Raises RequestError for characters, tokens or a label that the network does not know."""
    network, vocabulary = worker.network, worker.network.vocabulary
    try:
        opening = worker.opening(label)
    except CharloopError as error:
        raise RequestError(str(error), param="label") from None
    try:
        text = network.read(given) if isinstance(given, str) else vocabulary.decode(np.array(given, np.int64))
        ids = vocabulary.encode(text) if isinstance(given, str) else np.array(given, np.int32)
        read = prepend_beginning(vocabulary, ids, opening, "error")
    except UnknownCharacterError as error:
        raise RequestError(str(error.advising("leave it out")), param="prompt") from None
    except (CharloopError, OverflowError) as error:
        raise RequestError(str(error), param="prompt") from None
    if len(ids) > limits.max_prompt:
        allowed = f"allowed: up to {limits.max_prompt:,}"
        raise RequestError(f"a prompt of {len(ids):,} tokens; {allowed}", param="prompt")
    return Prompt(text, ids, read)


@dataclass(frozen=True)
class Plan:
    """The texts that a request asks for: each prompt is continued `choices` times."""

    worker: Worker
    prompts: list[Prompt]
    config: SamplingConfig
    request: WritingRequest
    choices: int
    logs: bool
    constraints: tuple[Constraint, ...] = ()

    def works(self, deliver: Deliver) -> list[Work]:
        """Return the work for each text; `deliver(index, piece)` gets what is written of text number `index`."""
        texts = [prompt for prompt in self.prompts for _ in range(self.choices)]
        return [self._work(index, prompt, partial(deliver, index)) for index, prompt in enumerate(texts)]

    def _work(self, index: int, prompt: Prompt, deliver: Callable[[Piece | Exception], None]) -> Work:
        parts = prompt.read, prompt.ids, self.worker.network.vocabulary, self.config, deliver
        text = TextWork(*parts, index % self.choices, make_penalties(self.request), self.logs)
        return ConstrainedWork(text, self.constraints) if self.constraints else text


async def make_plan(
    worker: Worker,
    request: WritingRequest,
    prompts: list[Prompt],
    length: int,
    limits: Limits,
    *,
    logs: bool,
    choices: int = 1,
) -> Plan:
    """Return the plan of a request. Raises RequestError for settings that do not fit the network, or each other."""
    network = worker.network
    if length > limits.max_tokens:
        raise RequestError(
            f"max_tokens: got {length:,}; allowed: up to {limits.max_tokens:,}", param="max_tokens"
        )
    if len(prompts) * choices > limits.max_texts:
        raise RequestError(
            f"{len(prompts) * choices:,} texts in one request; allowed: up to {limits.max_texts:,}", param="n"
        )
    constrained = [name for name in ("regex", "novel") if getattr(request, name) is not None]
    for name in ("presence_penalty", "frequency_penalty"):
        if constrained and getattr(request, name):
            raise RequestError(f"{name} does not go with {constrained[0]}", param=name)
    if constrained and logs:
        raise RequestError(f"logprobs does not go with {constrained[0]}", param="logprobs")
    try:
        config = make_settings(request, length, bias=read_bias(network, request))
        config = config.read_strings(network.read)
    except CharloopError as error:
        raise as_request_error(error) from None
    constraints = await asyncio.to_thread(make_constraints, network, request)
    return Plan(worker, prompts, config, request, choices, logs, constraints)


def read_bias(network: TrainedModel, request: WritingRequest) -> dict[str, float]:
    """Return `logit_bias`, which names tokens by their numbers, by characters."""
    vocabulary, found = network.vocabulary, dict[str, float]()
    for token, value in (request.logit_bias or {}).items():
        if not token.isdecimal() or int(token) >= len(vocabulary.symbols):
            raise RequestError(f"logit_bias of an unknown token: got {token!r}", param="logit_bias")
        # -100 forbids, as elsewhere.
        found[vocabulary.symbols[int(token)]] = value if value > -100 else -1000.0
    return found


def make_constraints(network: TrainedModel, request: WritingRequest) -> tuple[Constraint, ...]:
    """Return what a text must satisfy. Raises RequestError."""
    makers: dict[str, Callable[[Any], Constraint]] = {
        "regex": lambda given: Pattern(network.read(given), network.vocabulary),
        "novel": network.novel,
    }
    found: list[Constraint] = []
    for name, make in makers.items():
        given = getattr(request, name)
        try:
            found += [] if given is None else [make(given)]
        except CharloopError as error:
            raise RequestError(str(error), param=name) from None
    return tuple(found)


@asynccontextmanager
async def running(plan: Plan, limits: Limits) -> AsyncIterator[AsyncIterator[tuple[int, Piece]]]:
    """Let the worker write, and yield the pieces; what is not finished at the end is cancelled.

    Raises RequestError if the queue is full.
    """
    queue: asyncio.Queue[tuple[int, Piece | Exception]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def deliver(index: int, piece: Piece | Exception) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, (index, piece))

    works = plan.works(deliver)
    submit(plan.worker, works, limits)
    try:
        yield receive(queue, len(works))
    finally:
        for work in works:
            work.cancelled = True


def submit(worker: Worker, works: Sequence[Work], limits: Limits) -> None:
    """Let the worker do the work. Raises RequestError if too much waits already, or the worker is closed."""
    if not worker.is_open:
        raise RequestError("the network was closed to make room; try again", status=503, code="overloaded")
    if worker.load[1] + len(works) > limits.max_queue:
        raise RequestError("too many requests wait; try again later", status=503, code="overloaded")
    for work in works:
        worker.submit(work)


async def receive(
    queue: "asyncio.Queue[tuple[int, Piece | Exception]]", texts: int
) -> AsyncIterator[tuple[int, Piece]]:
    """Yield the pieces of all texts as they come, until each has ended."""
    while texts:
        index, piece = await queue.get()
        if isinstance(piece, Exception):
            raise piece
        yield index, piece
        texts -= piece.reason is not None


async def score(worker: Worker, prompt: Prompt, limits: Limits) -> Scored:
    """Return what the network thinks of a prompt's text, read after what stands before it."""
    before = prompt.read[: len(prompt.read) - len(prompt.ids)]
    text = prompt.ids
    if not len(before):
        # Nothing stands before the text: its first token is read, not predicted.
        before, text = text[:1], text[1:]
    return await score_ids(worker, before, text, limits)


async def score_ids(worker: Worker, before: Ids, text: Ids, limits: Limits) -> Scored:
    """Return what the network thinks of the ids `text`, read after `before` (at least one id)."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Scored] = loop.create_future()

    def deliver(scored: Scored | Exception) -> None:
        loop.call_soon_threadsafe(finish, done, scored)

    work = ScoringWork(before, text, deliver)
    submit(worker, [work], limits)
    try:
        return await done
    finally:
        work.cancelled = True


def finish(done: "asyncio.Future[Scored]", scored: Scored | Exception) -> None:
    """Settle what is waited for, unless nobody waits any more."""
    if done.done():
        return
    if isinstance(scored, Exception):
        done.set_exception(scored)
    else:
        done.set_result(scored)

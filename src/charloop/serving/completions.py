"""`POST /v1/completions`: texts that follow prompts."""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from charloop.serving.errors import RequestError
from charloop.serving.jobs import Plan, Prompt, make_plan, read_prompt, running, score
from charloop.serving.lane_program import TOP, Logs
from charloop.serving.limits import Limits
from charloop.serving.reading import Ids
from charloop.serving.requests import CompletionRequest
from charloop.serving.texts import Scored
from charloop.serving.tokens import write_logs
from charloop.serving.worker import Worker

DEFAULT_TOKENS = 16
"""New tokens if a request does not say how many, as in the OpenAI interface."""


@dataclass
class WrittenChoice:
    """A text as it is written."""

    prompt: Prompt
    scored: Scored | None
    """What the network thinks of the prompt, if that is wanted."""
    texts: list[str] = field(default_factory=list)
    ids: list[Ids] = field(default_factory=list)
    logs: list[Logs] = field(default_factory=list)
    reason: str | None = None

    @property
    def mean(self) -> float:
        """The mean log probability of a token."""
        chosen = np.concatenate([part.chosen for part in self.logs] or [np.zeros(0)])
        return float(chosen.mean()) if len(chosen) else 0.0


@dataclass
class Completion:
    """The answer to one request."""

    request: CompletionRequest
    worker: Worker
    plan: Plan
    choices: list[WrittenChoice]
    limits: Limits
    length: int
    shown: int
    """How many texts of each prompt are returned; more are written for `best_of`."""

    def __post_init__(self) -> None:
        self._head = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": self.request.model,
        }
        self._count = count_logs(self.request)

    async def whole(self) -> dict[str, Any]:
        """Return the answer when all is written."""
        async for index, _ in self._pieces():
            assert index < len(self.choices)
        picked = self._pick()
        choices = [self._describe(number, choice) for number, choice in enumerate(picked)]
        return {**self._head, "choices": choices, "usage": self.usage}

    async def stream(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the parts of the answer as they are written."""
        usage = bool(self.request.stream_options and self.request.stream_options.include_usage)
        more = {"usage": None} if usage else {}
        offsets = [0] * len(self.choices)
        if self.request.echo:
            for number, choice in enumerate(self.choices):
                logs = self._prompt_logs(choice)
                over = None if self.length else "length"
                yield {**self._head, "choices": [shape(number, choice.prompt.text, logs, over)], **more}
                offsets[number] = len(choice.prompt.text)
        async for index, piece in self._pieces():
            logs = self._logs(piece.ids, piece.logs, offsets[index])
            offsets[index] += len(piece.text)
            yield {**self._head, "choices": [shape(index, piece.text, logs, piece.reason)], **more}
        if usage:
            yield {**self._head, "choices": [], "usage": self.usage}

    @property
    def usage(self) -> dict[str, int]:
        """How many tokens were read and written."""
        read = sum(len(prompt.ids) for prompt in self.plan.prompts)
        written = sum(len(ids) for choice in self.choices for ids in choice.ids)
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    async def _pieces(self) -> AsyncIterator[tuple[int, Any]]:
        """Yield the pieces of all texts, which are also kept."""
        if not self.length:
            for choice in self.choices:
                choice.reason = "length"
            return
        async with running(self.plan, self.limits) as pieces:
            async for index, piece in pieces:
                choice = self.choices[index]
                choice.texts.append(piece.text)
                choice.ids.append(piece.ids)
                if piece.logs is not None:
                    choice.logs.append(piece.logs)
                choice.reason = piece.reason
                yield index, piece

    def _pick(self) -> list[WrittenChoice]:
        """Return the texts that are shown: of each prompt the likeliest, if more were written."""
        size, picked = self.plan.choices, list[WrittenChoice]()
        for start in range(0, len(self.choices), size):
            group = self.choices[start : start + size]
            ranked = sorted(group, key=lambda choice: -choice.mean) if self.shown < size else group
            picked += ranked[: self.shown]
        return picked

    def _describe(self, number: int, choice: WrittenChoice) -> dict[str, Any]:
        text, logs = "".join(choice.texts), self._prompt_logs(choice)
        offset = len(choice.prompt.text) if self.request.echo else 0
        if self._count is not None:
            ids = np.concatenate(choice.ids) if choice.ids else np.zeros(0, np.int32)
            parts = [np.concatenate(each) for each in zip(*choice.logs, strict=True)] if choice.logs else None
            own = self._logs(ids, Logs(*parts) if parts else None, offset)
            logs = merge(logs, own) if logs and own else own
        return shape(number, choice.prompt.text + text if self.request.echo else text, logs, choice.reason)

    def _prompt_logs(self, choice: WrittenChoice) -> dict[str, Any] | None:
        """Return the log probabilities of the prompt, if they are shown."""
        if choice.scored is None or self._count is None:
            return None
        ids, logs = choice.prompt.ids, choice.scored.logs
        skipped = max(0, len(logs.chosen) - len(ids) + 1)
        known = Logs(*(part[skipped:] for part in logs))
        return write_logs(self.worker.network.vocabulary, ids.tolist(), known, self._count, 0, first=True)

    def _logs(self, ids: Ids, logs: Logs | None, offset: int) -> dict[str, Any] | None:
        if self._count is None:
            return None
        vocabulary = self.worker.network.vocabulary
        return write_logs(vocabulary, ids.tolist(), logs, self._count, offset, first=False)


async def make_completion(worker: Worker, request: CompletionRequest, limits: Limits) -> Completion:
    """Return the answer to a request, of which nothing is written yet. Raises RequestError."""
    length = DEFAULT_TOKENS if request.max_tokens is None else request.max_tokens
    count, n = count_logs(request), request.n or 1
    best_of = n if request.best_of is None else request.best_of
    if best_of < n:
        raise RequestError(f"best_of: got {best_of}; allowed: at least n, which is {n}", param="best_of")
    if best_of > n and request.stream:
        raise RequestError("best_of does not go with stream", param="best_of")
    if not length and not request.echo:
        raise RequestError("max_tokens: got 0; allowed without echo: 1 or more", param="max_tokens")
    if request.stream_options is not None and not request.stream:
        raise RequestError("stream_options needs stream", param="stream_options")
    prompts = [read_prompt(worker, given, request.label, limits) for given in list_prompts(request)]
    logs = count is not None or best_of > n
    plan = await make_plan(worker, request, prompts, length, limits, logs=logs, choices=best_of)
    wants = request.echo and count is not None
    scored = [
        await score(worker, prompt, limits) if wants and len(prompt.ids) else None for prompt in prompts
    ]
    choices = [
        WrittenChoice(prompt, known)
        for prompt, known in zip(prompts, scored, strict=True)
        for _ in range(best_of)
    ]
    return Completion(request, worker, plan, choices, limits, length, n)


def list_prompts(request: CompletionRequest) -> list[str | list[int]]:
    """Return the prompts of a request: strings, or lists of tokens. Raises RequestError for a mixture."""
    given = request.prompt
    if given is None or isinstance(given, str):
        return [given or ""]
    if given and all(isinstance(part, int) for part in given):
        return [[part for part in given if isinstance(part, int)]]
    if not given or len({type(part) for part in given}) > 1:
        raise RequestError("a list of strings, of tokens, or of lists of tokens is expected", param="prompt")
    return [part for part in given if not isinstance(part, int)]


def count_logs(request: CompletionRequest) -> int | None:
    """Return of how many likeliest tokens log probabilities are wanted; None if none are. Raises RequestError."""
    asked = request.logprobs
    if asked is None or asked is False:
        return None
    if not 0 <= asked <= TOP:
        raise RequestError(f"logprobs: got {asked}; allowed: 0 to {TOP}", param="logprobs")
    return int(asked)


def shape(number: int, text: str, logs: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
    """Return a choice as JSON has it."""
    return {"index": number, "text": text, "logprobs": logs, "finish_reason": reason}


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return the log probabilities of a prompt and of what follows it, as of one text."""
    return {
        name: None
        if first[name] is None and second[name] is None
        else [*(first[name] or []), *(second[name] or [])]
        for name in first
    }

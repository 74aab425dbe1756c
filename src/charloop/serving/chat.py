"""`POST /v1/chat/completions`, for clients that know nothing else: the messages are joined to one prompt.

A network of characters follows no instructions and knows no roles. It goes on where the last message ends.
"""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from charloop.serving.errors import RequestError
from charloop.serving.jobs import Plan, make_plan, read_prompt, running
from charloop.serving.lane_program import Logs
from charloop.serving.limits import Limits
from charloop.serving.requests import ChatRequest
from charloop.serving.texts import Piece
from charloop.serving.tokens import write_chat_logs
from charloop.serving.worker import Worker

DEFAULT_TOKENS = 500
"""New tokens if a request does not say how many."""


class Chat:
    """The answer to one request."""

    def __init__(self, request: ChatRequest, worker: Worker, plan: Plan, limits: Limits) -> None:
        self._request, self._worker, self._plan, self._limits = request, worker, plan, limits
        self._id, self._created, self._written = f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), 0

    async def whole(self) -> dict[str, Any]:
        """Return the answer when all is written."""
        pieces: list[list[Piece]] = [[] for _ in range(self._plan.choices)]
        async with running(self._plan, self._limits) as arriving:
            async for index, piece in arriving:
                pieces[index].append(piece)
                self._written += len(piece.ids)
        choices = [
            {
                "index": number,
                "message": {"role": "assistant", "content": "".join(piece.text for piece in parts)},
                "logprobs": self._logs(parts),
                "finish_reason": parts[-1].reason,
            }
            for number, parts in enumerate(pieces)
        ]
        return {**self._head("chat.completion"), "choices": choices, "usage": self.usage}

    async def stream(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the parts of the answer as they are written."""
        options = self._request.stream_options
        usage = bool(options and options.include_usage)
        head, more = self._head("chat.completion.chunk"), {"usage": None} if usage else {}

        def chunk(
            index: int, delta: dict[str, str], logs: Any = None, reason: str | None = None
        ) -> dict[str, Any]:
            choice = {"index": index, "delta": delta, "logprobs": logs, "finish_reason": reason}
            return {**head, "choices": [choice], **more}

        for index in range(self._plan.choices):
            yield chunk(index, {"role": "assistant", "content": ""})
        async with running(self._plan, self._limits) as arriving:
            async for index, piece in arriving:
                self._written += len(piece.ids)
                yield chunk(index, {"content": piece.text}, self._logs([piece]), piece.reason)
        if usage:
            yield {**head, "choices": [], "usage": self.usage}

    @property
    def usage(self) -> dict[str, int]:
        """How many tokens were read and written."""
        read = len(self._plan.prompts[0].ids)
        return {
            "prompt_tokens": read,
            "completion_tokens": self._written,
            "total_tokens": read + self._written,
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._request.model}

    def _logs(self, pieces: list[Piece]) -> dict[str, Any] | None:
        if not self._request.logprobs:
            return None
        ids = np.concatenate([piece.ids for piece in pieces])
        logs = Logs(
            *(np.concatenate(each) for each in zip(*(piece.logs or () for piece in pieces), strict=True))
        )
        vocabulary, count = self._worker.network.vocabulary, self._request.top_logprobs or 0
        return {"content": write_chat_logs(vocabulary, ids.tolist(), logs, count)}


async def make_chat(worker: Worker, request: ChatRequest, limits: Limits) -> Chat:
    """Return the answer to a request, of which nothing is written yet. Raises RequestError."""
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        raise RequestError("give max_tokens or max_completion_tokens", param="max_completion_tokens")
    if request.stream_options is not None and not request.stream:
        raise RequestError("stream_options needs stream", param="stream_options")
    if request.top_logprobs is not None and not request.logprobs:
        raise RequestError("top_logprobs needs logprobs", param="top_logprobs")
    length = request.max_completion_tokens or request.max_tokens or DEFAULT_TOKENS
    text = "\n".join(message.content for message in request.messages)
    prompt = read_prompt(worker, text, request.label, limits)
    logs = bool(request.logprobs)
    plan = await make_plan(worker, request, [prompt], length, limits, logs=logs, choices=request.n or 1)
    return Chat(request, worker, plan, limits)

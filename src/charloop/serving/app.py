"""The server as an ASGI application: its paths, who may use it, and how mistakes are answered."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from charloop.errors import CharloopError
from charloop.serving import own
from charloop.serving.answers import answer_json, describe_error, encode_json, refuse, wait_until_gone
from charloop.serving.chat import make_chat
from charloop.serving.completions import make_completion
from charloop.serving.errors import RequestError
from charloop.serving.limits import Limits
from charloop.serving.metrics import Access, Metrics
from charloop.serving.networks import Networks
from charloop.serving.requests import ChatRequest, CompletionRequest, TextRequest, TokensRequest, read_request
from charloop.serving.worker import Worker

OPEN = ("/health", "/ready")
"""Paths that need no key."""


class Server:
    """Answers requests about networks."""

    def __init__(self, networks: Networks, limits: Limits, key: str | None = None) -> None:
        self.networks, self.limits, self._key = networks, limits, key
        self.metrics = Metrics()

    def routes(self) -> list[Route]:
        """Return what is answered: the paths, the methods and the functions."""
        posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/completions": self.complete,
            "/chat/completions": self.chat,
            "/tokenize": self._own(own.tokenize, TextRequest),
            "/detokenize": self._own(own.detokenize, TokensRequest),
            "/score": self._own(own.measure_text, TextRequest),
            "/surprise": self._own(own.measure_surprise, TextRequest),
            "/next": self._own(own.predict, TextRequest),
        }
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/models": self.list_models,
            "/models/{model:path}": self.show_model,
            "/tokenizer_info": self.tokenizer_info,
            "/health": self.health,
            "/ready": self.ready,
            "/metrics": self.count,
        }
        ways = [(posts, "POST"), (gets, "GET")]
        return [
            Route(prefix + path, self._guard(path, answer), methods=[method])
            for prefix in ("", "/v1")
            for paths, method in ways
            for path, answer in paths.items()
        ]

    def _guard(
        self, path: str, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return `answer` for those who have the key."""

        async def guarded(request: Request) -> Response:
            if self._key is not None and path not in OPEN:
                given = request.headers.get("authorization", "").removeprefix("Bearer ")
                if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._key.encode()):
                    raise RequestError("this server needs an API key", status=401, code="invalid_api_key")
            return await answer(request)

        return guarded

    async def complete(self, request: Request) -> Response:
        """Answer `/completions`."""
        asked = read_request(await self._body(request), CompletionRequest)
        completion = await make_completion(await self._worker(request, asked.model), asked, self.limits)
        return await self._answer(request, completion, stream=bool(asked.stream))

    async def chat(self, request: Request) -> Response:
        """Answer `/chat/completions`."""
        asked = read_request(await self._body(request), ChatRequest)
        chat = await make_chat(await self._worker(request, asked.model), asked, self.limits)
        return await self._answer(request, chat, stream=bool(asked.stream))

    async def list_models(self, _: Request) -> Response:
        """Answer `/models`."""
        return answer_json(
            {"object": "list", "data": [self._describe(name) for name in self.networks.served]}
        )

    async def show_model(self, request: Request) -> Response:
        """Answer `/models/NAME`."""
        return answer_json(self._describe(self._known(request.path_params["model"])))

    async def tokenizer_info(self, request: Request) -> Response:
        """Answer `/tokenizer_info`, of the network that `?model=` names, or of the first."""
        name = request.query_params.get("model", next(iter(self.networks.served)))
        return answer_json(own.describe_tokenizer(await self._worker(request, name)))

    async def health(self, _: Request) -> Response:
        """Answer that the process lives."""
        return answer_json({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Answer whether a network is loaded."""
        loaded = sorted(self.networks.loaded)
        status = 200 if loaded else 503
        return answer_json({"status": "ready" if loaded else "loading", "loaded": loaded}, status)

    async def count(self, _: Request) -> Response:
        """Answer with the numbers of the server."""
        return PlainTextResponse(self.metrics.write(self.networks), media_type="text/plain; version=0.0.4")

    def _own(self, answer: Any, kind: Any) -> Callable[[Request], Awaitable[Response]]:
        """Return how a path of charloop's own is answered."""

        async def answered(request: Request) -> Response:
            asked = read_request(await self._body(request), kind)
            work = answer(await self._worker(request, asked.model), asked, self.limits)
            return answer_json(await self._attend(request, work))

        return answered

    async def _answer(self, request: Request, answer: Any, *, stream: bool) -> Response:
        """Answer with a completion or a chat, whole or as server-sent events."""
        if stream:
            return StreamingResponse(self._events(request, answer), media_type="text/event-stream")
        whole = await self._attend(request, answer.whole())
        self._count(request, answer.usage)
        return answer_json(whole)

    async def _events(self, request: Request, answer: Any) -> AsyncIterator[bytes]:
        """Yield server-sent events; a stream that has begun ends with an error as its last event."""
        try:
            async with asyncio.timeout(self.limits.timeout):
                async for part in answer.stream():
                    yield b"data: " + encode_json(part) + b"\n\n"
            yield b"data: [DONE]\n\n"
        except Exception as error:
            yield b"data: " + encode_json(describe_error(error).body) + b"\n\n"
        finally:
            self._count(request, answer.usage)

    async def _attend(self, request: Request, work: Awaitable[Any]) -> Any:
        """Return what `work` returns; it is cancelled if the client goes, or the time is over."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(wait_until_gone(request))
        try:
            async with asyncio.timeout(self.limits.timeout):
                await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientDisconnect
            return task.result()
        finally:
            for each in (task, gone):
                each.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    async def _body(self, request: Request) -> bytes:
        """Return the body. Raises RequestError for one that is too long, before it is read."""
        allowed = f"the body is too long; allowed: up to {self.limits.max_body:,} bytes"
        parts, size = list[bytes](), 0
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self.limits.max_body:
            raise RequestError(allowed, status=413)
        async for part in request.stream():
            size += len(part)
            if size > self.limits.max_body:
                raise RequestError(allowed, status=413)
            parts.append(part)
        return b"".join(parts)

    async def _worker(self, request: Request, name: str) -> Worker:
        request.state.about = {"model": self._known(name)}
        try:
            return await self.networks.find(name)
        except CharloopError as error:
            raise RequestError(f"the network {name} cannot be loaded: {error}", status=503) from None

    def _known(self, name: str) -> str:
        if name not in self.networks.served:
            message = f"unknown model: got {name!r}; allowed: {', '.join(self.networks.served)}"
            raise RequestError(message, status=404, param="model", code="model_not_found")
        return name

    def _describe(self, name: str) -> dict[str, Any]:
        created = self.networks.served[name].created
        return {"id": name, "object": "model", "created": created, "owned_by": "charloop"}

    def _count(self, request: Request, usage: dict[str, int]) -> None:
        """Note how many tokens were read and written."""
        about = request.state.about
        about |= {"read": usage["prompt_tokens"], "written": usage["completion_tokens"]}
        self.metrics.tokens.labels(about["model"], "read").inc(about["read"])
        self.metrics.tokens.labels(about["model"], "written").inc(about["written"])


def make_app(server: Server, origins: tuple[str, ...] = ()) -> Starlette:
    """Return the application; pages of `origins` may use it from browsers."""
    routes = server.routes()
    paths = frozenset(route.path for route in routes)
    middleware = [Middleware(Access, metrics=server.metrics, paths=paths)]
    if origins:
        all_ = ["*"]
        cors = Middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=all_, allow_headers=all_)
        middleware.append(cors)
    handlers: dict[Any, Any] = dict.fromkeys(
        (RequestError, CharloopError, TimeoutError, HTTPException, ClientDisconnect, Exception), refuse
    )
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)

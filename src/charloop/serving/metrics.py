"""What the server counts, in the text form of Prometheus, and one line of JSON on standard error for each request."""

import json
import sys
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from charloop.serving.networks import Networks


class Metrics:
    """The numbers of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "charloop_requests", "Requests answered", ["path", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "charloop_request_seconds", "Time of a request", ["path"], registry=self._registry
        )
        self.tokens = Counter(
            "charloop_tokens", "Tokens read and written", ["model", "kind"], registry=self._registry
        )
        self.writing = Gauge(
            "charloop_texts_writing", "Texts that are being written", ["model"], registry=self._registry
        )
        self.waiting = Gauge("charloop_texts_waiting", "Texts that wait", ["model"], registry=self._registry)

    def write(self, networks: Networks) -> bytes:
        """Return all numbers as they are now."""
        for name, worker in networks.loaded.items():
            writing, waiting = worker.load
            self.writing.labels(name).set(writing)
            self.waiting.labels(name).set(waiting)
        return generate_latest(self._registry)


class Access:
    """ASGI middleware: it counts requests, and prints a line about each when it has been answered."""

    def __init__(self, app: Any, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 499

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Any, status: int, seconds: float) -> None:
        # A path that clients may choose would make a new row of numbers for each.
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._metrics.requests.labels(path, status).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        client = scope.get("client")
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 4),
            **scope.get("state", {}).get("about", {}),
        }
        print(json.dumps(line), file=sys.stderr, flush=True)

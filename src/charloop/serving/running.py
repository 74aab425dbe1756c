"""Runs the server in this process until SIGINT or SIGTERM."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from charloop.serving.app import Server, make_app
from charloop.serving.limits import Limits
from charloop.serving.networks import Networks

PATIENCE = 30
"""Seconds that requests have to end after the server was told to."""
MAX_HEADERS = 64 << 10
"""Bytes of a request's headers."""


def serve(
    networks: Networks,
    limits: Limits,
    listening: socket.socket,
    *,
    key: str | None = None,
    origins: tuple[str, ...] = (),
    root_path: str = "",
) -> None:
    """Answer requests at a socket until SIGINT or SIGTERM; then end those that were begun, and return."""
    server = Server(networks, limits, key)
    app = make_app(server, origins)
    app.router.lifespan_context = load_first(networks)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        root_path=root_path,
        timeout_graceful_shutdown=PATIENCE,
        h11_max_incomplete_event_size=MAX_HEADERS,
        http="h11",
        ws="none",
        server_header=False,
    )
    uvicorn.Server(config).run([listening])


def load_first(networks: Networks):  # type: ignore[no-untyped-def]
    """Return what happens around the life of an application: the first network is loaded while it begins."""

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(networks.find(next(iter(networks.served))))
        try:
            yield
        finally:
            loading.cancel()
            networks.close()

    return life

"""charloop serve: trained networks over HTTP."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import argument, check_ranges, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines, visible
from charloop.errors import CharloopError
from charloop.serving.limits import Limits


@dataclass(frozen=True)
class LimitFlags(Limits):
    """How much one request may ask for."""


@dataclass(frozen=True)
class ServeFlags:
    """Answer HTTP requests with trained networks until Ctrl-C."""

    runs: Annotated[tyro.conf.Positional[tuple[str, ...]], argument("RUN [RUN ...]")]
    """The folders of runs. Each is a model with the folder's name, for clients of the OpenAI interface; NAME=FOLDER
    gives it another."""
    host: Annotated[str, tyro.conf.arg(metavar="HOST")] = "127.0.0.1"
    """The address to listen at. Others than this machine's own let other machines in: set --api-key."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """The port to listen at; 0 takes a free one."""
    api_key: Annotated[str | None, argument("KEY", default="$CHARLOOP_API_KEY, or none")] = None
    """Answer only requests that have this key, as 'Authorization: Bearer KEY'. Other users of this machine see what
    stands on a command line: the environment variable is safer."""
    allow_origin: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, argument("ORIGIN")] = ()
    """Let web pages of this origin, such as https://example.org, use the server; * lets all. May be given several
    times."""
    root_path: Annotated[str, argument("PATH")] = ""
    """The path at which a proxy serves this server, such as /charloop."""
    max_loaded: Annotated[int, Meta(ge=1)] = 4
    """How many networks are in memory at once, at most, unless more are working."""
    lanes: Annotated[int, Meta(ge=1, le=1024)] = 64
    """How many texts a network writes at once; more wait."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for runs with a cell of your own."""
    limit: LimitFlags = field(default_factory=LimitFlags)


def main(arguments: Sequence[str]) -> None:
    """Print the address, and answer requests until SIGINT or SIGTERM."""
    flags = check_ranges(parse(ServeFlags, "serve", arguments))
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise CharloopError(
            "charloop serve needs packages that are not installed", do="pip install 'charloop[serve]'"
        ) from None
    if not flags.runs:
        raise CharloopError("no RUN to serve", do="name the folder of one: charloop serve runs/book")
    prepare_jax()
    from charloop.serving.networks import Networks
    from charloop.serving.running import serve

    key = flags.api_key or os.environ.get("CHARLOOP_API_KEY") or None
    networks = Networks(
        flags.runs, lanes=flags.lanes, max_loaded=flags.max_loaded, weights=flags.weights, cell=flags.cell
    )
    with open_socket(flags.host, flags.port) as listening:
        host, port = listening.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}{flags.root_path}"
        print_lines(map(visible, describe(address, list(networks.served), has_key=key is not None)))
        serve(
            networks, flags.limit, listening, key=key, origins=flags.allow_origin, root_path=flags.root_path
        )


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises CharloopError if that is not possible."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        do = "choose another --port" if error.errno == 98 else "choose another --host or --port"
        raise CharloopError(f"cannot listen at {host}, port {port} ({error.strerror})", do=do) from None


def describe(address: str, names: list[str], *, has_key: bool) -> list[str]:
    """Return the lines that say where the server is and how to use it."""
    key = " -H 'Authorization: Bearer KEY'" if has_key else ""
    body = f'{{"model": "{names[0]}", "prompt": "The ", "max_tokens": 200, "stream": true}}'
    api_key = "KEY" if has_key else "none"
    return [
        f"address     {address}",
        f"networks    {', '.join(names)}",
        f"try         curl{key} {address}/v1/models",
        f"            curl -N{key} {address}/v1/completions -d '{body}'",
        f"            python -c \"import openai; print(openai.OpenAI(base_url='{address}/v1', api_key='{api_key}')"
        f".completions.create(model='{names[0]}', prompt='The ', max_tokens=200).choices[0].text)\"",
        "stop        Ctrl-C: what is being written is finished",
    ]

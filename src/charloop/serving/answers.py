"""Responses: JSON, and mistakes in the form that clients expect."""

import json
import sys
import traceback
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from charloop.errors import CharloopError
from charloop.serving.errors import RequestError


async def refuse(_: Request, error: Exception) -> Response:
    """Answer a mistake, or a fault of the server, whose details stay here."""
    known = describe_error(error)
    return answer_json(known.body, known.status)


def describe_error(error: Exception) -> RequestError:
    """Return the error that a client gets."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, CharloopError):
        return RequestError(str(error))
    if isinstance(error, TimeoutError):
        return RequestError("the request took too long", status=408, code="timeout")
    if isinstance(error, HTTPException):
        return RequestError(error.detail, status=error.status_code)
    if isinstance(error, ClientDisconnect):
        return RequestError("the client has gone", status=499)
    traceback.print_exception(error, file=sys.stderr)
    return RequestError("the server has a fault; its log says more", status=500)


async def wait_until_gone(request: Request) -> None:
    """Return when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def answer_json(content: Any, status: int = 200) -> Response:
    """Return a response of JSON."""
    return Response(encode_json(content), status, media_type="application/json")


def encode_json(content: Any) -> bytes:
    """Return JSON; half of a surrogate pair, which a vocabulary may have and UTF-8 has not, is escaped."""
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        return json.dumps(content).encode()

"""What is wrong with a request, in the form that clients of the OpenAI interface expect."""

from typing import Any

from charloop.errors import CharloopError


class RequestError(Exception):
    """An error that the client gets as JSON, with an HTTP status; `param` is the field that is wrong."""

    def __init__(
        self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code = message, status, param, code

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the response."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


NAMES = {"length": "max_tokens", "num_samples": "n", "bias": "logit_bias"}
"""Settings that have another name in a request."""


def as_request_error(error: CharloopError) -> RequestError:
    """Return the error of a setting or a prompt as one of a request."""
    name = error.what.partition(":")[0].partition(" ")[0]
    return RequestError(str(error), param=NAMES.get(name, name) if name.isidentifier() else None)

"""The requests: their fields with their ranges, and from them the settings of a text.

A field that is not known is refused, as is one that would have no effect.
"""

import secrets
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from charloop.config.ranges import NonNegative
from charloop.errors import CharloopError
from charloop.sampling import SamplingConfig
from charloop.serving.errors import RequestError, as_request_error
from charloop.serving.texts import Penalties

Request = TypeVar("Request", bound="ModelRequest")
Penalty = Annotated[float, Meta(ge=-2, le=2)]
MAX_CHOICES = 128


class ModelRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every request has."""

    model: str
    user: str | None = None
    """Whom the client writes for. It is accepted and not used."""


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True):
    """What a stream also says."""

    include_usage: bool = False
    include_obfuscation: bool | None = None
    """Padding against listeners, of hosted services: nothing is padded here."""


class WritingRequest(ModelRequest, kw_only=True):
    """How to write: the fields that `/v1/completions` and `/v1/chat/completions` share, and charloop's own."""

    temperature: NonNegative | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Meta(ge=0.01, le=100)] | None = None
    regex: str | None = None
    novel: Annotated[int, Meta(ge=1)] | None = None
    label: str | None = None


class CompletionRequest(WritingRequest, kw_only=True):
    """`POST /v1/completions`."""

    prompt: str | list[str | int | list[int]] | None = None
    max_tokens: Annotated[int, Meta(ge=0)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    logprobs: bool | int | None = None
    echo: bool | None = None
    suffix: None = None
    """The text after what is written: a network that reads forward cannot know it, so that only null is allowed."""


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """A message of a chat."""

    role: str
    content: str
    name: str | None = None


class ChatRequest(WritingRequest, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


class TextRequest(ModelRequest, kw_only=True):
    """A text that is not continued: `/score`, `/surprise`, `/next`, `/tokenize`."""

    text: str | None = None
    prompt: str | None = None
    """Another name for `text`."""
    label: str | None = None
    add_special_tokens: bool | None = None
    count: Annotated[int, Meta(ge=1)] = 10

    @property
    def words(self) -> str:
        """The text. Raises RequestError if there is none, or two."""
        if (self.text is None) == (self.prompt is None):
            raise RequestError("give either text or prompt", param="text")
        return self.text if self.text is not None else str(self.prompt)


class TokensRequest(ModelRequest, kw_only=True):
    """`POST /detokenize`."""

    tokens: list[int]


def read_request(body: bytes, kind: type[Request]) -> Request:
    """Return what a request's JSON says. Raises RequestError with the field that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        unknown = message.partition("unknown field `")[2].partition("`")[0]
        missing = message.partition("required field `")[2].partition("`")[0]
        field = path.strip(".`").partition("[")[0].partition(".")[0]
        raise RequestError(message, param=field or unknown or missing or None) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RequestError(f"the body is no JSON: {error}") from None


def make_settings(request: WritingRequest, length: int, **more: Any) -> SamplingConfig:
    """Return the settings of the texts that a request asks for. Raises RequestError for one that is not allowed."""
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if len(stops) > 4:
        raise RequestError("more than four stop strings", param="stop")
    seed = secrets.randbelow(2**32) if request.seed is None else request.seed % 2**32
    given: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
    }
    given |= {"min_p": request.min_p, "repetition_penalty": request.repetition_penalty}
    try:
        return SamplingConfig(
            length=max(length, 1),
            stop=tuple(stops) or None,
            seed=seed,
            **{name: value for name, value in given.items() if value is not None},
            **more,
        )
    except CharloopError as error:
        raise as_request_error(error) from None


def make_penalties(request: WritingRequest) -> Penalties:
    """Return the penalties of a request."""
    return Penalties(request.presence_penalty or 0.0, request.frequency_penalty or 0.0)

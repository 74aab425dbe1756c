"""Tokens as strings, and the log probabilities of tokens in the form of the OpenAI interface."""

from collections.abc import Sequence
from typing import Any

from charloop.data import Vocabulary
from charloop.serving.lane_program import Logs

LEAST = -9999.0
"""What stands for minus infinity, which JSON lacks."""


def name_token(vocabulary: Vocabulary, token: int) -> str:
    r"""Return what a token stands for: a character; of a network of bytes `bytes:\xNN` for a byte beyond ASCII."""
    if token == vocabulary.end_id:
        return "<end>"
    label = vocabulary.label_of(token)
    if label is not None:
        return f"<label {label}>"
    if vocabulary.unit == "byte" and token > 127:
        return f"bytes:\\x{token:02x}"
    return vocabulary.decode([token])


def write_logs(
    vocabulary: Vocabulary, ids: Sequence[int], logs: Logs | None, count: int, offset: int, *, first: bool
) -> dict[str, Any]:
    """Return the object `logprobs` of a completion for tokens that begin at `offset` of its text.

    `first`: the first token has none, as the first of a prompt. `count`: how many of the likeliest are shown; the
    chosen token is shown, too, if it is not among them.
    """
    names = [name_token(vocabulary, token) for token in ids]
    missing = [None] if first and names else []
    offsets = []
    for name in names:
        offsets.append(offset)
        offset += 1 if name.startswith("bytes:") else len(name)
    entries = range(len(names) - len(missing))
    assert logs is not None or not entries
    shown: list[dict[str, float] | None] = []
    for entry in entries:
        assert logs is not None
        pairs = zip(logs.tokens[entry][:count], logs.top[entry][:count], strict=True)
        top = {name_token(vocabulary, int(token)): finite(value) for token, value in pairs}
        shown.append(top | {names[entry + len(missing)]: finite(logs.chosen[entry])} if count else {})
    chosen = [] if logs is None else [finite(value) for value in logs.chosen[: len(entries)]]
    return {
        "tokens": names,
        "token_logprobs": [*missing, *chosen],
        "top_logprobs": [*missing, *shown] if count else None,
        "text_offset": offsets,
    }


def write_chat_logs(
    vocabulary: Vocabulary, ids: Sequence[int], logs: Logs, count: int
) -> list[dict[str, Any]]:
    """Return the list `logprobs.content` of a chat's message."""

    def entry(token: int, value: float) -> dict[str, Any]:
        name = name_token(vocabulary, token)
        raw = [token] if vocabulary.unit == "byte" else list(name.encode("utf-8", "surrogatepass"))
        return {"token": name, "logprob": finite(value), "bytes": raw}

    return [
        entry(int(token), logs.chosen[place])
        | {
            "top_logprobs": [
                entry(int(other), value)
                for other, value in zip(logs.tokens[place][:count], logs.top[place][:count], strict=True)
            ]
        }
        for place, token in enumerate(ids)
    ]


def finite(value: float) -> float:
    """Return a log probability as a number that JSON has."""
    return max(float(value), LEAST)

"""What the OpenAI interface lacks: tokens, the loss of a text, its surprise, and what may come next."""

import math
from typing import Any

import numpy as np
from scipy.special import softmax

from charloop.errors import CharloopError
from charloop.serving.errors import as_request_error
from charloop.serving.jobs import Prompt, read_prompt, score, score_ids
from charloop.serving.limits import Limits
from charloop.serving.requests import TextRequest, TokensRequest
from charloop.serving.texts import NO_IDS
from charloop.serving.tokens import finite, name_token
from charloop.serving.worker import Worker


async def tokenize(worker: Worker, request: TextRequest, limits: Limits) -> dict[str, Any]:
    """Return the tokens of a text. What stands before it is no part of it, so that there are no special tokens."""
    prompt = read_prompt(worker, request.words, None, limits)
    return {"tokens": prompt.ids.tolist(), "count": len(prompt.ids), "max_model_len": limits.max_prompt}


async def detokenize(worker: Worker, request: TokensRequest, _: Limits) -> dict[str, Any]:
    """Return the text of tokens."""
    try:
        text = worker.network.vocabulary.decode(np.array(request.tokens, np.int64))
    except CharloopError as error:
        raise as_request_error(error) from None
    return {"prompt": text, "text": text}


def describe_tokenizer(worker: Worker) -> dict[str, Any]:
    """Return what clients ask of a tokenizer. Texts end with the end symbol of documents, if there is one."""
    vocabulary = worker.network.vocabulary
    end = vocabulary.end_id
    return {
        "name": "charloop",
        "vocab_size": vocabulary.size,
        "unit": vocabulary.unit,
        "eos_token": None if end is None else name_token(vocabulary, end),
        "eos_token_id": end,
        "bos_token": None if end is None else name_token(vocabulary, end),
        "bos_token_id": end,
        "pad_token": None,
        "chat_template": None,
    }


async def measure_text(worker: Worker, request: TextRequest, limits: Limits) -> dict[str, Any]:
    """Return the loss of a text as `charloop eval` has it: a first character counts only if it begins a document."""
    prompt = read_prompt(worker, request.words, request.label, limits)
    chosen = (await score(worker, prompt, limits)).logs.chosen
    if worker.network.vocabulary.end_id is None:
        chosen = chosen[max(0, len(chosen) - len(prompt.ids) + 1) :]
    nats, count = -float(chosen.sum(dtype=np.float64)), len(chosen)
    size = len(prompt.text.encode("utf-8", "surrogateescape"))
    return {
        "model": request.model,
        "tokens": count,
        "nats": nats,
        "nats_per_token": nats / count if count else None,
        "bits_per_token": nats / count / math.log(2) if count else None,
        "bits_per_byte": nats / size / math.log(2) if size else None,
    }


async def measure_surprise(worker: Worker, request: TextRequest, limits: Limits) -> dict[str, Any]:
    """Return the bits of each token of a text: how little the network expected it."""
    prompt = read_prompt(worker, request.words, request.label, limits)
    scored = await score(worker, prompt, limits)
    vocabulary, bits = (
        worker.network.vocabulary,
        [-finite(value) / math.log(2) for value in scored.logs.chosen],
    )
    missing = len(prompt.ids) - len(bits)
    return {
        "model": request.model,
        "tokens": [name_token(vocabulary, token) for token in prompt.ids.tolist()],
        "bits": [None] * missing + bits,
    }


async def predict(worker: Worker, request: TextRequest, limits: Limits) -> dict[str, Any]:
    """Return the likeliest tokens after a text, with the network's own probabilities."""
    prompt = read_prompt(worker, request.words, request.label, limits)
    return {"model": request.model, "next": await list_next(worker, prompt, request.count, limits)}


async def list_next(worker: Worker, prompt: Prompt, count: int, limits: Limits) -> list[dict[str, Any]]:
    """Return the `count` likeliest tokens after a prompt, the likeliest first."""
    scored = await score_ids(worker, prompt.read, NO_IDS, limits)
    shares = softmax(scored.next_logits.astype(np.float64))
    order = np.argsort(-shares, kind="stable")[:count].tolist()
    names = [name_token(worker.network.vocabulary, token) for token in order]
    return [
        {"token": name, "id": token, "probability": float(shares[token])}
        for name, token in zip(names, order, strict=True)
    ]

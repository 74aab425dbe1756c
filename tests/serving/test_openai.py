"""The real client of the OpenAI interface against a real process."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from charloop.trained import load
from exporting.networks import make_network
from serving.servers import Process, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("serve")
    for kind in ("gru", "bytes", "labels"):
        make_network(kind).save(folder / kind)
    with start(
        folder, "gru", "raw=bytes", "labels", "--max-tokens", "5000", "--max-body", "100000"
    ) as server:
        yield server
    log = (folder / "log.txt").read_text()
    assert "Traceback" not in log, log


def test_the_models_have_names(server: Process) -> None:
    assert [model.id for model in server.client().models.list()] == ["gru", "raw", "labels"]
    assert server.client().models.retrieve("raw").id == "raw"


def test_a_completion_is_what_sample_writes(server: Process) -> None:
    answer = server.client().completions.create(model="gru", prompt="abc", max_tokens=70, seed=4)
    network = load(server.folder / "gru")
    assert answer.choices[0].text == network.sample("abc", length=70, seed=4)[0]
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 70)


def test_a_stream_is_the_whole_text(server: Process) -> None:
    client, how = server.client(), {"model": "gru", "prompt": "abc", "max_tokens": 300, "seed": 5, "n": 3}
    whole = client.completions.create(**how)
    texts, reasons, usages = ["", "", ""], [None] * 3, list[Any]()
    for part in client.completions.create(**how, stream=True, stream_options={"include_usage": True}):
        for choice in part.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] = choice.finish_reason
        usages.append(part.usage)
    assert texts == [choice.text for choice in whole.choices]
    assert len(set(texts)) == 3
    assert reasons == ["length"] * 3
    assert [usage is None for usage in usages] == [True] * (len(usages) - 1) + [False]
    assert usages[-1] == whole.usage


@pytest.mark.parametrize("model", ["gru", "raw", "labels"])
def test_the_log_probabilities_of_a_prompt_are_those_of_a_score(server: Process, model: str) -> None:
    """`max_tokens: 1, echo: true, logprobs: 1` is what evaluation harnesses send."""
    text = "abc d\nefg"
    answer = server.client().completions.create(model=model, prompt=text, max_tokens=1, echo=True, logprobs=1)
    (choice,) = answer.choices
    logs = choice.logprobs
    assert logs is not None
    assert logs.tokens is not None
    assert logs.token_logprobs is not None
    assert logs.top_logprobs is not None
    assert choice.text.startswith(text)
    assert len(logs.tokens) == len(logs.token_logprobs) == len(logs.top_logprobs) == len(text) + 1
    assert logs.text_offset == list(range(len(text) + 1))
    assert logs.token_logprobs[0] is None
    network = load(server.folder / {"raw": "bytes"}.get(model, model))
    ids = network.vocabulary.encode(text)
    before = network.opening().ids(network.vocabulary, ids)
    score = network.score(ids, per_character=True, before=before).per_character
    np.testing.assert_allclose(-np.array(logs.token_logprobs[1:-1], float), score, rtol=1e-4, atol=1e-5)
    for token, value, top in zip(
        logs.tokens[1:], logs.token_logprobs[1:], logs.top_logprobs[1:], strict=True
    ):
        assert top is not None
        assert top[token] == value
        assert value is not None
        assert value <= max(top.values())


def test_several_prompts_of_every_kind(server: Process) -> None:
    client, how = server.client(), {"model": "gru", "max_tokens": 30, "seed": 1}
    one = client.completions.create(prompt="abc", **how).choices[0].text
    ids = server.post("/tokenize", {"model": "gru", "prompt": "abc"})[1]["tokens"]
    assert client.completions.create(prompt=ids, **how).choices[0].text == one
    assert client.completions.create(prompt=["abc", "b"], **how).choices[0].text == one
    assert [c.text for c in client.completions.create(prompt=[ids, ids], **how).choices] == [one, one]
    assert server.post("/v1/detokenize", {"model": "gru", "tokens": ids})[1]["prompt"] == "abc"


def test_the_best_of_several_is_the_likeliest(server: Process) -> None:
    how = {"model": "gru", "prompt": "a", "max_tokens": 20, "seed": 2, "logprobs": 0}
    all_ = server.client().completions.create(**how, n=5).choices
    (best,) = server.client().completions.create(**how, n=1, best_of=5).choices

    def mean(choice: Any) -> float:
        return float(np.mean(choice.logprobs.token_logprobs))

    assert best.text == max(all_, key=mean).text
    assert best.logprobs is not None
    assert not any(best.logprobs.top_logprobs or [])


def test_many_clients_at_once_get_what_each_gets_alone(server: Process) -> None:
    async def write(client: openai.AsyncOpenAI, seed: int) -> str:
        stream = await client.completions.create(
            model="gru", prompt="ab", max_tokens=50 + 20 * seed, seed=seed, stream=True
        )
        return "".join([part.choices[0].text async for part in stream])

    async def together() -> list[str]:
        async with openai.AsyncOpenAI(
            base_url=f"{server.address}/v1", api_key="none", max_retries=0
        ) as client:
            return list(await asyncio.gather(*(write(client, seed) for seed in range(20))))

    network = load(server.folder / "gru")
    alone = [network.sample("ab", length=50 + 20 * seed, seed=seed)[0] for seed in range(20)]
    assert asyncio.run(together()) == alone


def test_a_chat_goes_on_where_its_last_message_ends(server: Process) -> None:
    messages: Any = [{"role": "system", "content": "ab"}, {"role": "user", "content": "c"}]
    client, how = server.client(), {"model": "gru", "seed": 3, "max_tokens": 30, "messages": messages}
    answer = client.chat.completions.create(**how, logprobs=True, top_logprobs=2)
    assert (
        answer.choices[0].message.content == load(server.folder / "gru").sample("ab\nc", length=30, seed=3)[0]
    )
    assert answer.choices[0].logprobs is not None
    assert len(answer.choices[0].logprobs.content or []) == 30
    parts = client.chat.completions.create(**how, stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in parts) == answer.choices[0].message.content


def test_a_text_satisfies_its_pattern(server: Process) -> None:
    status, answer = server.post(
        "/v1/completions", {"model": "gru", "prompt": "a", "regex": "[abc]+ d", "seed": 1, "max_tokens": 40}
    )
    assert status == 200
    assert re.fullmatch("[abc]+ d", answer["choices"][0]["text"])


def test_own_paths(server: Process) -> None:
    status, scored = server.post("/score", {"model": "gru", "text": "abc d"})
    network = load(server.folder / "gru")
    assert status == 200
    assert scored["nats_per_token"] == pytest.approx(network.evaluate("abc d").loss, rel=1e-4)
    assert scored["tokens"] == 4
    _, surprise = server.post("/surprise", {"model": "gru", "text": "abc d"})
    assert surprise["tokens"] == list("abc d")
    assert sum(surprise["bits"][1:]) * np.log(2) == pytest.approx(scored["nats"])
    _, following = server.post("/next", {"model": "gru", "text": "abc", "count": 100})
    session = network.session()
    session.read("abc")
    expected = [share for _, share in session.next().likeliest(3)]
    assert [one["probability"] for one in following["next"][:3]] == pytest.approx(expected, rel=1e-4)
    assert sum(one["probability"] for one in following["next"]) == pytest.approx(1)


GOOD = {"model": "gru", "prompt": "a", "max_tokens": 3}
BAD: dict[str, Any] = {
    "model": ["nobody", 5],
    "prompt": ["ζ", [999], ["a", 1], 7, [[-1]], [1.5]],
    "max_tokens": [-1, 0, 5001, "3", 1.5, 10**30],
    "temperature": [-1, "hot", [1], {}],
    "top_p": [0, 1.01, "x"],
    "n": [0, 129, "x"],
    "best_of": [0, 129],
    "stop": [5, ["a"] * 5, "", [""]],
    "seed": ["x", 1.5],
    "stream": ["yes", 1],
    "stream_options": [{"include_usage": True}, 5, {"more": 1}],
    "logprobs": [-1, 21, "x"],
    "echo": [1],
    "logit_bias": [{"x": 1}, {"999": 1}, {"1": 101}, 5],
    "presence_penalty": [2.1, "x"],
    "frequency_penalty": [-2.1],
    "suffix": ["text"],
    "top_k": [-1, "x"],
    "min_p": [2],
    "regex": ["[", "ζ"],
    "novel": [0, 5],
    "label": ["none"],
    "user": [5],
    "tools": [[]],
}


def test_a_mistake_in_each_field_is_named(server: Process) -> None:
    wrong = list[object]()
    for name, values in BAD.items():
        for value in values:
            status, answer = server.post("/v1/completions", GOOD | {name: value})
            error = answer.get("error", {})
            if status not in (400, 404) or error.get("param") != name or not error.get("message"):
                wrong.append((name, value, status, answer))
    assert not wrong


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b"\xff", 400), (b"[" * 99_000, 400), (b" " * 100_001, 413)],
    ids=["empty", "open", "list", "bytes", "deep", "long"],
)
def test_bodies_that_are_no_request(server: Process, body: bytes, status: int) -> None:
    got, answer = server.post("/v1/completions", body)
    assert got == status
    assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_a_client_that_goes_frees_what_it_held(server: Process) -> None:
    body = json.dumps({"model": "gru", "prompt": "a", "max_tokens": 5000, "n": 40, "stream": True}).encode()
    host, _, port = server.address.removeprefix("http://").partition(":")
    for gone in ("at once", "in mid-stream", "with half a body"):
        with socket.create_connection((host, int(port))) as client:
            head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            client.sendall(head + (body[:20] if gone == "with half a body" else body))
            if gone == "in mid-stream":
                client.recv(100)
    deadline = time.monotonic() + 20
    while 'charloop_texts_writing{model="gru"} 0.0' not in server.get("/metrics"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_key_is_asked_for_and_sigterm_finishes_what_is_written(tmp_path: Path) -> None:
    make_network("gru").save(tmp_path / "gru")
    with start(tmp_path, "gru", "--api-key", "s3cret") as server:
        with pytest.raises(openai.AuthenticationError):
            server.client().models.list()
        assert json.loads(server.get("/health")) == {"status": "ok"}
        client = server.client("s3cret")
        stream = client.completions.create(model="gru", prompt="a", max_tokens=3000, seed=1, stream=True)
        text = next(iter(stream)).choices[0].text
        server.process.send_signal(signal.SIGTERM)
        text += "".join(part.choices[0].text for part in stream)
        assert text == load(tmp_path / "gru").sample("a", length=3000, seed=1)[0]
        assert server.process.wait(timeout=60) in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert [line["status"] for line in lines] == [401, 200, 200]
    assert lines[-1]["written"] == 3000


def test_no_more_networks_than_allowed_are_in_memory(tmp_path: Path) -> None:
    kinds = ("gru", "lstm", "rnn")
    for kind in kinds:
        make_network(kind).save(tmp_path / kind)
    with start(tmp_path, *kinds, "--max-loaded", "1", "--lanes", "16") as server:
        texts = {kind: load(tmp_path / kind).sample("a", length=20, seed=1)[0] for kind in kinds}
        for kind in (*kinds, *kinds):
            answer = server.client().completions.create(model=kind, prompt="a", max_tokens=20, seed=1)
            assert answer.choices[0].text == texts[kind]
        assert json.loads(server.get("/ready"))["loaded"] == ["rnn"]
        shutil.rmtree(tmp_path / "gru")
        with pytest.raises(openai.InternalServerError, match="gru cannot be loaded"):
            server.client().completions.create(model="gru", prompt="a")
        shutil.rmtree(tmp_path / "rnn")
        answer = server.client().completions.create(model="rnn", prompt="a", max_tokens=20, seed=1)
        assert answer.choices[0].text == texts["rnn"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "RUN"),
        (["nothing"], "nothing"),
        (["gru", "gru"], "name one"),
        (["gru", "--port", "70000"], "--port"),
        (["gru", "--max-loaded", "0"], "--max-loaded"),
        (["gru", "--host", "no such host"], "--host"),
    ],
    ids=lambda value: "-".join(value) or "none" if isinstance(value, list) else "",
)
def test_mistakes_on_the_command_line(tmp_path: Path, arguments: list[str], part: str) -> None:
    make_network("gru").save(tmp_path / "gru")
    command = [sys.executable, "-m", "charloop", "serve", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert part in done.stderr

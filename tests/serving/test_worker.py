"""What a worker writes depends on the text alone: its prompt, its settings and its seed."""

import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from charloop.errors import CharloopError
from charloop.serving.worker import Worker
from exporting.networks import make_network
from serving.workers import Writing, open_worker

SETTINGS: list[dict[str, Any]] = [
    {},
    {"top_k": 3},
    {"top_p": 0.5},
    {"min_p": 0.2},
    {"temperature": 0.0},
    {"temperature": (0.3, 1.5)},
    {"mode": "words"},
    {"repetition_penalty": 1.5, "repetition_window": 4},
    {"bias": {"a": -2.0}, "forbid": "b"},
    {"stop": ("ab", "ca")},
    {"lines": 2},
]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with open_worker(make_network("gru"), lanes=40) as worker:
        yield worker


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(settings) or "default")
def test_a_text_is_that_of_sample(worker: Worker, settings: dict[str, Any]) -> None:
    written = Writing(worker, "abc", length=90, seed=3, **settings).finish()
    assert written == worker.network.sample("abc", length=90, seed=3, **settings)[0]
    assert written or "stop" in settings


def test_a_text_of_several_of_one_seed(worker: Worker) -> None:
    texts = worker.network.sample("b", length=50, seed=9, num_samples=3)
    assert [Writing(worker, "b", length=50, seed=9, sample=n).finish() for n in range(3)] == texts


@pytest.mark.parametrize("seed", range(3))
def test_texts_do_not_depend_on_who_else_is_there(worker: Worker, seed: int) -> None:
    """They join, leave and are cancelled while others write: more of them than there are lanes."""
    chance = random.Random(seed)
    cases = [
        {
            "prompt": "".join(chance.choices("abcdefg", k=chance.choice((1, 5, 300)))),
            "length": chance.choice((1, 7, 200, 400)),
            "seed": chance.randrange(5),
            **chance.choice(SETTINGS),
        }
        for _ in range(70)
    ]
    alone = [Writing(worker, **case).finish() for case in cases]
    writing = list[Writing]()
    for case in cases:
        writing.append(Writing(worker, **case))
        if chance.random() < 0.3:
            chance.choice(writing).next() if chance.random() < 0.5 else time.sleep(0.002)
        if chance.random() < 0.3:
            other = Writing(worker, "a", length=5000)
            other.work.cancelled = True
    assert [one.finish() for one in writing] == alone


def test_a_cancelled_text_frees_its_lane(worker: Worker) -> None:
    endless = Writing(worker, "a", length=2**31 - 1)
    endless.next()
    endless.work.cancelled = True
    Writing(worker, "b", length=3).finish()
    deadline = time.monotonic() + 20
    while any(worker.load) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.load == (0, 0)


@pytest.mark.parametrize("kind", ["gru", "bytes", "labels"])
def test_log_probabilities_are_those_of_a_score(kind: str) -> None:
    network = make_network(kind)
    with open_worker(network) as worker:
        writing = Writing(worker, "abc", length=40, seed=2, logs=True, top_k=4)
        writing.finish()
    ids = writing.ids
    assert len(ids) > 5
    nats = network.score(np.append(writing.work.prompt, ids), per_character=True).per_character
    assert nats is not None
    chosen = np.concatenate([piece.logs.chosen for piece in writing.pieces if piece.logs is not None])
    np.testing.assert_allclose(-chosen, nats[-len(ids) :], rtol=1e-4, atol=1e-5)
    for piece in writing.pieces:
        assert piece.logs is not None
        assert (np.diff(piece.logs.top) <= 0).all()
        for place, token in enumerate(piece.ids):
            # Clients test whether the chosen token is the likeliest by comparing the numbers.
            where = np.flatnonzero(piece.logs.tokens[place] == token)
            assert len(where) == 1
            assert piece.logs.top[place, where[0]] == piece.logs.chosen[place]


def test_a_document_ends_its_text() -> None:
    network = make_network("documents")
    with open_worker(network) as worker:
        texts = [Writing(worker, "a", length=400, seed=seed) for seed in range(4)]
        written = [text.finish() for text in texts]
    assert written == [network.sample("a", length=400, seed=seed)[0] for seed in range(4)]
    assert any(text.pieces[-1].reason == "stop" for text in texts)
    assert all(network.end_id not in text.ids for text in texts)


def test_an_error_ends_one_text_only(worker: Worker) -> None:
    other = Writing(worker, "a", length=300)
    with pytest.raises(CharloopError, match="forbid leaves no character"):
        Writing(worker, "a", length=300, forbid="".join(worker.network.vocabulary.symbols)).finish()
    assert other.finish() == worker.network.sample("a", length=300)[0]

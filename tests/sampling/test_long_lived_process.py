"""A long-lived process that writes and scores on request."""

import gc
import logging
import os
from pathlib import Path

import jax
import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.sampling.compiled_loop import round_up_batch
from charloop.trained import TrainedModel

SYMBOLS = "abcdefghij \n"


def network() -> TrainedModel:
    model = CharLM.build(ModelConfig(cell="gru", num_layers=1, hidden_size=13, embed_size=5), len(SYMBOLS))
    return TrainedModel(model, model.init(jax.random.key(0)), Vocabulary.of_text(SYMBOLS), {})


def ask(served: TrainedModel, draw: np.random.Generator, num_samples: int) -> None:
    text = "".join(draw.choice(list(SYMBOLS), draw.integers(2, 300)))
    served.sample(text[: draw.integers(1, 40)], length=int(draw.integers(1, 60)), num_samples=num_samples)
    served.evaluate(text)


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_few_sizes_serve_any_number_of_texts() -> None:
    numbers = range(1, 2**16 + 1)
    found = [round_up_batch(number) for number in numbers]
    assert all(number <= size <= 1.5 * number for number, size in zip(numbers, found, strict=True))
    assert len(set(found)) == 32


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is counted on Linux only")
def test_after_a_few_requests_later_ones_compile_nothing_and_use_no_more_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    served, draw = network(), np.random.default_rng(0)
    for _ in range(3):
        for number in (1, 2, 3, 4):
            ask(served, draw, number)
    gc.collect()
    before = resident()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        for number in draw.integers(1, 5, 40):
            ask(served, draw, int(number))
    assert [record.message for record in caplog.records] == []
    gc.collect()
    assert resident() - before < 8 * 2**20

"""The hidden size at which a cell's network has about as many parameters as another: the nearest one, by counting."""

from dataclasses import replace

import pytest

from charloop.cells import CELLS
from charloop.comparison.matching import count_network_parameters, hidden_size_like
from charloop.config import ModelConfig
from charloop.model import CharLM
from choosing import mostly_slow

SMALL_MODEL = ModelConfig(cell="lstm", num_layers=2, hidden_size=9, embed_size=5, unroll="scan")
"""Without kernels: each size would compile one."""


@pytest.mark.parametrize("cell", mostly_slow(CELLS, lambda cell: cell in ("rnn", "gru", "nas")))
@pytest.mark.parametrize("embed", [0, 5])
def test_no_other_size_is_nearer(cell: str, embed: int) -> None:
    like = CharLM.build(replace(SMALL_MODEL, embed_size=embed), 7)
    config = replace(SMALL_MODEL, cell=cell, embed_size=embed)
    counts = {
        n: count_network_parameters(CharLM.build(replace(config, hidden_size=n), 7)) for n in range(1, 40)
    }
    wanted = count_network_parameters(like)
    nearest = min(counts, key=lambda n: abs(counts[n] - wanted))
    assert hidden_size_like(like, config) == nearest
    assert nearest != 9 or cell in ("lstm", "ln-lstm"), "gains are as many as the biases they stand for"


def test_a_network_smaller_than_any_gets_the_smallest() -> None:
    like = CharLM.build(replace(SMALL_MODEL, cell="rnn", hidden_size=1, num_layers=1), 7)
    assert hidden_size_like(like, SMALL_MODEL) == 1

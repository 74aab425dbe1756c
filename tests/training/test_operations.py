"""The multiplications of the compiled step, as XLA counts them: each weight gradient is one product after the loop.

XLA's cost analysis counts a loop's body once, however often it runs. A product over all times that moved back into
the loop would shrink the count by the number of times; one that is made twice would swell it.
"""

from dataclasses import replace

import jax
import numpy as np
import pytest

from bench.settings import SETTINGS
from charloop.config import TrainingConfig
from charloop.devices import make_mesh
from charloop.model import CharLM
from charloop.training.optimizer import make_optimizer
from charloop.training.state import initial_training_state
from charloop.training.step import compile_steps
from choosing import slow

SETTING = SETTINGS["S2"]


def counted(cell: str, unroll: str = "xla") -> float:
    """Operations of one step on one device, in XLA's loop: it cannot look into a kernel."""
    model = CharLM.build(replace(SETTING.model, cell=cell, unroll=unroll), SETTING.vocab_size)
    optimizer = make_optimizer(TrainingConfig(optimizer="adam"))
    state = initial_training_state(model, optimizer, SETTING.batch_size, seed=0)
    text = jax.ShapeDtypeStruct((1, SETTING.seq_length + 1, SETTING.batch_size), np.int32)
    rest = (text, np.zeros(1, np.float32), np.zeros(1, bool), np.int32(1))
    compiled = compile_steps(model, optimizer, make_mesh(1)).lower(state, *rest).compile()
    return float(compiled.cost_analysis()["flops"])


def expected(gates: int) -> int:
    """Two operations for each multiplication of the products, from the shapes."""
    rows, vocab, hidden = SETTING.batch_size, SETTING.vocab_size, SETTING.model.hidden_size
    positions = SETTING.seq_length * rows
    table = 3 * vocab * hidden * gates * hidden
    look_up_gradient = vocab * positions * gates * hidden
    recurrent_gradient = positions * hidden * gates * hidden
    in_the_loops = 2 * rows * hidden * gates * hidden
    readout = 3 * positions * hidden * vocab
    return 2 * (table + look_up_gradient + recurrent_gradient + in_the_loops + readout)


@pytest.mark.parametrize(
    ("cell", "gates"), [("lstm", 4), slow(("rnn", 1)), slow(("gru", 3)), slow(("ln-lstm", 4))]
)
def test_weight_products_stay_out_of_the_loop(cell: str, gates: int) -> None:
    # Gate arithmetic and Adam's update come on top: a few percent.
    assert 1.0 < counted(cell) / expected(gates) < 1.1


def test_the_count_sees_a_product_in_the_loop() -> None:
    assert counted("lstm", "scan") < 0.3 * expected(4)

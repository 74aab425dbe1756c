"""What no form is made of."""

import json
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest

from charloop.exporting import export
from charloop.exporting.facts import gather_facts
from charloop.exporting.quantizing import Cost, spell_difference
from exporting.networks import make_network
from refusing import refused


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_weights_that_are_not_finite_are_refused(bad: str, tmp_path: Path) -> None:
    network = make_network("rnn")
    broken = network.params["readout.bias"].at[2].set(float(bad))
    network = replace(network, params=network.params | {"readout.bias": jnp.asarray(broken)})
    with refused("readout.bias has numbers that are not finite"):
        export(network, "numpy", tmp_path / "made.py")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), None])
def test_a_loss_that_is_not_finite_is_left_out(loss: float | None) -> None:
    """JSON has no such numbers."""
    network = replace(make_network("rnn"), facts={"step": 3, "validation_loss": loss})
    facts = gather_facts(network, "made", Cost(1.0, float("nan"), 10))
    assert {"nats", "bits", "int8_bits"}.isdisjoint(facts)
    json.dumps(facts, allow_nan=False)


def test_the_cost_of_8_bit_weights_is_a_difference() -> None:
    facts = gather_facts(make_network("rnn"), "made", Cost(2.00004, 2.00006, 10))
    assert facts["int8_bits"]["difference"] == pytest.approx(0.00002)
    assert spell_difference(-0.00001) == spell_difference(0.00002) == "+0.0000"

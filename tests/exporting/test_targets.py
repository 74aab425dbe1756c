"""What no form is made of."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import pytest

from charloop.exporting import export
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

"""Every unit's state after every token, whatever the state is, against one time step at a time."""

import numpy as np
import pytest

from analysis.networks import EXAMPLES, nested, network, slowly, tokens
from charloop.analysis import StateUnit, record_units
from charloop.analysis.recording import PIECE
from charloop.errors import CharloopError
from model.small import HIDDEN

LONG = PIECE + 9


def path(state, part: str):
    for name in part.split("."):
        state = state[name]
    return np.asarray(state)[0].reshape(-1)


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        (network(), {"hidden": 7, "cell": 7}),
        (network(cell="gru", unroll="static", num_layers=1), {"hidden": 7}),
        (network(cell=f"{EXAMPLES}/my_cells.py:SkipLSTM"), {"hidden": 7, "cell": 7, "cell_before": 7}),
        (nested(), {"hidden": 7, "memory.slow.pair": 14}),
    ],
)
def test_each_column_is_the_unit_it_is_said_to_be(made, parts: dict[str, int]) -> None:
    text = tokens(LONG)
    recording, states = record_units(made, text), slowly(made, text)[1]
    layers = range(made.model.config.num_layers)
    assert set(recording.units) == {
        StateUnit(n, p, i) for n in layers for p, size in parts.items() for i in range(size)
    }
    assert len(recording.units) == len(set(recording.units))
    assert recording.values.shape == (LONG, len(recording.units))
    for column, unit in enumerate(recording.units):
        expected = [path(state[unit.layer], unit.part)[unit.index] for state in states]
        np.testing.assert_allclose(recording.values[:, column], expected, rtol=1e-4, atol=1e-5)


def test_units_that_remember_differ_from_each_other() -> None:
    values = record_units(network(), tokens(50)).values
    assert np.unique(values[-1]).size == 4 * HIDDEN


def test_one_token_is_enough_and_none_is_not() -> None:
    assert record_units(network(), tokens(1)).values.shape == (1, 4 * HIDDEN)
    with pytest.raises(CharloopError, match="got '0 characters'; allowed: 1 or more"):
        record_units(network(), tokens(0))

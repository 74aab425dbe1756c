"""A cell that breaks its contract is refused in one line, from a program and on the command line."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import pytest

from charloop.cells import CELLS, Cell, make_cell
from charloop.cells.checking import check_cell
from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.model import CharLM

H = 4


@dataclass(frozen=True)
class Sound(Cell):
    """A cell whose state has two parts; each cell below changes one thing."""

    gates = 1
    state_names = ("hidden", "memory")

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        hidden = jnp.tanh(inputs @ params["weight_ih"].T + state["hidden"] @ params["weight_hh"].T)
        return self.give({"hidden": hidden, "memory": state["memory"] + hidden}, hidden)

    def give(self, state: Any, output: Any) -> Any:
        return state, output


@dataclass(frozen=True)
class Wrong(Sound):
    """A cell whose step returns the Python expression given, of the state `s` and the output `o`."""

    returned: str = "s, o"

    def give(self, state: Any, output: Any) -> Any:
        return eval(self.returned, {"jnp": jnp, "s": state, "o": output})


STATE = "{'hidden': float32[1, 4], 'memory': float32[1, 4]}"
OUTPUT = "float32[1, 4]"
PAIR = "a tuple (new state, output)"
WRONG = [
    ("None", "result", "None", PAIR),
    ("o", "result", OUTPUT, PAIR),
    ("[s, o]", "result", f"[{STATE}, {OUTPUT}]", PAIR),
    ("(s, o, o)", "result", f"({STATE}, {OUTPUT}, {OUTPUT})", PAIR),
    ("(o, s)", "new state", OUTPUT, STATE),
    ("({'hidden': o}, o)", "new state", "{'hidden': float32[1, 4]}", STATE),
    ("(s | {'x': o}, o)", "new state", STATE[:-1] + ", 'x': float32[1, 4]}", STATE),
    ("((o, o), o)", "new state", f"({OUTPUT}, {OUTPUT})", STATE),
    ("(s | {'memory': o.sum()}, o)", "new state", STATE[:-7] + "[]}", STATE),
    ("(s | {'memory': o.T}, o)", "new state", STATE[:-7] + "[4, 1]}", STATE),
    ("(s | {'memory': o > 0}, o)", "new state", STATE.replace("y': float32", "y': bool"), STATE),
    ("(s, None)", "output", "None", OUTPUT),
    ("(s, s)", "output", STATE, OUTPUT),
    ("(s, o.T)", "output", "float32[4, 1]", OUTPUT),
    ("(s, o[..., None])", "output", "float32[1, 4, 1]", OUTPUT),
    ("(s, o[..., :2])", "output", "float32[1, 2]", OUTPUT),
    ("(s, o.astype(jnp.bfloat16))", "output", "bfloat16[1, 4]", OUTPUT),
    ("(s, o.sum(0))", "output", "float32[4]", OUTPUT),
    ("(s, jnp.zeros((1, 4)))", "output", "float32[1, 4]", "float32[2, 4]"),
]  # fmt: skip
"""What a step returns instead of its state and output, which part is wrong, what was got, what is expected."""


@pytest.mark.parametrize(("returned", "part", "came", "wanted"), WRONG)
def test_the_error_shows_what_a_step_returned_and_what_was_expected(
    returned: str, part: str, came: str, wanted: str
) -> None:
    with pytest.raises(CharloopError) as raised:
        check_cell(Wrong(H, returned))
    expected = f"Wrong.step: wrong {part}: got {came}; allowed: {wanted}; see docs/extending.md"
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    "cell", [*(make_cell(CELLS, name, H) for name in CELLS), Sound(H), Sound(1), Sound(2)]
)
def test_sound_cells_pass(cell: Cell) -> None:
    check_cell(cell)


@dataclass(frozen=True)
class Raising(Sound):
    """A cell whose step reads a missing part of the state."""

    def give(self, state: Any, output: Any) -> Any:
        return state["cell"], output


@dataclass(frozen=True)
class BadStart(Sound):
    """A cell whose state has no batch axis."""

    def initial_state(self, batch_size: int) -> Any:  # noqa: ARG002
        return {"hidden": jnp.zeros(self.hidden_size)}


@dataclass(frozen=True)
class BadInit(Sound):
    """A cell whose parameters are a list."""

    def init(self, key: Any, input_size: int) -> Any:  # noqa: ARG002
        return [jnp.zeros((self.hidden_size, input_size))]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Raising, r"^Raising.step raises KeyError: 'cell' \(.*test_checking.py, line \d+\)$"),
        (BadStart, r"^BadStart.initial_state: wrong result: got .*float32\[4\]\}; allowed: arrays that begin"),
        (BadInit, r"^BadInit.init: wrong result: got \[float32\[4, 7\]\]; allowed: a dictionary of arrays"),
    ],
)  # fmt: skip
def test_a_network_of_a_wrong_cell_is_not_built(cell: type[Cell], message: str) -> None:
    with pytest.raises(CharloopError, match=message) as error:
        CharLM.build(ModelConfig(cell=cell, hidden_size=H), 5)
    if cell is Raising:
        assert isinstance(error.value.__cause__, KeyError)

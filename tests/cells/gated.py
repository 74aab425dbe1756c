"""Cells whose tests concern only what follows the two usual products."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from charloop.cells import Cell, linear


@dataclass(frozen=True)
class GatedCell(Cell):
    """A cell of `W x + b` and `R h + b`, and what `combine` computes from them."""

    @abstractmethod
    def combine(self, params: Any, from_input: Any, from_state: Any, state: Any) -> Any: ...

    def step(self, params: Any, inputs: Any, state: Any) -> Any:
        from_state = linear(params, "hh", state["hidden"])
        return self.combine(params, linear(params, "ih", inputs), from_state, state)

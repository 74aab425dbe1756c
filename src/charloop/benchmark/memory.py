"""What a training step holds while it runs, beside what its backward pass has to be handed."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax

from charloop.benchmark.unrolling import Setting, Step
from charloop.devices import choose_devices
from charloop.engines import partition_cell
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.unroll import choose_unrolling

FLOAT = 4
"""Bytes of a float32."""


@dataclass(frozen=True)
class Memory:
    """Bytes of one step, all devices together."""

    unrolling: str
    needed: int
    """What no backward pass can do without, see `needed_bytes`."""
    working: int
    """The most that the compiled step holds at a time beside what goes in and out of it."""
    state: int
    """Weights, moments, memory and text: what goes in, and comes out in its place."""

    @property
    def ratio(self) -> float:
        """1 is the least there can be."""
        return self.working / self.needed


def measure_memory(setting: Setting, unrollings: Sequence[str]) -> list[Memory]:
    """Compile the step that training would run, and read what XLA reserved for it. Nothing runs.

    An unrolling that cannot run the cell is left out. Raises CharloopError where the platform does not tell.
    """
    cell = CharLM.build(setting.model, setting.vocab_size).cell
    fitting = [name for name in unrollings if choose_unrolling(name, cell)[0] == name]
    devices, needed = choose_devices(setting.batch_size), needed_bytes(setting)
    found = []
    for name in fitting:
        report = Step(setting, name).lower().compile().memory_analysis()
        if report is None:
            raise CharloopError(
                "this platform does not tell what memory a program reserves", got=jax.default_backend()
            )
        working, state = report.temp_size_in_bytes, report.argument_size_in_bytes
        found.append(Memory(name, needed, devices * working, devices * state))
    return found


def needed_bytes(setting: Setting) -> int:
    """Residuals: at each place the results of a layer's products, its state, and the logits.

    From these the backward pass makes all else without a product of the forward pass made twice. A product that is
    only added to one of the input is kept as their sum. Outputs are counted as part of the state that they are.
    """
    model = CharLM.build(setting.model, setting.vocab_size)
    parts = partition_cell(model.cell)
    alone = (s for s, merged in zip(parts.sources, parts.is_merged, strict=True) if s and not merged)
    kept = [parts.shapes[product.result].size for product in (*parts.products, *alone)]
    layer = sum(kept) + sum(leaf.size for leaf in jax.tree.leaves(model.cell.initial_state(1)))
    places = setting.seq_length * setting.batch_size
    total: int = FLOAT * places * (setting.model.num_layers * layer + setting.vocab_size)
    return total

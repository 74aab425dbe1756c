"""The cells under test: every registered cell, and the options and user-defined cells listed here."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cells.oracle import EQUATIONS
from charloop.cells import CELLS, Cell, make_cell
from charloop.unroll import UNROLLINGS

EXAMPLES = Path(__file__).parents[2] / "examples"
HIDDEN = 7


@dataclass(frozen=True)
class Case:
    """A cell, by the name and options that a user types."""

    cell: str
    options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return " ".join([self.cell.rpartition(":")[2], *self.options])

    @property
    def equations(self):
        """The cell's step in NumPy."""
        assert self.label in EQUATIONS, f"write the equations of {self.label!r} into tests/cells/oracle.py"
        return EQUATIONS[self.label]

    @cache  # noqa: B019
    def build(self, hidden_size: int = HIDDEN) -> Cell:
        return make_cell(CELLS, self.cell, hidden_size, self.options)


class Run(NamedTuple):
    """A cell with an unrolling."""

    case: Case
    unrolling: str

    @property
    def label(self) -> str:
        return f"{self.case.label}-{self.unrolling}"


VARIANTS = (
    Case("gru", ("reset_after=false",)),
    Case("lstm", ("cap_input=true",)),
    Case("ln-lstm", ("normalize_cell=true",)),
    Case(f"{EXAMPLES / 'my_cells.py'}:SkipLSTM"),
    Case(f"{EXAMPLES / 'my_cells.py'}:MultiplicativeLSTM"),
)
CASES = (*map(Case, CELLS), *VARIANTS)
RUNS = tuple(Run(case, name) for case in CASES for name in UNROLLINGS)


def is_quick(run: Run) -> bool:
    """Every cell by its kernel and by the plain loop; XLA's loop for a few; JAX's other two for one."""
    if run.unrolling == "xla":
        return run.case in (Case("lstm"), Case("gru"), *VARIANTS[-2:])
    return run.unrolling in ("fused", "static") or run.case == Case("lstm")

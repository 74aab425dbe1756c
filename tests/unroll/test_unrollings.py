"""Which unrolling runs a cell: the registry, and what becomes of a cell that does not fit."""

import jax
import jax.numpy as jnp
import pytest

from cells.runs import SMALL, arguments
from cells.table import CASES, FUSING
from charloop.errors import CharloopError
from charloop.unroll import UNROLLINGS, Lookup, features, find_unrolling, fitting_unrolling, fused

NOT_FUSING = [case for case in CASES if case not in FUSING]


@pytest.mark.parametrize("name", UNROLLINGS)
@pytest.mark.parametrize("case", FUSING, ids=lambda case: case.label)
def test_a_tick_runs_as_asked(case, name):
    assert fitting_unrolling(name, case.build()) == (name, None)


@pytest.mark.parametrize("case", NOT_FUSING, ids=lambda case: case.label)
def test_a_step_asked_to_fuse_is_scanned_and_told_why(case):
    for asked in ("fused", "xla"):
        name, why = fitting_unrolling(asked, case.build())
        assert name == "scan"
        assert type(case.build()).__name__ in why
        assert f"{asked} needs a tick" in why
    for other in UNROLLINGS.keys() - {"fused", "xla"}:
        assert fitting_unrolling(other, case.build()) == (other, None)


def test_there_are_cells_that_do_not_fuse():
    assert {"gru reset_after=false", "MultiplicativeLSTM"} <= {case.label for case in NOT_FUSING}


@pytest.mark.parametrize("case", NOT_FUSING, ids=lambda case: case.label)
def test_fused_itself_does_not_run_a_step(case):
    given, _ = jax.tree.map(jnp.asarray, arguments(case, SMALL))
    with pytest.raises(Exception, match="TickCell"):
        fused(case.build(), given["layers"][0], given["source"], given["states"][0])


@pytest.mark.parametrize("ask", [find_unrolling, lambda name: fitting_unrolling(name, CASES[0].build())])
def test_an_unknown_unrolling_is_refused_with_the_nearest(ask):
    with pytest.raises(CharloopError, match=r"unknown unrolling: got 'fussed'.*did you mean 'fused'"):
        ask("fussed")


def test_a_lookup_becomes_its_rows():
    table, characters = jnp.arange(6.0).reshape(3, 2), jnp.array([[2, 0]])
    assert features(Lookup(table, characters)).tolist() == [[[4.0, 5.0], [0.0, 1.0]]]
    inputs = jnp.ones((1, 2, 3))
    assert features(inputs) is inputs

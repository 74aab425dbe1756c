"""Flags and prompts of every kind, by hypothesis: what fails is shown as short as it can be made."""

import os

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fuzz.command_lines import lines, prompts
from fuzz.oracle import Case, examine
from fuzz.sandbox import Sandbox
from fuzz.test_mutations import SEED
from fuzz.worker import Worker

FEW, MANY, PART = 20, {"lines": 4_000, "prompts": 2_000}, 500
KINDS = {"lines": lines, "prompts": prompts}


def search(worker: Worker, sandbox: Sandbox, kind: str, count: int, chosen: str | None) -> None:
    """Have hypothesis make `count` cases: always the same, or by a seed."""

    @settings(
        max_examples=count,
        derandomize=chosen is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def examined(data: st.DataObject) -> None:
        argv = data.draw(KINDS[kind](sandbox))
        # Nothing that hypothesis makes may write but the tokens of what it names.
        assert examine(worker, sandbox, Case(argv, large=True)) == ""

    (examined if chosen is None else seed(chosen)(examined))()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fixed_few(kind: str, worker: Worker, sandbox: Sandbox) -> None:
    search(worker, sandbox, kind, FEW, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "part"), [(kind, part) for kind, count in MANY.items() for part in range(count // PART)]
)
def test_thousands(kind: str, part: int, worker: Worker, sandbox: Sandbox) -> None:
    print(
        f"{PART} {kind}, part {part}, seed {SEED}: CHARLOOP_FUZZ_SEED={os.environ.get('CHARLOOP_FUZZ_SEED', SEED)}"
    )
    search(worker, sandbox, kind, PART, f"{SEED}/{part}")

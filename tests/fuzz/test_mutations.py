"""Mutated run folders, texts and settings: a fixed hundred each time, tens of thousands in the slow suite.

The slow suite's seed is $CHARLOOP_FUZZ_SEED, or one of the day; it is printed. One case alone, to look at it:
`CHARLOOP_FUZZ_CASE=folders/SEED/NUMBER pytest tests/fuzz -k one_case`.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import folders, settings, texts
from fuzz.oracle import Case, examine
from fuzz.sandbox import Sandbox
from fuzz.worker import Worker

KINDS: dict[str, Callable[[Sandbox, random.Random], Case]] = {
    "folders": folders.make,
    "texts": texts.make,
    "settings": settings.make,
}
FEW, MANY = (
    {"folders": 60, "texts": 30, "settings": 30},
    {"folders": 10_000, "texts": 4_000, "settings": 4_000},
)
PART = 500
"""Cases of one test. A failure shows some cases of one part; the other parts continue."""
SHOWN = 5
SEED = os.environ.get("CHARLOOP_FUZZ_SEED", time.strftime("%Y%m%d"))


def failures(worker: Worker, sandbox: Sandbox, kind: str, seed: str, numbers: range) -> list[str]:
    """Return what is wrong with the cases of these numbers, each with the way to repeat it."""
    found = []
    for number in numbers:
        sandbox.reset()
        case = KINDS[kind](sandbox, random.Random(f"{kind}/{seed}/{number}"))
        fault = examine(worker, sandbox, case)
        if fault:
            found.append(f"CHARLOOP_FUZZ_CASE={kind}/{seed}/{number}\n{fault}")
    return found


def describe(found: list[str]) -> str:
    return "\n\n".join([f"{len(found)} cases failed", *found[:SHOWN]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_fixed_few(kind: str, worker: Worker, sandbox: Sandbox) -> None:
    found = failures(worker, sandbox, kind, "fixed", range(FEW[kind]))
    assert not found, describe(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "start"), [(kind, start) for kind, count in MANY.items() for start in range(0, count, PART)]
)
def test_tens_of_thousands(kind: str, start: int, worker: Worker, sandbox: Sandbox) -> None:
    begun = time.monotonic()
    found = failures(worker, sandbox, kind, SEED, range(start, start + PART))
    print(
        f"{PART} {kind} from {start}, seed {SEED}: {time.monotonic() - begun:.0f} s, {worker.starts} processes"
    )
    assert not found, describe(found)


def test_one_case(worker: Worker, sandbox: Sandbox) -> None:
    asked = os.environ.get("CHARLOOP_FUZZ_CASE")
    if not asked:
        pytest.skip("no case is named in CHARLOOP_FUZZ_CASE")
    kind, seed, number = asked.split("/")
    found = failures(worker, sandbox, kind, seed, range(int(number), int(number) + 1))
    print(f"the case is in {sandbox.box}")
    assert not found, describe(found)


def test_a_case_is_the_same_each_time(sandbox: Sandbox) -> None:
    """Otherwise a failure could not be repeated."""
    for kind, make in KINDS.items():
        first = make(sandbox, random.Random(f"{kind}/fixed/1"))
        sandbox.reset()
        assert make(sandbox, random.Random(f"{kind}/fixed/1")) == first


def test_intact_input_is_not_a_fault(worker: Worker, sandbox: Sandbox) -> None:
    """The oracle finds nothing where nothing is wrong, and every command succeeds."""
    run = str(sandbox.run)
    for argv, writes in (
        (["info", run], ()),
        (["sample", run, "--length", "5"], ()),
        (["eval", run, str(sandbox.book)], ()),
        (["compare", run, run], ()),
        (["plot", run, "-o", "curves.svg"], ("work/curves.svg",)),
        (["report", run, "--text", "the fox", "-o", "page.html"], ("work/page.html",)),
        (["train", "--resume", run, "--steps", "17"], ("run",)),
        (["train", str(sandbox.book), "--preset", "tiny", "--steps", "1", "--output", "new"], ("work/new",)),
    ):
        assert examine(worker, sandbox, Case(argv, writes=writes)) == ""
        assert worker.run([argv[0], "--help"], Path(sandbox.work)).code == 0

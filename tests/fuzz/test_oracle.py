"""The oracle sees each of the faults that it is there for, in commands that run as all do."""

import signal
from pathlib import Path

import pytest

from fuzz.oracle import Case, examine, faults_of, trespasses
from fuzz.sandbox import Sandbox, changed, prints
from fuzz.worker import Outcome, Worker

LINE = "charloop: --steps: got 0; allowed: a whole number >= 1\n"


@pytest.mark.parametrize(
    ("err", "fault"),
    [
        ("", "no content"),
        ("charloop: \n", "no content"),
        ("usage: charloop\n", "no content"),
        (LINE + LINE, "not one line"),
        (LINE.strip(), "not one line"),
        ("Traceback (most recent call last):\n" + LINE, "not one line"),
        ("charloop: config.json is damaged (KeyError: 3)\n", "Python's insides"),
        ("charloop: config.json holds <object object at 0x7f00>\n", "Python's insides"),
        ("charloop: no such file: \x1b[2J\n", "terminal"),
    ],
)
def test_a_refusal_that_is_not_one_error_line(err: str, fault: str) -> None:
    assert fault in " ".join(faults_of(Outcome(2, err=err), Case(["info"])))
    assert faults_of(Outcome(2, err=LINE), Case(["info"])) == []


def test_what_is_said_though_it_went_well() -> None:
    assert faults_of(Outcome(0, err="warning: x\n"), Case(["info"])) != []
    assert faults_of(Outcome(0, err="note: a checkpoint is damaged\n"), Case(["info"])) == []
    assert faults_of(Outcome(0, native="E0000 of C++"), Case(["info"])) != []
    assert faults_of(Outcome(1), Case(["info"])) != []
    assert faults_of(Outcome(1), Case(["verify"], codes=(1,))) == []


def test_memory_is_asked_for_by_large_cases_only() -> None:
    refused = Outcome(2, err="charloop: not enough memory; lower --hidden-size\n", grown=1 << 31)
    assert faults_of(refused, Case(["train"], large=True)) == []
    assert len(faults_of(refused, Case(["train"]))) == 2
    assert faults_of(Outcome(0, grown=1 << 31), Case(["train"], large=True)) != []


def test_only_what_went_well_may_write_and_only_where_it_should(sandbox: Sandbox) -> None:
    before = prints(sandbox.box)
    (sandbox.run / "config.json").write_text("{}")
    (sandbox.outside / "victim.txt").write_text("mine")
    (sandbox.work / "new").mkdir()
    touched = changed(before, prints(sandbox.box))
    assert touched == ["outside/victim.txt", "run/config.json", "work/new"]
    assert trespasses(Outcome(0), touched, ("run", "work", "outside")) == []
    assert trespasses(Outcome(0), touched, ("run", "work")) == ["it changed outside/victim.txt"]
    assert trespasses(Outcome(2), touched, ("run", "work", "outside")) != []


def test_a_time_that_changed_is_a_change(sandbox: Sandbox) -> None:
    before = prints(sandbox.box)
    content = sandbox.book.read_bytes()
    sandbox.book.write_bytes(content)
    assert changed(before, prints(sandbox.box)) == ["texts/book.txt"]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory):
    """A worker of its own, to be mistreated."""
    with Worker(tmp_path_factory.mktemp("impatient"), patience=5) as made:
        yield made


def test_a_command_that_fails_in_every_way(impatient: Worker, tmp_path: Path) -> None:
    def run(name: str, *argv: str) -> Outcome:
        return impatient.run(argv, tmp_path, function=f"fuzz.warmth:{name}")

    assert run("raise_error").code == 1
    assert "ZeroDivisionError" in run("raise_error").err
    assert run("eat").grown > 500 << 20
    assert run("die").code == -signal.SIGABRT
    assert run("hang").code is None
    assert impatient.run(["--version"], tmp_path).code == 0, "it is there again"
    assert impatient.starts == 3


def test_a_command_that_writes_where_it_should_not(
    impatient: Worker, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = impatient.run
    monkeypatch.setattr(impatient, "run", lambda *a: run(*a, function="fuzz.warmth:write"))
    fault = examine(impatient, sandbox, Case([str(sandbox.outside / "victim.txt")], writes=("run",)))
    assert fault.startswith("it changed outside/victim.txt")

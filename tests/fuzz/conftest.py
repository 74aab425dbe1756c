"""A worker and a sandbox with a trained run in it, for all cases of a session."""

import shutil
from collections.abc import Iterator

import pytest

from cli.commands import BRIEF
from cli.conftest import text_of
from fuzz.sandbox import Sandbox, remove
from fuzz.worker import Worker


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The process that runs the commands, without a memory limit yet."""
    with Worker(tmp_path_factory.mktemp("worker")) as made:
        yield made


@pytest.fixture(scope="session")
def pristine(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox at the beginning. All that its run needs is compiled."""
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox = Sandbox(folder / "box", folder / "pristine")
    for folder_of_sandbox in (sandbox.work, sandbox.outside, sandbox.book.parent):
        folder_of_sandbox.mkdir(parents=True)
    sandbox.book.write_text(text_of(100))
    (sandbox.outside / "victim.txt").write_text("not yours\n")
    train(worker, sandbox)
    sandbox.keep()
    warm(worker, sandbox)
    worker.bound()
    yield sandbox
    remove(folder)


@pytest.fixture
def sandbox(pristine: Sandbox) -> Sandbox:
    """The sandbox as it was at the beginning."""
    pristine.reset()
    return pristine


def train(worker: Worker, sandbox: Sandbox) -> None:
    """Train the run that is spoiled later: twice, so that it has all that a run can have."""
    flags = (*BRIEF, "--sample-every", "1", "--save-every", "4")
    run = str(sandbox.run)
    for argv in (
        ["train", str(sandbox.book), *flags, "--steps", "12", "--output", run],
        ["train", "--resume", run, "--steps", "16"],
    ):
        outcome = worker.run(argv, sandbox.work)
        assert (outcome.code, outcome.err) == (0, ""), outcome


def warm(worker: Worker, sandbox: Sandbox) -> None:
    """Let every command compile what it needs."""
    run = str(sandbox.run)
    for argv in (
        ["sample", run, "--length", "5"],
        ["eval", run],
        ["eval", run, "--text", "the fox"],
        ["info", run],
        ["verify", run],
    ):
        assert worker.run(argv, sandbox.work).code == 0
    assert worker.run(["train", "--resume", run, "--steps", "17"], sandbox.work).code == 0
    shutil.rmtree(sandbox.box)

"""Commands run as a person runs them, in a process of their own or, if that tests the same, in this one."""

import contextlib
import hashlib
import io
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from charloop.cli import main as command_line
from charloop.cli.main import dispatch, main
from charloop.errors import CharloopError, shown

SMALL_RUN = (
    "--preset",
    "tiny",
    "--hidden-size",
    "12",
    "--embed-size",
    "6",
    "--batch-size",
    "4",
    "--seq-length",
    "16",
)
ENDLESS = (*SMALL_RUN, "--eval-every", "8", "--steps-per-call", "4", "--warmup-steps", "4")
BRIEF = (*ENDLESS, "--steps", "16")
"""Flags of a run that takes a second, or less if the process has compiled its program before: a text with the letters
of `WORDS` and the same sizes make the same program, whatever the seed and the budget."""
WITHOUT_OPTIONAL_LIBRARIES = "; ".join(
    ["import sys", *(f"sys.modules['{name}'] = None" for name in ("matplotlib", "tensorboardX", "wandb"))]
)
"""Python that makes the imports of its process fail, for these libraries."""


def program(*arguments: str, first: str = "") -> list[str]:
    """The command line of `charloop ARGUMENTS`, in a Python that does `first` at first."""
    return [sys.executable, "-c", f"{first}\nfrom charloop.cli.main import run; run()", *arguments]


@dataclass(frozen=True)
class Outcome:
    """What a command left on the screen."""

    code: int
    out: str
    err: str
    error: CharloopError | None = field(default=None, compare=False)
    """What `call` found `main` to print as its one line."""


def process(*arguments: str, stdin: str | bytes = b"", first: str = "", **options: Any) -> Outcome:
    """`charloop ARGUMENTS` as a program."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        program(*arguments, first=first), input=given, capture_output=True, timeout=300, **options
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


class SilentTerminal(io.BytesIO):
    """Standard input of a person who waits: reading it fails the test instead of waiting for ever."""

    def isatty(self) -> bool:
        return True

    def read(self, _: int | None = -1) -> bytes:
        raise AssertionError("waits for keys")


def call(*arguments: str, stdin: str | bytes | SilentTerminal = b"") -> Outcome:
    """The same in this process."""
    caught: list[CharloopError] = []

    def run(arguments: list[str]) -> int:
        try:
            return dispatch(arguments)
        except CharloopError as error:
            caught.append(error)
            raise

    out, err = io.StringIO(), io.StringIO()
    content = stdin.encode() if isinstance(stdin, str) else stdin
    given = io.TextIOWrapper(
        io.BufferedReader(io.BytesIO(content) if isinstance(content, bytes) else content)
    )
    before, sys.stdin = sys.stdin, given
    try:
        with (
            patch.object(command_line, "dispatch", run),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdin = before
    return Outcome(code, out.getvalue(), err.getvalue(), *caught)


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let this process write no file of more than `size` bytes: a longer one raises OSError, as on a full disk."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


Runner = Callable[..., Outcome]


def done(outcome: Outcome) -> str:
    """What a command wrote that went well."""
    said = [
        line
        for line in outcome.err.splitlines()
        if not re.match(r"note: (read from |--seed |.* ends? in a loop)", line)
    ]
    assert (outcome.code, said) == (0, [])
    return outcome.out


def refused(outcome: Outcome, out: str = "") -> str:
    """The one line of a command that was refused: exit code 2, nothing else on the screen but `out`."""
    assert outcome.code == 2, outcome
    assert outcome.err.startswith("charloop: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.endswith("\n")
    assert outcome.out.startswith(out) if out else outcome.out == ""
    return outcome.err.removeprefix("charloop: ").rstrip("\n")


def assert_refused(
    outcome: Outcome,
    what: str,
    got: object = None,
    allowed: str | None = None,
    do: str = "",
    *,
    out: str = "",
) -> None:
    """Assert that `call` was refused with an error that has these fields; of `what` and `do`, a part is enough."""
    refused(outcome, out)
    error = outcome.error
    assert error is not None
    assert what in error.what, vars(error)
    assert (shown(error.got), error.allowed) == (shown(got), allowed), vars(error)
    assert do in (error.do or ""), vars(error)


def without_controls(written: str) -> str:
    """Return what a terminal shows: no control sequences, line ends as in a file."""
    return re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", written).replace("\r\n", "\n")


def prints(path: Path) -> dict[str, str]:
    """Return the content of a folder or a file: each name with a hash of its content."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {
        os.path.relpath(one, path.parent): hashlib.sha256(one.read_bytes()).hexdigest()
        if one.is_file()
        else ""
        for one in found
    }

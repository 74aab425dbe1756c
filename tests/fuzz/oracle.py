"""The judge: what a case may lead to. All else is a defect."""

import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.sandbox import Sandbox, changed, prints
from fuzz.worker import Outcome, Worker

ALLOWED_GROWTH = 400 << 20
"""Bytes of memory beyond those before the command, including the programs that JAX compiles."""
RAW = re.compile(r"Traceback|\b[A-Z]\w*(?:Error|Exception|Warning)\b|<[\w.]+ object at 0x|\bNoneType\b")
"""Words of Python's that a person should not have to read."""
NO_MEMORY = "charloop: not enough memory"
BEGUN = "continues after step"


@dataclass
class Case:
    """A command line, and what was done to its input."""

    argv: list[str]
    done: list[str] = field(default_factory=list)
    """What was done, for whoever has to find out why the case failed."""
    stdin: bytes = b""
    writes: tuple[str, ...] = ()
    """Names in the sandbox that may be written."""
    codes: tuple[int, ...] = ()
    """Exit codes that are allowed beside 0 and 2."""
    large: bool = False
    """Whether the command may ask for more memory than there is."""

    def describe(self) -> str:
        """Return the case in words."""
        return "\n".join(
            [*self.done, f"charloop {shlex.join(self.argv)}", f"standard input: {self.stdin[:200]!r}"]
        )


def examine(worker: Worker, sandbox: Sandbox, case: Case) -> str:
    """Run the case; return what is wrong with the outcome, or nothing."""
    before = prints(sandbox.box)
    outcome = worker.run(case.argv, sandbox.work, case.stdin)
    touched = changed(before, prints(sandbox.box))
    faults = [*faults_of(outcome, case), *trespasses(outcome, touched, case.writes)]
    return "\n".join([*faults, case.describe(), f"{outcome}"]) if faults else ""


def faults_of(outcome: Outcome, case: Case) -> list[str]:
    """Return what is wrong with how a command ended."""
    if outcome.code is None:
        return ["it hangs"]
    if outcome.code not in (0, 2, *case.codes):
        return [f"it ended with {outcome.code}"]
    faults = [f"it wrote past Python: {outcome.native}"] if outcome.native else []
    no_memory = outcome.err.startswith(NO_MEMORY)
    if outcome.grown > ALLOWED_GROWTH and not (case.large and no_memory):
        faults.append(f"it took {outcome.grown >> 20} MB")
    if no_memory and not case.large:
        faults.append("it asked for more memory than there is")
    return [*faults, *faults_of_line(outcome)]


def faults_of_line(outcome: Outcome) -> list[str]:
    """Return what is wrong with standard error."""
    if outcome.code != 2:
        notes = all(line.startswith("note: ") for line in outcome.err.splitlines())
        return [] if notes and not RAW.search(outcome.err) else [f"it went well, but said: {outcome.err}"]
    line = outcome.err.removeprefix("charloop: ")
    faults = [] if outcome.err.startswith("charloop: ") and line.strip() else ["its line has no content"]
    if not outcome.err.endswith("\n") or len(outcome.err.splitlines()) != 1:
        faults.append("it is not one line")
    if any(unicodedata.category(character) == "Cc" for character in line.rstrip("\n")):
        faults.append("a terminal would obey the line")
    # Words of the input are quoted; words of Python are not.
    if RAW.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", line)):
        faults.append("the line speaks of Python's insides")
    return faults


def trespasses(outcome: Outcome, touched: Sequence[str], writes: Sequence[str]) -> list[str]:
    """Return what was changed wrongly: all but `writes`, and these too if the command was refused."""
    begun = outcome.code != 2 or BEGUN in outcome.out or "\nstep " in outcome.out
    # The lock is taken before the run is read.
    allowed = writes if begun else tuple(f"{path}/.lock" for path in writes)
    bad = [name for name in touched if not any(Path(name).is_relative_to(path) for path in allowed)]
    return [f"it changed {', '.join(bad)}"] if bad else []

"""What may come of a case, whatever it is; all else is a defect."""

import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.sandbox import Sandbox, changed, prints
from fuzz.worker import Outcome, Worker

ALLOWED_GROWTH = 400 << 20
"""Bytes of memory above those before, programs that JAX compiles on the way among them."""
RAW = re.compile(r"Traceback|\b[A-Z]\w*(?:Error|Exception|Warning)\b|<[\w.]+ object at 0x|\bNoneType\b")
"""What Python says and a person should not have to read."""
NO_MEMORY = "charloop: not enough memory"
BEGUN = "going on after step"


@dataclass
class Case:
    """A command line, and what was done to its input."""

    argv: list[str]
    done: list[str] = field(default_factory=list)
    """In words, for whoever has to find out why it failed."""
    stdin: bytes = b""
    writes: tuple[str, ...] = ()
    """Under which names in the sandbox something may be written."""
    codes: tuple[int, ...] = ()
    """What else it may end with."""
    large: bool = False
    """Whether more memory may be asked for than there is."""

    def told(self) -> str:
        """The case for a person."""
        return "\n".join(
            [*self.done, f"charloop {shlex.join(self.argv)}", f"standard input: {self.stdin[:200]!r}"]
        )


def examine(worker: Worker, sandbox: Sandbox, case: Case) -> str:
    """Run the case; what is wrong with what came of it, or nothing."""
    before = prints(sandbox.box)
    outcome = worker.run(case.argv, sandbox.work, case.stdin)
    touched = changed(before, prints(sandbox.box))
    faults = [*faults_of(outcome, case), *trespasses(outcome, touched, case.writes)]
    return "\n".join([*faults, case.told(), f"{outcome}"]) if faults else ""


def faults_of(outcome: Outcome, case: Case) -> list[str]:
    """What is wrong with how a command ended."""
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
    """What is wrong with what stands on standard error."""
    if outcome.code != 2:
        notes = all(line.startswith("note: ") for line in outcome.err.splitlines())
        return [] if notes and not RAW.search(outcome.err) else [f"it went well, but said: {outcome.err}"]
    line = outcome.err.removeprefix("charloop: ")
    faults = [] if outcome.err.startswith("charloop: ") and line.strip() else ["its line has no content"]
    if not outcome.err.endswith("\n") or len(outcome.err.splitlines()) != 1:
        faults.append("it is not one line")
    if any(unicodedata.category(character) == "Cc" for character in line.rstrip("\n")):
        faults.append("a terminal would obey the line")
    # What the input says is quoted; what Python says is not.
    if RAW.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", line)):
        faults.append("the line speaks of Python's insides")
    return faults


def trespasses(outcome: Outcome, touched: Sequence[str], writes: Sequence[str]) -> list[str]:
    """What was changed and should not have been: all but `writes`, and these too if the command was refused."""
    begun = outcome.code != 2 or BEGUN in outcome.out or "\nstep " in outcome.out
    # A lock is taken before what it guards is looked at.
    allowed = writes if begun else tuple(f"{place}/.lock" for place in writes)
    bad = [name for name in touched if not any(Path(name).is_relative_to(place) for place in allowed)]
    return [f"it changed {', '.join(bad)}"] if bad else []

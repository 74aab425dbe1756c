"""Write docs/reference.md from what each command's --help says: `python docs/make_reference.py`."""

import os
import subprocess
import sys
from pathlib import Path

from charloop.cli.commands.bench.command import QUESTIONS
from charloop.cli.main import COMMANDS

TARGET = Path(__file__).with_name("reference.md")
HEAD = "# Every command and flag\n\nWhat `charloop COMMAND --help` says; made by `python docs/make_reference.py`.\n"
PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}


def help_of(command: str) -> str:
    """What `charloop COMMAND --help` prints on a terminal of 100 columns, without colours."""
    call = [sys.executable, "-c", "from charloop.cli.main import run; run()", *command.split(), "--help"]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=os.environ | PLAIN)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def reference() -> str:
    """The whole page."""
    pages = [*COMMANDS, *(f"bench {question}" for question in QUESTIONS)]
    pages.insert(pages.index("compare") + 1, "compare --cells")
    sections = [f"\n## charloop {name}\n\n```\n{help_of(name)}\n```\n" for name in pages]
    return HEAD + "".join(sections)


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")

"""Write docs/reference.md, the help of every command on one page; `make reference` runs this."""

import contextlib
import io
import os
from pathlib import Path

from charloop.cli.commands.bench import BENCHMARKS
from charloop.cli.main import COMMANDS, main

TARGET = Path(__file__).with_name("reference.md")
HEAD = "# Every command and flag\n\nThe output of `charloop COMMAND --help`, collected by `make reference`.\n"
PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}


def read_help(command: str) -> str:
    """Return what `charloop COMMAND --help` prints on a terminal of 100 columns, without colours."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*command.split(), "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines())


def make_reference() -> str:
    """Return the whole page as Markdown: a section for each command."""
    pages = [*COMMANDS, *(f"bench {name}" for name in BENCHMARKS)]
    before = {name: os.environ.get(name) for name in PLAIN}
    os.environ.update(PLAIN)
    try:
        sections = [f"\n## charloop {name}\n\n```\n{read_help(name)}\n```\n" for name in pages]
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return HEAD + "".join(sections)


if __name__ == "__main__":
    TARGET.write_text(make_reference(), encoding="utf-8")
    print(f"wrote {TARGET}")

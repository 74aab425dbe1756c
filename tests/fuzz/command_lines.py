"""Command lines made by hypothesis: flags that exist and flags that do not, with odd values."""

import os
import re
import subprocess
import sys
from functools import cache
from itertools import chain

from hypothesis import strategies as st

from charloop.cli.main import COMMANDS
from fuzz.sandbox import Sandbox

WRITING = {"--per-character", "--output"}
"""Flags that name a file to be written."""
HARMLESS = sorted(COMMANDS.keys() - {"bench"})
"""Without bench: a benchmark with sensible flags takes minutes."""
NUMBERS = (
    *(
        "0",
        "1",
        "2",
        "-1",
        "7",
        "+3",
        "1_0",
        "007",
        "0x10",
        "1e3",
        "1e400",
        "1.5",
        ".5",
        "nan",
        "-nan",
        "inf",
        "-inf",
    ),
    *(
        "9" * 30,
        "-" + "9" * 30,
        "9" * 5000,
        str(2**31),
        str(2**40),
        str(2**64),
        "\u0663",
        "\u00bd",
        "1 ",
        " 1",
        "1,5",
    ),
)
WORDS = (
    *(
        "",
        " ",
        "-",
        "--",
        "---",
        "-x",
        "--no",
        "=",
        "--=",
        "a=b",
        "none",
        "None",
        "true",
        "~",
        "*",
        "**",
        "?",
        "[",
        "{}",
    ),
    *(
        "..",
        "/",
        ".",
        "/dev/null",
        "/dev/zero",
        "../outside",
        "lstm",
        "best",
        "last",
        "char",
        "val",
        "fast",
        "adam",
    ),
    *(
        "cell.py:Own",
        ":",
        "x.py:",
        ".py:A",
        "\n",
        "\x1b[2J",
        "\u00e9",
        "\U0001f600",
        "%s",
        "{0}",
        "x" * 5000,
        "\udcff",
    ),
)
ODD_TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=30)
ARGV_TEXT = ODD_TEXT | st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
"""Whatever an operating system can pass on; bytes that are not text arrive as lone surrogates."""
VALUES = st.sampled_from(NUMBERS) | st.sampled_from(WORDS) | ARGV_TEXT


@cache
def flags_of_commands() -> dict[str, tuple[str, ...]]:
    """Return the flags that the help of `charloop COMMAND` shows, for each of `HARMLESS`."""
    code = f"""
from contextlib import suppress
from charloop.cli.main import main
for name in {HARMLESS!r}:
    print("\\0")
    with suppress(SystemExit):
        main([name, "--help"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = [set(re.findall(r"--[a-z][a-z-]*", shown)) for shown in done.stdout.split("\0")[1:]]
    return {
        name: tuple(sorted(flags - {"--help"} - WRITING)) for name, flags in zip(HARMLESS, found, strict=True)
    }


def odd_flag(flags: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Make a flag, correct or shortened or misspelled, with a value or several or none."""
    names = st.sampled_from([*flags, "--help", "-h", "--version"])
    shortened = st.builds(lambda name, length: name[:length], names, st.integers(2, 20))
    changed = st.builds(lambda name: name.replace("-", "_").upper(), names)
    name = names | shortened | changed | ARGV_TEXT
    apart = st.builds(lambda name, values: [name, *values], name, st.lists(VALUES, max_size=2))
    joined = st.builds(lambda name, value: [f"{name}={value}"], name, VALUES)
    return apart | apart | joined


def lines(sandbox: Sandbox) -> st.SearchStrategy[list[str]]:
    """Make command lines that end soon: what would train, write or score for long has no text or run."""

    def of(command: str) -> st.SearchStrategy[list[str]]:
        path = str(sandbox.run) if command in ("info", "eval") else "nowhere.txt"
        parts = st.lists(odd_flag(flags_of_commands()[command]), max_size=5).map(
            lambda lists: [*chain(*lists)]
        )
        first = st.sampled_from([[path], [path], [], [path, path]])
        return st.builds(lambda first, parts: [command, *first, *parts], first, parts)

    any_first = st.builds(lambda first, rest: [first, *rest], VALUES, st.lists(VALUES, max_size=3))
    return st.sampled_from(HARMLESS).flatmap(of) | any_first


def prompts(sandbox: Sandbox) -> st.SearchStrategy[list[str]]:
    """Make command lines with a text that is to be continued or scored."""
    run = str(sandbox.run)
    text = (
        ARGV_TEXT
        | st.text("the quick fox\n", max_size=60)
        | st.sampled_from(["", "\n" * 99, "the " * 4000, *WORDS])
    )
    unknown = st.sampled_from([[], ["--unknown", "skip"], ["--unknown=skip"]])
    stop = st.just([]) | st.builds(lambda text: ["--stop", text], ODD_TEXT)
    sample = st.builds(
        lambda text, unknown, stop: ["sample", run, f"--prompt={text}", "--length", "3", *unknown, *stop],
        text,
        unknown,
        stop,
    )
    score = st.builds(lambda text, unknown: ["eval", run, f"--text={text}", *unknown], text, unknown)
    return sample | score

"""Odd texts, and files that are not text, given wherever a text or a prompt may be given."""

import os
import random
from pathlib import Path

from fuzz import odd_bytes, odd_entries
from fuzz.oracle import Case
from fuzz.sandbox import Sandbox

ENCODINGS = (
    *(
        "utf-8",
        "latin-1",
        "utf-16",
        "utf-16-le",
        "utf-32",
        "utf-7",
        "ascii",
        "cp1252",
        "shift_jis",
        "gb18030",
        "big5",
    ),
    *(
        "unicode_escape",
        "raw_unicode_escape",
        "idna",
        "punycode",
        "rot13",
        "hex",
        "base64",
        "zlib_codec",
        "undefined",
    ),
    *(
        "utf-8-sig",
        "charmap",
        "mbcs",
        "euc_jp",
        "iso2022_jp",
        "hz",
        "uu",
        "",
        " ",
        "UTF8",
        "utf-9",
        "x" * 500,
        "../x",
        "\u00e9",
    ),
)
STOP = ("--devices", "99")
"""Flags that end a training after its text is read, before anything is compiled."""


def make(sandbox: Sandbox, chance: random.Random) -> Case:
    """Make a command about a text in which something is wrong, or a folder of such texts."""
    text = sandbox.box / "texts" / chance.choice(("odd.txt", "odd", "\u00e9\n.txt", "-x", "odd.json"))
    done = [f"{text.name!r}: {write(text, sandbox, chance)}"]
    path = str(text)
    if chance.random() < 0.25:
        path, change = folder(text, sandbox, chance)
        done.append(change)
    case = command(sandbox, path, chance)
    case.done = done
    return case


def write(text: Path, sandbox: Sandbox, chance: random.Random) -> str:
    """Make the text, and return how."""
    book = sandbox.book.read_bytes()[: chance.choice((0, 1, 2, 60, 700, 5000))]
    text.write_bytes(book)
    kind = chance.choice(("bytes", "bytes", "bytes", "entry", "random", "characters", "encoded"))
    if kind == "entry":
        return odd_entries.replace(text, sandbox.outside, chance, named=True) if text.exists() else "gone"
    if kind == "random":
        text.write_bytes(chance.randbytes(chance.choice((1, 30, 3000))))
        return "random bytes"
    if kind == "characters":
        some = [
            chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000))))
            for _ in range(300)
        ]
        text.write_bytes("".join(some).encode())
        return "random characters"
    if kind == "encoded":
        encoding = chance.choice(("utf-7", "utf-16", "utf-32-be", "gb18030", "unicode_escape"))
        text.write_bytes(
            ("\u4e2d\U0001f600 \n" * 9 + book.decode()).encode(encoding)
            + chance.choice((b"", b"+2AA-", b"\\ud800"))
        )
        return encoding
    content, change = odd_bytes.mutate(book, chance)
    text.write_bytes(content)
    return change


def folder(text: Path, sandbox: Sandbox, chance: random.Random) -> tuple[str, str]:
    """Put the text into a folder with others; return the folder's name or a pattern, and what else is in it."""
    path = sandbox.box / "texts" / "folder"
    (path / "deeper" / ".hidden").mkdir(parents=True)
    if os.path.lexists(text):
        os.rename(text, path / "deeper" / text.name)
    kinds = chance.sample(sorted(odd_entries.OF_TEXTS), 2)
    for number, kind in enumerate(kinds):
        other = path / f"other{number}.txt"
        other.write_text("the other\n" * 9)
        if not (sandbox.outside / "pipe").exists() or kind != "link_to_a_pipe":
            odd_entries.ENTRIES[kind](other, sandbox.outside)
    (path / "up").symlink_to("..")
    pattern = chance.choice(("", "", "/*", "/**", "/*/*", "/[", "/?dd*"))
    return f"{path}{pattern}", f"in a folder with {', '.join(kinds)}"


def command(sandbox: Sandbox, text: str, chance: random.Random) -> Case:
    """Choose what is done with the text."""
    run, kind = (
        str(sandbox.run),
        chance.choice(("train", "train", "train", "eval", "eval", "prompt", "stdin")),
    )
    unknown = chance.choice(([], ["--unknown", "skip"]))
    errors = chance.choice(([], [], ["--errors", "replace"]))
    options = [
        *errors,
        *chance.choice(([], [], ["--unit", "byte"], ["--min-count", chance.choice(("2", "9", "999999"))])),
    ]
    options += chance.choice(([], ["--encoding", chance.choice(ENCODINGS)]))
    options += chance.choice(([], [], ["--validation-fraction", chance.choice(("0", "0.5", "0.99"))]))
    if kind == "eval":
        return Case(["eval", run, text, *unknown, *errors])
    if kind == "prompt":
        return Case(["sample", run, "--prompt-file", text, "--length", "3", *unknown])
    if kind == "stdin":
        content = (
            Path(text).read_bytes() if Path(text).is_file() and Path(text).stat().st_size < 1 << 20 else b"\0"
        )
        command = chance.choice((["train", "-", *STOP, *options], ["eval", run, "-", *unknown]))
        return Case([*command], stdin=content)
    return Case(["train", text, *STOP, *options])

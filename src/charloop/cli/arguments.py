"""Flags from declarations, by tyro; its complaints as one line each."""

import contextlib
import difflib
import io
import re
from collections.abc import Sequence
from typing import TypeVar

import tyro

from charloop.errors import CharloopError

Arguments = TypeVar("Arguments")
MARKERS = (tyro.conf.OmitArgPrefixes,)


def parse(
    kind: type[Arguments], name: str, arguments: Sequence[str], default: Arguments | None = None
) -> Arguments:
    """`arguments` as a `kind`, whose fields are the flags of `charloop NAME`.

    Raises CharloopError for what tyro refuses, and for a flag that does not exist, with the nearest that does.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed, unknown = tyro.cli(
                kind,
                prog=f"charloop {name}",
                args=list(arguments),
                default=tyro.MISSING_NONPROP if default is None else default,
                return_unknown_args=True,
                config=MARKERS,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise CharloopError(one_line(complaint.getvalue()), do=f"see charloop {name} --help") from None
    if unknown:
        raise unknown_argument(kind, name, unknown[0])
    result: Arguments = parsed
    return result


def one_line(complaint: str) -> str:
    """The message inside tyro's box: its heading and its first paragraph."""
    paragraphs = re.split(r"[─-]{8,}", re.sub(r"[│╭╮╰╯]", " ", complaint))
    texts = [" ".join(p.split()) for p in paragraphs]
    return next((text for text in texts[1:] if text), " ".join(texts))


def unknown_argument(kind: type, name: str, argument: str) -> CharloopError:
    """The error for a flag that is none, or a value too many."""
    if not argument.startswith("-"):
        return CharloopError(f"charloop {name} does not know what to do with", got=argument)
    near = difflib.get_close_matches(argument.split("=")[0], flags_of(kind, name), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"see charloop {name} --help"
    return CharloopError("unknown flag", got=argument, do=hint)


def flags_of(kind: type, name: str) -> list[str]:
    """All flags of a command, read off its own help."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, prog=f"charloop {name}", args=["--help"], config=MARKERS)
    return sorted(set(re.findall(r"--[a-z][a-z-]*", text.getvalue())))


def given_flags(arguments: Sequence[str]) -> set[str]:
    """The flags that `arguments` set, as field names."""
    return {a.split("=")[0][2:].replace("-", "_") for a in arguments if a.startswith("--")}

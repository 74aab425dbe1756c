"""Flags from declarations, by tyro; its complaints as one line each."""

import contextlib
import difflib
import functools
import io
import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
import tyro

from charloop.cli.complaints import complaint
from charloop.cli.flag_values import VALUES
from charloop.configfile import readable
from charloop.conversion import convert
from charloop.errors import CharloopError

Arguments = TypeVar("Arguments")
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]
"""A flag that is given or not, without its opposite."""
WITH_TEXTS = ("train", "eval", "baselines")
"""Commands that take any number of texts, but only in one place."""
MARKERS = (tyro.conf.OmitArgPrefixes,)


def parse(
    kind: type[Arguments], name: str, arguments: Sequence[str], default: Arguments | None = None
) -> Arguments:
    """`arguments` as a `kind`, whose fields are the flags of `charloop NAME`.

    Raises CharloopError for what tyro refuses, and for a flag that does not exist, with the nearest that does.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            parsed, unknown = tyro.cli(
                kind,
                prog=f"charloop {name}",
                args=list(arguments),
                default=tyro.MISSING_NONPROP if default is None else default,
                return_unknown_args=True,
                config=MARKERS,
                registry=VALUES,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise complaint(printed.getvalue(), name) from None
    if unknown:
        raise unknown_argument(kind, name, unknown[0])
    result: Arguments = parsed
    return result


def check_ranges(flags: Arguments) -> Arguments:
    """`flags`, or the CharloopError for the first value that is out of the range its declaration gives."""
    try:
        # Paths are the one type of flags that JSON has not.
        plain = msgspec.to_builtins(flags, enc_hook=str)
        convert(plain, type(flags), dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        allowed, _, place = str(error).removeprefix("Expected ").partition(" - at `$.")
        # One value of several, `seq_length[0]` or `seq_length[...]`, is told of as the flag that holds it.
        place = place.rstrip("`").partition("[")[0]
        wrong = CharloopError(place.rpartition(".")[2], got=value_at(flags, place), allowed=allowed)
        raise of_flag(wrong) from None
    return flags


def of_flag(error: CharloopError) -> CharloopError:
    """The error of a setting, said of its flag: top_k becomes --top-k."""
    allowed = readable(error.allowed.replace("`", ""), None) if error.allowed else None
    return CharloopError(f"--{error.what.replace('_', '-')}", got=error.got, allowed=allowed, do=error.do)


def value_at(flags: object, place: str) -> object:
    """The value of the field that `place` names, such as `model.hidden_size`."""
    return functools.reduce(getattr, place.split("."), flags)


def unknown_argument(kind: type, name: str, argument: str) -> CharloopError:
    """The error for a flag that is none, or a value too many."""
    if not argument.startswith("-"):
        hint = "name all texts side by side" if name in WITH_TEXTS else f"see charloop {name} --help"
        return CharloopError(f"charloop {name} does not know what to do with", got=argument, do=hint)
    near = difflib.get_close_matches(argument.split("=")[0], flags_of(kind, name), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"see charloop {name} --help"
    return CharloopError("unknown flag", got=argument, do=hint)


def flags_of(kind: type, name: str) -> list[str]:
    """All flags of a command, read off its own help."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, prog=f"charloop {name}", args=["--help"], config=MARKERS, registry=VALUES)
    return sorted(set(re.findall(r"--[a-z][a-z-]*", text.getvalue())))


def given_flags(arguments: Sequence[str]) -> set[str]:
    """The flags that `arguments` set, as field names."""
    return {a.split("=")[0][2:].replace("-", "_") for a in arguments if a.startswith("--")}

"""Parse flags from dataclasses with tyro; each error is one line."""

import contextlib
import difflib
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import docstring_parser
import msgspec
import tyro
from docstring_parser import DocstringStyle

from charloop.cli.flags.values import VALUES
from charloop.configfile import readable
from charloop.conversion import convert
from charloop.errors import CharloopError, unknown_name

Arguments = TypeVar("Arguments")
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]
"""A flag that is given or not, without its opposite."""
WITH_TEXTS = ("train", "eval", "baselines")
"""Commands that take any number of texts, which must follow one another."""
MARKERS = (tyro.conf.OmitArgPrefixes,)
OLD_FLAGS = {"keep-saves": "keep-checkpoints", "momentum": "beta1", "second-moment": "beta2", "out": "output"}
"""Former names of flags, which scripts may still give: accepted, and left out of help."""
SHORT = {"-o": "--output"}
"""One-letter flags; `given_flags` knows them by their long names."""


def argument(metavar: str | None, *aliases: str, default: str = "") -> Any:
    """Return how help shows a flag: `metavar` for its value (None: by its type), and its default in words, if any."""
    hint = f"(default: {default})" if default else ""
    return tyro.conf.arg(metavar=metavar, aliases=aliases, help_behavior_hint=hint)


def parse(
    kind: type[Arguments], name: str, arguments: Sequence[str], default: Arguments | None = None
) -> Arguments:
    """Return `arguments` as a `kind`, whose fields are the flags of `charloop NAME`; former flag names are accepted.

    Raises CharloopError for what tyro refuses, and for a flag that does not exist, with the nearest that does.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), whole_paragraphs():
            parsed, unknown = tyro.cli(
                kind,
                prog=f"charloop {name}",
                args=[current_name(argument) for argument in arguments],
                default=tyro.MISSING_NONPROP if default is None else default,
                return_unknown_args=True,
                config=MARKERS,
                registry=VALUES,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise refusal(printed.getvalue(), name) from None
    if unknown:
        typed = next((word for word in arguments if current_name(word) == unknown[0]), unknown[0])
        raise unknown_argument(kind, name, typed)
    result: Arguments = parsed
    return result


def check_ranges(flags: Arguments) -> Arguments:
    """Return `flags`. Raises CharloopError for the first value that is out of its declared range."""
    try:
        # Paths are the only type of flag that JSON lacks.
        plain = msgspec.to_builtins(flags, enc_hook=str)
        convert(plain, type(flags), dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        allowed, _, field = str(error).removeprefix("Expected ").partition(" - at `$.")
        # An error in one value of several, `seq_length[0]` or `seq_length[...]`, is one of the whole flag.
        field = field.rstrip("`").partition("[")[0]
        got = functools.reduce(getattr, field.split("."), flags)
        raise of_flag(CharloopError(field.rpartition(".")[2], got=got, allowed=allowed)) from None
    return flags


def of_flag(error: CharloopError) -> CharloopError:
    """Return the error of a setting with the name of its flag: top_k becomes --top-k."""
    allowed = readable(error.allowed.replace("`", ""), None) if error.allowed else None
    return CharloopError(f"--{error.what.replace('_', '-')}", got=error.got, allowed=allowed, do=error.do)


def unknown_argument(kind: type, name: str, argument: str) -> CharloopError:
    """Return the error for an unknown flag or one value too many."""
    if not argument.startswith("-"):
        hint = "name all texts side by side" if name in WITH_TEXTS else f"see charloop {name} --help"
        return CharloopError(f"charloop {name} does not know what to do with", got=argument, do=hint)
    near = difflib.get_close_matches(argument.split("=")[0], flags_of(kind, name), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"see charloop {name} --help"
    return CharloopError("unknown flag", got=argument, do=hint)


@contextlib.contextmanager
def whole_paragraphs() -> Iterator[None]:
    """Let tyro wrap help texts to the terminal only: it would keep the line ends of the source too."""
    parse_from_object = docstring_parser.parse_from_object

    def joined(obj: Any, style: DocstringStyle = DocstringStyle.AUTO) -> docstring_parser.Docstring:
        found = parse_from_object(obj, style)
        for parameter in found.params:
            parameter.description = " ".join((parameter.description or "").split())
        return found

    docstring_parser.parse_from_object = joined
    try:
        yield
    finally:
        docstring_parser.parse_from_object = parse_from_object


def flags_of(kind: type, name: str) -> list[str]:
    """Return all flags of a command, as its help shows them."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, prog=f"charloop {name}", args=["--help"], config=MARKERS, registry=VALUES)
    return sorted(set(re.findall(r"--[a-z][a-z-]*", text.getvalue())))


def given_flags(arguments: Sequence[str]) -> set[str]:
    """Return the flags that `arguments` set, as field names."""
    names = (current_name(SHORT.get(argument, argument)) for argument in arguments)
    return {name.split("=")[0][2:].replace("-", "_") for name in names if name.startswith("--")}


def current_name(argument: str, former: Mapping[str, str] = OLD_FLAGS) -> str:
    """Return `argument` with a former name of a flag replaced by its name now; anything else as it is."""
    flag, equals, value = argument.partition("=")
    name = flag.removeprefix("--").replace("_", "-")
    return f"--{former[name]}{equals}{value}" if flag.startswith("--") and name in former else argument


def refusal(text: str, name: str) -> CharloopError:
    """Return the error for the box of text that tyro prints when it refuses the arguments of `charloop NAME`."""
    sentence, see = one_line(text), f"see charloop {name} --help"
    # A value of the wrong type: the rest says what was got and what is allowed (see `values.make_reader`).
    if found := re.search(r"Error parsing (\S+): (.*)", sentence):
        sentence = f"{found[1]}: {found[2]}"
    elif found := re.search(r"Missing value for argument '([^']+)'", sentence):
        sentence = f"{found[1]} needs a value"
    elif found := re.search(r"Missing from charloop \S+: (\S+)", sentence):
        sentence = f"{found[1]} is missing"
    elif found := re.search(
        r"invalid choice '(.*)' for argument '(.*)'\. Expected one of \((.*)\)", sentence
    ):
        choices = re.findall(r"'([^']*)'", found[3])
        return unknown_name(f"value of {found[2]}", found[1], choices, do=see)
    return CharloopError(sentence, do=see)


def one_line(text: str) -> str:
    """Return the first paragraph inside tyro's box, below its heading."""
    paragraphs = re.split(r"[─-]{8,}", re.sub(r"[│╭╮╰╯]", " ", text))
    texts = [" ".join(p.split()) for p in paragraphs]
    return next((text for text in texts[1:] if text), " ".join(texts))

"""What tyro complains of, in the words of the house: one line that names the flag, what was got, what is allowed."""

import re
from collections.abc import Callable

from charloop.errors import CharloopError, unknown_name


def complaint(text: str, name: str) -> CharloopError:
    """The error for the box of text that tyro prints when it refuses the arguments of `charloop NAME`."""
    sentence, see = one_line(text), f"see charloop {name} --help"
    for pattern, make in KNOWN:
        found = re.search(pattern, sentence)
        if found:
            return make(found, see)
    return CharloopError(sentence, do=see)


def one_line(text: str) -> str:
    """The message inside tyro's box: its heading and its first paragraph."""
    paragraphs = re.split(r"[─-]{8,}", re.sub(r"[│╭╮╰╯]", " ", text))
    texts = [" ".join(p.split()) for p in paragraphs]
    return next((text for text in texts[1:] if text), " ".join(texts))


def unreadable(found: re.Match[str], see: str) -> CharloopError:
    """A value that is not of its flag's type: what was got and what is allowed are in it (see flag_values)."""
    return CharloopError(f"{found[1]}: {found[2]}", do=see)


def without_value(found: re.Match[str], see: str) -> CharloopError:
    """A flag at the end of the line, or before another one."""
    return CharloopError(f"{found[1]} needs a value", do=see)


def no_choice(found: re.Match[str], see: str) -> CharloopError:
    """A word that is not among a flag's few."""
    return unknown_name(f"value of {found[2]}", found[1], re.findall(r"'([^']*)'", found[3]), do=see)


def missing(found: re.Match[str], see: str) -> CharloopError:
    """A positional argument that was left out."""
    return CharloopError(f"{found[1]} is missing", do=see)


KNOWN: tuple[tuple[str, Callable[[re.Match[str], str], CharloopError]], ...] = (
    (r"Error parsing (\S+): (.*)", unreadable),
    (r"Missing value for argument '([^']+)'", without_value),
    (r"invalid choice '(.*)' for argument '(.*)'\. Expected one of \((.*)\)", no_choice),
    (r"Missing from charloop \S+: (\S+)", missing),
)
"""tyro's sentences; one that is none of them is passed on as it is."""

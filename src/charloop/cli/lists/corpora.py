"""charloop corpora: the texts that have a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.flags.parsing import parse

INDENT = 18


@dataclass(frozen=True)
class CorporaFlags:
    """List the texts that need no file: charloop train NAME."""


def main(arguments: Sequence[str]) -> None:
    """Print the named corpora."""
    parse(CorporaFlags, "corpora", arguments)

    from charloop.data import corpora
    from charloop.wording import entry

    for corpus in corpora():
        print(entry(corpus.name, corpus.summary, INDENT))
        network = "needs the network once" if corpus.needs_network else "needs no network"
        size = f"{corpus.size / 1e6:.0f} MB" if corpus.size >= 10**6 else f"{corpus.size / 1e3:.0f} kB"
        print(entry("", f"about {size}; {network}; {corpus.origin}", INDENT))

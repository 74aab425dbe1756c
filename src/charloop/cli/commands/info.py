"""charloop info: what a run is, what it was trained on, and how well."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from charloop.cli.flags.parsing import Switch, parse
from charloop.cli.terminal.output import print_lines, visible


@dataclass(frozen=True)
class InfoFlags:
    """Show a run's network, text, settings and losses."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    json: Switch = False
    """Print one JSON object."""
    toml: Switch = False
    """Print the settings as TOML, for charloop train --config."""


def main(arguments: Sequence[str]) -> None:
    """Print a run as a table, as JSON, or its settings as TOML; a cell's code is never run."""
    flags = parse(InfoFlags, "info", arguments)

    from charloop.baselines.wording import label_lines
    from charloop.checkpoint import RunFolder
    from charloop.description import describe_rank, describe_rows, describe_run

    folder = RunFolder.open(flags.run, inspect=True)
    if flags.toml:
        import tomli_w

        from charloop.configfile import to_dict

        print(tomli_w.dumps(to_dict(folder.config)), end="")
        return
    values = describe_run(folder)
    if flags.json:
        print(json.dumps(values | describe_rank(folder, values)))
    else:
        print_lines(map(visible, label_lines(describe_rows(folder, values))))

"""The sizes that a bench asks about: named settings, other cells, sweeps over length and width."""

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import tyro
from msgspec import Meta

from charloop.config import Count
from charloop.errors import unknown_name

if TYPE_CHECKING:
    from charloop.benchmark.unrolling import Setting

OF_SETTING = tyro.conf.arg(help_behavior_hint="(default: the setting's)")


@dataclass(frozen=True)
class SettingFlags:
    """What stands in the help is each bench's own."""

    settings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("S1", "S2", "S3", "S4")
    """Sizes. S1: 3 x 100, batch 32, 200 characters a step; S2: 1 x 512, 50, 80; S3: 2 x 128, 50, 50; S4: 2 x 512, 64,
    100."""
    cells: Annotated[tuple[str, ...], Meta(min_length=1)] = ("lstm", "gru", "rnn", "ln-lstm")
    """Cells, by name or FILE.py:CLASS."""
    seq_length: Annotated[tuple[Count, ...], OF_SETTING] = ()
    """Characters a step; several make a sweep."""
    hidden_size: Annotated[tuple[Count, ...], OF_SETTING] = ()
    """Units a layer; several make a sweep."""


def sizes(flags: SettingFlags) -> "list[tuple[str, Setting]]":
    """Every cell at every setting, length and width.

    Raises CharloopError for a setting or a cell that there is not.
    """
    from charloop.benchmark.training import SETTINGS
    from charloop.cells import CELLS, make_cell

    for name in flags.settings:
        if name not in SETTINGS:
            raise unknown_name("setting", name, SETTINGS)
    for cell in flags.cells:
        make_cell(CELLS, cell, 1)
    chosen = []
    for name, cell in itertools.product(flags.settings, flags.cells):
        setting = SETTINGS[name]
        lengths = flags.seq_length or (setting.seq_length,)
        for length, hidden in itertools.product(lengths, flags.hidden_size or (setting.model.hidden_size,)):
            model = replace(setting.model, cell=cell, hidden_size=hidden, embed_size=hidden)
            chosen.append((name, replace(setting, model=model, seq_length=length)))
    return chosen

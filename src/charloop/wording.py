"""Numbers, times and networks in words."""

import shutil
import textwrap

from charloop.config import ModelConfig
from charloop.progress import Progress

MIN_WIDTH = 20
"""Columns of a text beside its name, even where the terminal has fewer."""


def describe_model(config: ModelConfig) -> str:
    """Return the network in a few words."""
    options = f" ({', '.join(config.cell_options)})" if config.cell_options else ""
    read = ", readout from all layers" if config.readout_from == "all" else ""
    return f"{config.cell}{options}, {config.num_layers} x {config.hidden_size}{read}"


def number_of(count: int | float, thing: str) -> str:
    """Return a count with its unit: `1 step`, `1,000 steps`, `0.5 minutes`."""
    return f"{count if count % 1 else int(count):,} {thing}{'' if count == 1 else 's'}"


def number_that(count: int, thing: str, what: str) -> str:
    """Return a count of things that are `what`: `1 file that is not text`, `2 files that are not text`."""
    return f"{number_of(count, thing)} that {'is' if count == 1 else 'are'} {what}"


def describe_progress(progress: Progress, seconds: float) -> str:
    """Return what is being done with a text, how far it is after `seconds`, and the time left."""
    digits = 0 if progress.total >= 10**8 else 1
    done, total = (f"{size / 1e6:,.{digits}f}" for size in (progress.done, progress.total))
    parts = [f"{progress.doing}: {done} of {total} {progress.million}"]
    if seconds > 1 and progress.done:
        rate = progress.done / seconds / 1e6
        parts.append(f"{rate:,.{0 if rate > 10 else 2}f} {progress.million}/s")
        parts.append(f"{clock(seconds * (progress.total / progress.done - 1))} left")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """Return a time as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """Return an approximate time in words: `0.4 s`, `12 s`, `1 min 12 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    small, large, unit = (1, "min", "s") if seconds < 3600 else (60, "h", "min")
    whole, rest = divmod(round(seconds / small), 60)
    return f"{whole} {large} {rest} {unit}" if rest else f"{whole} {large}"


def entry(name: str, text: str, indent: int, columns: int | None = None) -> str:
    """Return `text` beside its name, wrapped at spaces to `columns` (the terminal's), with later lines indented."""
    space = " " * indent
    width = text_width(indent, columns)
    wrapped = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return f"{name:{indent}}" + f"\n{space}".join(line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped)


def text_width(indent: int, columns: int | None = None) -> int:
    """Return how wide a text beside `indent` columns may be in a terminal of `columns` (by default: this one)."""
    return max(MIN_WIDTH, min(100, columns or shutil.get_terminal_size().columns) - indent)

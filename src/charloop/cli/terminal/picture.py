"""The live part of the training screen: the loss curve, and the network's latest samples beside or below it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from charloop.cli.terminal.curve import ROWS, Curve
from charloop.cli.terminal.output import visible

if TYPE_CHECKING:
    from charloop.baselines import Baselines

MIN_HEIGHT, MIN_HEIGHT_BELOW = 20, 24
"""Rows that a terminal needs for a curve, and for samples below it."""
MIN_WIDTH_BESIDE = 120
"""Columns that a terminal needs for samples beside the curve."""
MAX_CURVE_WIDTH, GAP, BESIDE = 93, 3, 57
"""Columns: the maximum of the curve if samples are beside it, the space between, and the minimum of the samples."""
ROWS_BELOW = 4
"""Rows of the samples below the curve."""
LABEL = 12
"""Columns of `step 12,345` before a sample."""
TEMPERATURE = 0.8
"""Temperature of the samples shown: at lower ones networks repeat themselves, at higher ones they guess."""


@dataclass
class Picture:
    """What is redrawn as the run proceeds; each part only if the terminal has space for it."""

    curve: Curve = field(default_factory=Curve)
    samples: list[tuple[int, str]] = field(default_factory=list)
    """The step and the text of each sample, the newest last."""
    baselines: "Baselines | None" = None

    def add_sample(self, step: int, texts: Sequence[tuple[float, str]]) -> None:
        """Keep the text of the temperature nearest to `TEMPERATURE`."""
        _, text = min(texts, key=lambda written: abs(written[0] - TEMPERATURE))
        self.samples.append((step, visible(text).replace("\t", " ").strip()))

    def draw(self, width: int, height: int) -> list[Text]:
        """Return rows of at most `width` columns; none on a terminal with fewer than `MIN_HEIGHT` rows."""
        if height < MIN_HEIGHT:
            return []
        if not (self.samples and shows_samples(width, height)):
            return self.curve.draw(width, self.baselines)
        if width < MIN_WIDTH_BESIDE:
            rows = self.curve.draw(width, self.baselines)
            return [*rows, *panel(self.samples, ROWS_BELOW, width)] if rows else []
        left = min(MAX_CURVE_WIDTH, width - GAP - BESIDE)
        rows = self.curve.draw(left, self.baselines)
        return beside(rows, list(panel(self.samples, ROWS, width - left - GAP)), left) if rows else []


def shows_samples(width: int, height: int) -> bool:
    """Return whether samples are shown in the picture."""
    return height >= MIN_HEIGHT_BELOW or (height >= MIN_HEIGHT and width >= MIN_WIDTH_BESIDE)


def beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Return rows side by side; the left ones have `width` columns, so the right ones begin in the same column."""
    joined = []
    for row, other in zip(left, right, strict=True):
        row.pad_right(width + GAP - row.cell_len)
        joined.append(Text.assemble(row, other, no_wrap=True))
    return joined


def panel(samples: list[tuple[int, str]], rows: int, width: int) -> Iterator[Text]:
    """Yield exactly `rows` rows: a line of each of a few earlier samples, then as much of the newest as fits.

    From top to bottom the network improves.
    """
    *earlier, (step, newest) = samples
    shown = earlier[-(rows // 3) :]
    for before, text in shown:
        yield labelled(before, " ".join(text.split()), width, "dim")
    lines = list(folded(newest, width - LABEL))[: rows - len(shown)]
    for index in range(rows - len(shown)):
        line = lines[index] if index < len(lines) else ""
        yield labelled(step, line, width) if not index else Text(" " * LABEL + line, no_wrap=True)


def labelled(step: int, text: str, width: int, style: str = "") -> Text:
    """Return a row with a sample's step and as much of `text` as fits."""
    row = Text(no_wrap=True)
    row.append(f"{f'step {step:,}':<{LABEL - 1}} ", "dim")
    row.append(text, style)
    row.truncate(width)
    return row


def folded(text: str, width: int) -> Iterator[str]:
    """Yield the lines of `text` that are not empty, long ones broken between words to fit in `width` columns."""
    console = Console(width=max(2, width))
    for line in text.splitlines():
        if line.strip():
            yield from (part.plain.rstrip() for part in Text(line).wrap(console, console.width))

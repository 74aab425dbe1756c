"""The living part of the training screen: the loss curve, and what the network writes by now, beside or under it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from charloop.cli.terminal.curve import ROWS, Curve
from charloop.cli.terminal.output import visible

if TYPE_CHECKING:
    from charloop.baselines import Baselines

LOW, HIGH = 20, 24
"""Rows of a terminal that has room for a curve, and for samples under it."""
WIDE = 120
"""Columns of a terminal that has room for samples beside the curve."""
CURVE, GAP, BESIDE = 93, 3, 57
"""Most columns of the curve where there is something beside it, the space between, and the least for samples."""
UNDER = 4
"""Rows of the samples where they stand under the curve."""
LABEL = 12
"""Columns of `step 12,345` before a sample."""
TEMPERATURE = 0.8
"""Of the samples that are shown: at lower ones networks repeat themselves, at higher ones they guess."""


@dataclass
class Picture:
    """What is drawn anew as the run goes on; each part only where there is room for it."""

    curve: Curve = field(default_factory=Curve)
    samples: list[tuple[int, str]] = field(default_factory=list)
    """After how many steps the network wrote what, the newest last."""
    baselines: "Baselines | None" = None

    def add_sample(self, step: int, texts: Sequence[tuple[float, str]]) -> None:
        """Keep what was written at the temperature nearest to `TEMPERATURE`."""
        _, text = min(texts, key=lambda written: abs(written[0] - TEMPERATURE))
        self.samples.append((step, visible(text).replace("\t", " ").strip()))

    def draw(self, width: int, height: int) -> list[Text]:
        """Rows of at most `width` columns; none on a terminal that is too low."""
        if height < LOW:
            return []
        if not (self.samples and has_room(width, height)):
            return self.curve.draw(width, self.baselines)
        if width < WIDE:
            rows = self.curve.draw(width, self.baselines)
            return [*rows, *panel(self.samples, UNDER, width)] if rows else []
        left = curve_width(width)
        rows = self.curve.draw(left, self.baselines)
        return beside(rows, list(panel(self.samples, ROWS, width - left - GAP)), left) if rows else []


def has_room(width: int, height: int) -> bool:
    """Whether samples are shown in the picture."""
    return height >= HIGH or (height >= LOW and width >= WIDE)


def curve_width(width: int) -> int:
    """Columns of the curve on a terminal with room for samples beside it."""
    return min(CURVE, width - GAP - BESIDE)


def beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Rows side by side, the right ones all from the same column on: those at the left have `width` columns."""
    joined = []
    for row, other in zip(left, right, strict=True):
        row.pad_right(width + GAP - row.cell_len)
        joined.append(Text.assemble(row, other, no_wrap=True))
    return joined


def panel(samples: list[tuple[int, str]], rows: int, width: int) -> Iterator[Text]:
    """Exactly `rows` rows: a line of each of a few earlier samples, then as much of the newest as there is room for.

    From top to bottom a network comes to its senses.
    """
    *earlier, (step, newest) = samples
    shown = earlier[-(rows // 3) :]
    for before, text in shown:
        yield labelled(before, " ".join(text.split()), width, "dim")
    lines = list(folded(newest, width - LABEL))[: rows - len(shown)]
    for place in range(rows - len(shown)):
        line = lines[place] if place < len(lines) else ""
        yield labelled(step, line, width) if not place else Text(" " * LABEL + line, no_wrap=True)


def labelled(step: int, text: str, width: int, style: str = "") -> Text:
    """`text`, as much of it as fits, after its step."""
    row = Text(no_wrap=True)
    row.append(f"{f'step {step:,}':<{LABEL - 1}} ", "dim")
    row.append(text, style)
    row.truncate(width)
    return row


def folded(text: str, width: int) -> Iterator[str]:
    """The lines of `text` that are not empty, long ones broken between words so as to fit in `width` columns."""
    console = Console(width=max(2, width))
    for line in text.splitlines():
        if line.strip():
            yield from (part.plain.rstrip() for part in Text(line).wrap(console, console.width))

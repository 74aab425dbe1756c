"""What the network wrote while it was trained, read back from the run's folder."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charloop.checkpoint import RunFolder
from charloop.errors import CharloopError
from charloop.report.values import Missing, Sampled
from charloop.training.metrics import History

MOST = 8
"""Samples that a page shows: the first, the last, and some between."""
LARGEST = 1 << 20
"""Bytes of a file of samples; training writes a few thousand."""
FILE = re.compile(r"step-(\d{1,18})\.txt")
HEAD = re.compile(r"^--- temperature (\d{1,4}(?:\.\d{1,9})?) ---\n", re.MULTILINE)


def samples_of(folder: RunFolder) -> tuple[Sampled, ...] | Missing:
    """The samples of a run by their step, at most `MOST` of them; files that are no such samples are passed over."""
    found = sorted(
        (int(name[1]), path) for path in files(folder.samples) if (name := FILE.fullmatch(path.name))
    )
    losses = losses_of(folder)
    read = [Sampled(step, texts, losses.get(step)) for step, path in found if (texts := texts_of(path))]
    if not read:
        return Missing(
            "The run has kept no samples: training writes some after its first evaluation, and then after every"
            " few (--sample-every)."
        )
    return tuple(spread(read))


def files(folder: Path) -> list[Path]:
    """What lies in a folder; nothing if it is none."""
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def texts_of(path: Path) -> tuple[tuple[str, str], ...]:
    """Temperature and text of each sample in a file; none if it cannot be read or is not of ours."""
    try:
        if path.stat().st_size > LARGEST:
            return ()
        content = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    parts = HEAD.split(content)[1:]
    return tuple(
        (temperature, text.rstrip("\n")) for temperature, text in zip(parts[::2], parts[1::2], strict=True)
    )


def losses_of(folder: RunFolder) -> dict[int, float]:
    """Validation loss by step."""
    try:
        history = History.of(folder)
    except CharloopError:
        return {}
    return dict(zip(history.evaluated.tolist(), history.validation.tolist(), strict=True))


def spread(samples: Sequence[Sampled]) -> list[Sampled]:
    """At most `MOST`, close together at the beginning, where a network changes fastest; both ends among them."""
    if len(samples) <= MOST:
        return list(samples)
    places = np.geomspace(1, len(samples), MOST).round().astype(int) - 1
    # Neighbours that fell together move on, the last ones back.
    places = np.maximum(places, np.arange(MOST))
    return [samples[place] for place in dict.fromkeys(places.tolist())]

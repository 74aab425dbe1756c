"""What the samples section shows: text that the network wrote during training, read back from the run's folder."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charloop.checkpoint import RunFolder
from charloop.errors import CharloopError
from charloop.report.values import Missing, Sampled, View
from charloop.training.metrics import History

MAX_SAMPLES, MAX_TEMPERATURES = 8, 4
"""Samples on the page (the first, the last, and some between), and temperatures to choose from."""
MAX_FILE_SIZE = 1 << 20
"""Bytes of a file of samples; training writes a few thousand."""
FILE = re.compile(r"step-(\d{1,18})\.txt")
HEAD = re.compile(r"^--- temperature (\d{1,4}(?:\.\d{1,9})?) ---\n", re.MULTILINE)


def read_samples(folder: RunFolder) -> tuple[Sampled, ...] | Missing:
    """Return at most `MAX_SAMPLES` samples of a run, ordered by step; files that are not samples are ignored."""
    try:
        files = [path for path in folder.samples.iterdir() if path.is_file()]
    except OSError:
        files = []
    found = sorted((int(name[1]), path) for path in files if (name := FILE.fullmatch(path.name)))
    try:
        history = History.of(folder)
        losses = dict(zip(history.evaluated.tolist(), history.validation.tolist(), strict=True))
    except CharloopError:
        losses = {}
    samples = [Sampled(step, texts, losses.get(step)) for step, path in found if (texts := read_texts(path))]
    if not samples:
        return Missing(
            "The run has no samples. Training writes one after its first evaluation, and then after every few"
            " evaluations (--sample-every)."
        )
    return tuple(choose_samples(samples))


def read_texts(path: Path) -> tuple[tuple[str, str], ...]:
    """Return the temperature and the text of each sample in a file; none if it cannot be read or is no such file."""
    try:
        if path.stat().st_size > MAX_FILE_SIZE:
            return ()
        content = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    parts = HEAD.split(content)[1:]
    return tuple(
        (temperature, text.rstrip("\n")) for temperature, text in zip(parts[::2], parts[1::2], strict=True)
    )


def choose_samples(samples: Sequence[Sampled]) -> list[Sampled]:
    """Return at most `MAX_SAMPLES`, both ends among them, denser at the beginning: it changes fastest there."""
    if len(samples) <= MAX_SAMPLES:
        return list(samples)
    indices = np.geomspace(1, len(samples), MAX_SAMPLES).round().astype(int) - 1
    # Equal indices move on to the next ones.
    indices = np.maximum(indices, np.arange(MAX_SAMPLES))
    return [samples[index] for index in dict.fromkeys(indices.tolist())]


def view_samples(samples: tuple[Sampled, ...]) -> View:
    """Return a card for each sample with its text at each temperature, None where it has none."""
    names = list(dict.fromkeys(name for sample in samples for name, _ in sample.texts))[:MAX_TEMPERATURES]
    return {
        "temperatures": names,
        "shown": names[len(names) // 2],
        "cards": [
            {
                "step": f"{sample.step:,}",
                "loss": ""
                if sample.loss is None
                else f", validation {sample.loss / math.log(2):.3f} bits per character",
                "texts": [dict(sample.texts).get(name) for name in names],
            }
            for sample in samples
        ],
    }

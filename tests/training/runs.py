"""Tiny runs: a text of eleven characters, a configuration, and what a run leaves behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from charloop.checkpoint import load_tensors
from charloop.config import RunConfig
from charloop.configfile import SECTIONS, from_dict
from charloop.training.events import Evaluated, Event, Finished, Started, Stepped
from charloop.training.metrics import StepRecord
from charloop.training.run import resume, train

SYMBOLS = "abcdefghijk"
TEXT = "".join(np.random.default_rng(0).choice(list(SYMBOLS), 200)) + SYMBOLS
TRAIN = 189
"""Characters of the training text, of 211; the rest is the validation text."""
CHUNKS = 31
"""Chunks per epoch: 2 batch rows of 94, read 3 at a time."""

TINY = {
    "batch_size": 2,
    "seq_length": 3,
    "num_layers": 2,
    "hidden_size": 7,
    "embed_size": 5,
    "dropout_input": 0.1,
    "dropout_between": 0.2,
    "dropout_output": 0.3,
    "weight_dropout": 0.1,
    "learning_rate": 0.02,
    "warmup_steps": 4,
    "decay": "constant",
    "steps": 12,
    "eval_every": 100,
    "steps_per_call": 3,
    "devices": 1,
}


def configure(corpus: Path, **settings: Any) -> RunConfig:
    """`TINY` with `settings` on top, each in the section that has a field of that name."""
    flat = {"corpus": [str(corpus)]} | TINY | settings
    flat = {name: value for name, value in flat.items() if value is not None}
    sections: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        section = next(s for s, made in SECTIONS.items() if name in made.__dataclass_fields__)
        sections.setdefault(section, {})[name] = value
    return from_dict(sections)


def improving(folder: Path, **settings: Any) -> RunConfig:
    """A run that improves at each evaluation: its text, in `folder`, is repetitive."""
    (folder / "again.txt").write_text(SYMBOLS * 40)
    return configure(folder / "again.txt", **settings)


@dataclass
class Run:
    """A run's folder, and what its listener heard."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    def heard(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def started(self) -> Started:
        return self.heard(Started)[-1]

    @property
    def finished(self) -> Finished:
        return self.heard(Finished)[-1]

    @property
    def steps(self) -> list[StepRecord]:
        return [step for event in self.heard(Stepped) for step in event.steps]

    @property
    def evaluations(self) -> list[Evaluated]:
        return self.heard(Evaluated)

    @property
    def losses(self) -> list[float]:
        return [step.loss for step in self.steps]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, without times."""
        lines = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        return [{name: value for name, value in line.items() if name != "elapsed"} for line in lines]

    @property
    def best(self) -> dict[str, np.ndarray]:
        return load_tensors(self.folder / "model.safetensors")[0]

    @property
    def state(self) -> dict[str, np.ndarray]:
        return load_tensors(newest_checkpoint(self.folder))[0]

    @property
    def last(self) -> dict[str, np.ndarray]:
        state, prefix = self.state, "params/"
        return {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}


def newest_checkpoint(folder: Path) -> Path:
    """The checkpoint in `folder` that a run would continue from."""
    return max((folder / "checkpoints").glob("step-*.safetensors"))


Watch = Callable[[Event], None]


def run(folder: Path, config: RunConfig, watch: Watch | None = None, **options: Any) -> Run:
    """A run in `folder`; `watch` hears each event too, and may raise. A signal stops it, as on the command line."""
    made = Run(folder)
    train(config, folder, listener=listener(made, watch), **{"catch_signals": True} | options)
    return made


def resume_recorded(
    folder: Path, config: RunConfig | None = None, watch: Watch | None = None, **options: Any
) -> Run:
    """The run in `folder`, resumed."""
    made = Run(folder)
    resume(folder, config, listener=listener(made, watch), catch_signals=True, **options)
    return made


def listener(made: Run, watch: Watch | None) -> Watch:
    def listen(event: Event) -> None:
        made.events.append(event)
        if watch:
            watch(event)

    return listen


def at_step(step: int, act: Callable[[], None]) -> Watch:
    """Do `act` once the update `step` has been reported."""

    def watch(event: Event) -> None:
        if isinstance(event, Stepped) and any(one.step == step for one in event.steps):
            act()

    return watch


def assert_identical(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Equal to the last bit, name by name."""
    assert first.keys() == second.keys()
    assert [n for n in first if first[n].tobytes() != second[n].tobytes()] == []

"""What programs may write without a complaint from a type checker: `make check` checks it; nothing runs it."""

from pathlib import Path

import optax

from charloop import DataConfig, ModelConfig, RunConfig, TrainingConfig, train
from charloop.cells.lstm import LSTM

texts = [DataConfig("book.txt"), DataConfig(Path("book.txt")), DataConfig(["one.txt", Path("two.txt")])]
names: tuple[str, ...] = texts[0].corpus
networks = [ModelConfig("gru"), ModelConfig(LSTM), ModelConfig(cell=LSTM(64))]
name: str = networks[0].cell
config = RunConfig(texts[0], networks[1], TrainingConfig(steps=10))
train(config, "run", optimizer=optax.adam(1e-3), schedule=lambda step: 1e-3 / (step + 1))
train(RunConfig(DataConfig(), networks[2]), Path("run"), text="a text itself")

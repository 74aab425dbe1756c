"""charloop: a single text is streamed piece by piece, several are written at once."""

from importlib.metadata import version

import msgspec

from charloop.benchmark.speed import make_writer
from charloop.config import ModelConfig
from charloop.devices import use_all_cores


def build(setting):
    use_all_cores()
    vocab_size, texts = setting.pop("vocab_size"), setting.pop("num_samples")
    settings = setting.pop("filters") | {"length": setting.pop("length")}
    write = make_writer(msgspec.convert(setting, ModelConfig), vocab_size, texts, **settings)
    return write, {name: version(name) for name in ("charloop", "jax")}

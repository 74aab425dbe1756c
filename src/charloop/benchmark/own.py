"""charloop's own training step, for `serve.py`."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any


def build(setting: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, str]]:
    """The step that `charloop train` compiles, with the default unrolling."""
    from charloop.devices import offer_cores

    offer_cores()
    import msgspec

    from charloop.benchmark.unrolling import Program, Setting
    from charloop.config import ModelConfig

    sizes = {name: setting.pop(name) for name in ("batch_size", "seq_length", "vocab_size")}
    model = msgspec.convert(setting, ModelConfig)
    program = Program(Setting(model, **sizes), model.unroll)
    return program.step, {name: version(name) for name in ("charloop", "jax")}

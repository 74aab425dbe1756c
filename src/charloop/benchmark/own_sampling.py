"""charloop's own writing, for `serve.py`: what `charloop sample` does, with every filter on."""

import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

FILTERS: dict[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.01}


def build(setting: dict[str, Any]) -> tuple[Callable[[], Any], dict[str, str]]:
    """A text a step: one is streamed into nothing, piece by piece, several come together at their end."""
    from charloop.devices import use_all_cores

    use_all_cores()
    import jax
    import msgspec

    from charloop.config import ModelConfig
    from charloop.data import Vocabulary
    from charloop.model import CharLM
    from charloop.trained import TrainedModel

    sizes = {name: setting.pop(name) for name in ("num_samples", "length", "vocab_size")}
    vocabulary = Vocabulary.of_text("".join(map(chr, range(32, 32 + sizes.pop("vocab_size")))))
    model = CharLM.build(msgspec.convert(setting, ModelConfig), vocabulary.size)
    network = TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})

    def streamed() -> None:
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            for piece in network.stream("A", length=sizes["length"], **FILTERS):
                print(piece, end="", file=nothing, flush=True)

    def together() -> list[str]:
        return network.sample("A", **sizes, **FILTERS)

    step = streamed if sizes["num_samples"] == 1 else together
    return step, {name: version(name) for name in ("charloop", "jax")}

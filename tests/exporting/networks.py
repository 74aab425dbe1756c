"""Small networks with random weights, of every kind that is exported, and what charloop computes with them."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.exporting.quantizing import quantize
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Parameters
from choosing import mostly_slow

CHARACTERS = 300
HOSTILE = "</script>\"'\\\x00\u202e\ud800\n%{}`$ "
"""Characters that could end a string or a script, reverse text, or be no text at all."""
SYMBOLS = tuple(sorted(set(HOSTILE + "abcdefg é\U0001f600\U00020000")))
LABELS = ("</script>", '"quoted" \\ label', "")

KINDS: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru"},
    "gru-original": {"cell": "gru", "cell_options": ("reset_after=false",)},
    "lstm": {"cell": "lstm"},
    "lstm-capped": {"cell": "lstm", "cell_options": ("cap_input=true",)},
    "ln-lstm": {"cell": "ln-lstm"},
    "ln-lstm-cell": {"cell": "ln-lstm", "cell_options": ("normalize_cell=true",)},
    "nas": {"cell": "nas"},
    "skip-lstm": {"cell": "examples/my_cells.py:SkipLSTM"},
    "multiplicative": {"cell": "examples/my_cells.py:MultiplicativeLSTM"},
    "one-hot": {"cell": "lstm", "embed_size": 0},
    "tied": {"cell": "gru", "embed_size": 12, "tie_embedding": True},
    "all-layers": {"cell": "lstm", "readout_from": "all"},
    "bytes": {"cell": "gru", "unit": "byte"},
    "unknown": {"cell": "lstm", "min_count": 2},
    "documents": {"cell": "lstm", "documents": "line"},
    "labels": {"cell": "gru", "documents": "record", "labels": LABELS},
}
"""By name: settings of the model and the vocabulary."""
CASES = mostly_slow(
    [(kind, layers) for kind in KINDS for layers in (1, 3)],
    lambda case: case[1] == 1 or case[0] in ("all-layers", "ln-lstm", "labels"),
)
each_network = pytest.mark.parametrize(("kind", "layers"), CASES)


@cache
def make_network(kind: str, layers: int = 1) -> TrainedModel:
    """Return a network with all weights drawn anew, biases too: the same in every process."""
    settings = {"hidden_size": 12, "embed_size": 7, "num_layers": layers, "unroll": "scan"} | KINDS[kind]
    about = {
        name: settings.pop(name) for name in ("documents", "labels", "min_count", "unit") if name in settings
    }
    is_bytes = about.pop("unit", "char") == "byte"
    vocabulary = Vocabulary.of_bytes(**about) if is_bytes else Vocabulary(SYMBOLS, **about)
    model = CharLM.build(ModelConfig(**settings), vocabulary.size, vocabulary.end_id)
    return TrainedModel(model, draw_params(model), vocabulary, {})


def draw_params(model: CharLM) -> Parameters:
    """Return random parameters, without compiling anything."""
    draw = np.random.default_rng(5)
    return {
        name: jax.numpy.asarray(
            draw.normal(0 if of.ndim > 1 else 0.4, of.shape[-1] ** -0.5 if of.ndim > 1 else 0.2, of.shape),
            "f4",
        )
        for name, of in sorted(jax.eval_shape(model.init, jax.random.key(0)).items())
    }


def draw_tokens(network: TrainedModel, count: int = CHARACTERS) -> np.ndarray:
    """Return tokens of every kind, the end symbol among them."""
    return np.random.default_rng(7).integers(0, network.vocabulary.size, count).astype(np.int32)


@cache
def compile_model(model: CharLM) -> Any:
    """Return the function that reads tokens; networks with the same model share its program."""
    return jax.jit(model.apply)


def compute_logits(network: TrainedModel, tokens: np.ndarray) -> np.ndarray:
    """Return the logits after each token, read from the first state by charloop itself: `[time, vocab]`."""
    state = network.model.initial_state(1)
    logits, _ = compile_model(network.model)(network.params, tokens[:, None], state)
    return np.asarray(logits)[:, 0]


@cache
def expect_logits(kind: str, layers: int = 1, *, int8: bool = False) -> np.ndarray:
    """Return the logits after each of `draw_tokens`, computed once; with `int8` those of rounded weights."""
    network = make_network(kind, layers)
    return compute_logits(quantize(network) if int8 else network, draw_tokens(network))


def assert_close(made: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Assert that logits are equal, relative to the largest of their row."""
    scale = np.abs(expected).max(axis=-1, keepdims=True)
    assert np.isfinite(made).all()
    assert (np.abs(made - expected) / scale).max() <= tolerance

"""The optimizer: gradient clipping, then the update rule. The learning rate is separate: see `schedule`."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from charloop.config import RunConfig, TrainingConfig
from charloop.errors import CharloopError
from charloop.types import Parameters

RULES = {
    "adam": lambda c: optax.scale_by_adam(c.beta1, c.beta2),
    "adamw": lambda c: optax.chain(
        optax.scale_by_adam(c.beta1, c.beta2),
        optax.add_decayed_weights(c.weight_decay, mask=find_matrices),
    ),
    "muon": lambda c: optax.chain(
        muon(c.beta1, c.beta2), optax.add_decayed_weights(c.weight_decay, mask=find_matrices)
    ),
    "rmsprop": lambda c: optax.scale_by_rms(c.beta2),
    "sgd": lambda c: optax.trace(c.beta1),
}

MUON_SIZE = 0.2
"""Root mean square of an update by Muon, as usual with Adam, whatever the shape of a matrix (Liu et al. 2025)."""
READ = ("optimizer", "beta1", "beta2", "weight_decay", "clip_norm", "freeze")
"""Settings that an optimizer is made from."""


def make_optimizer(
    config: TrainingConfig, given: optax.GradientTransformation | None = None
) -> optax.GradientTransformationExtraArgs:
    """Return clipping by the global norm, then the rule; the training step multiplies by the learning rate itself.

    The rate is not part of the optimizer's state, so changing it loses no moments. `update` accepts the gradient's
    `norm` where it is known. A `given` rule replaces that of the configuration: its updates are meant to be added to
    the weights, as everywhere in optax, so their sign is changed for `apply_updates`.
    """
    if given is not None:
        return chain_with_clip(config, optax.chain(given, optax.scale(-1.0)))
    return _known_optimizer(replace(TrainingConfig(), **{name: getattr(config, name) for name in READ}))


@lru_cache(maxsize=64)
def _known_optimizer(config: TrainingConfig) -> optax.GradientTransformationExtraArgs:
    """Return the same object for the same settings, so that programs compiled with it are found again."""
    return chain_with_clip(config, RULES[config.optimizer](config))


def chain_with_clip(
    config: TrainingConfig, rule: optax.GradientTransformation
) -> optax.GradientTransformationExtraArgs:
    """Return clipping as `config` says, then `rule`, for the parts that are not frozen."""
    clip = clip_by_norm(config.clip_norm) if config.clip_norm else optax.identity()
    whole = optax.with_extra_args_support(optax.chain(clip, rule))
    return freeze_parts(whole, tuple(config.freeze.split(","))) if config.freeze else whole


def freeze_parts(
    rule: optax.GradientTransformationExtraArgs, parts: tuple[str, ...]
) -> optax.GradientTransformationExtraArgs:
    """Return `rule` without gradients and updates for the parameters in `parts`; its state keeps its shape.

    The norm that clips is that of the other gradients, so a known one of all is not used.
    """

    def zero(tree: Parameters) -> Parameters:
        return {name: jnp.zeros_like(v) if find_part(name) in parts else v for name, v in tree.items()}

    def update(gradient: Parameters, state: Any, params: Any = None, **_: Any) -> tuple[Parameters, Any]:
        updates, state = rule.update(zero(gradient), state, params)
        # Again, because weight decay needs no gradient.
        return zero(updates), state

    return optax.GradientTransformationExtraArgs(rule.init, update)


def find_part(parameter: str) -> str:
    """Return which part of the network a parameter belongs to: embedding, readout, layer0, layer1, ..."""
    module, _, name = parameter.partition(".")
    return f"layer{name.rpartition('_l')[2]}" if module == "rnn" else module


def check_frozen(config: RunConfig) -> None:
    """Raise CharloopError unless `freeze` names parts of the network, and leaves one to train."""
    model, frozen = config.model, config.training.freeze.split(",") if config.training.freeze else []
    layers = [f"layer{number}" for number in range(model.num_layers)]
    parts = [*(["embedding"] if model.embed_size else []), *layers, "readout"]
    for name in frozen:
        if name not in parts:
            raise CharloopError("--freeze", got=name, allowed=", ".join(parts))
    if set(frozen) == set(parts):
        raise CharloopError("--freeze leaves nothing to train", got=config.training.freeze)


def check_objects(optimizer: Any, schedule: Any) -> None:
    """Raise CharloopError for an `optimizer` that is not of optax, and a `schedule` that is not a function."""
    if optimizer is not None and not isinstance(optimizer, optax.GradientTransformation):
        allowed = "an optax.GradientTransformation, such as optax.adam(1e-3)"
        raise CharloopError(
            "optimizer", got=type(optimizer).__name__, allowed=allowed, do="name ours in the configuration"
        )
    if schedule is not None and not callable(schedule):
        allowed = "a function from a step to its learning rate"
        raise CharloopError(
            "schedule", got=schedule, allowed=allowed, do="a fixed one is learning_rate in the configuration"
        )


def clip_by_norm(limit: float) -> optax.GradientTransformationExtraArgs:
    """Return `optax.clip_by_global_norm` (Pascanu et al. 2012) that accepts a known norm instead of computing it."""

    def update(
        gradient: Parameters, state: Any, params: Any = None, *, norm: Array | None = None, **_: Any
    ) -> tuple[Parameters, Any]:
        del params
        length = optax.tree.norm(gradient) if norm is None else norm
        short = length < limit
        return jax.tree.map(lambda g: jnp.where(short, g, g / length * limit), gradient), state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)


def muon(beta1: float, beta2: float) -> optax.GradientTransformation:
    """Return Muon (Jordan et al. 2024) for the matrices of the recurrent layers, and Adam for all other weights."""
    rules = {"muon": orthogonalize_gates(beta1), "adam": optax.scale_by_adam(beta1, beta2)}
    return optax.partition(rules, choose_rules)


def choose_rules(params: Parameters) -> dict[str, str]:
    """Return for each parameter the rule that moves it."""
    return {
        name: "muon" if name.startswith("rnn.weight") and value.ndim == 2 else "adam"
        for name, value in params.items()
    }


def orthogonalize_gates(beta1: float) -> optax.GradientTransformation:
    """Return Nesterov momentum, made nearly orthogonal by five Newton-Schulz steps: each gate's block by itself."""
    rule = scale_by_muon(
        beta=beta1,
        weight_dimension_numbers=lambda tree: jax.tree.map(lambda _: MuonDimensionNumbers(-2, -1), tree),
    )

    def update(gradient: dict[str, Any], state: Any, params: Any = None) -> tuple[dict[str, Any], Any]:
        del params
        moves, state = rule.update(cut_gates(gradient), state)
        scaled = jax.tree.map(
            lambda move, whole: (MUON_SIZE * math.sqrt(max(move.shape[1:])) * move).reshape(whole.shape),
            moves,
            gradient,
        )
        return scaled, state

    return optax.GradientTransformation(lambda params: rule.init(cut_gates(params)), update)


def cut_gates(matrices: dict[str, Any]) -> dict[str, Any]:
    """Return each matrix as `[gates, rows, columns]`; with one gate if its rows are not those of gates."""

    def cut(name: str, matrix: Float[Array, "rows columns"]) -> Float[Array, "gates block columns"]:
        state = matrices.get(f"rnn.weight_hh_l{name.rpartition('_l')[2]}")
        hidden = getattr(state, "shape", matrix.shape)[-1]
        gates = len(matrix) // hidden if len(matrix) % hidden == 0 else 1
        return matrix.reshape(gates, -1, matrix.shape[1])

    # optax marks the parameters of other rules with empty trees.
    return {name: cut(name, value) if hasattr(value, "shape") else value for name, value in matrices.items()}


def find_matrices(params: Parameters) -> dict[str, bool]:
    """Return which parameters weight decay applies to: matrices, never biases or scales."""
    return {name: value.ndim > 1 for name, value in params.items()}


def apply_updates(params: Parameters, updates: Parameters, rate: Array) -> Parameters:
    """Return the parameters after a step of size `rate`."""
    return {name: value - rate * updates[name] for name, value in params.items()}

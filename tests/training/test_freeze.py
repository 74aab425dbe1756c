"""`--freeze`: parts of a network that no update changes, and what is left of it in clipping and on resume."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

from charloop.training.run import resume
from choosing import slow
from refusing import refused
from training.runs import Run, assert_identical, configure, run

PARTS = {"embedding": "embedding.", "readout": "readout.", "layer0": "_l0", "layer1": "_l1"}


def changed(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> set[str]:
    return {name for name in first if first[name].tobytes() != second[name].tobytes()}


@pytest.mark.parametrize("optimizer", ["adamw", slow("sgd"), "given"])
def test_frozen_parts_keep_every_bit_and_all_others_move(
    tmp_path: Path, text: Path, whole: Run, optimizer: str
) -> None:
    parts = "embedding,layer0" if optimizer == "adamw" else "readout,layer1"
    given: dict[str, Any] = {"optimizer": optax.adamw(0.1, weight_decay=0.1)} if optimizer == "given" else {}
    settings = {} if given else {"optimizer": optimizer, "weight_decay": 0.1}
    config = configure(text, freeze=parts, steps=3, **settings)
    made = run(tmp_path / "run", config, init_from=whole.folder, **given)
    frozen = {name for name in whole.best if any(PARTS[part] in name for part in parts.split(","))}
    assert changed(whole.best, made.last) == whole.best.keys() - frozen
    assert made.started.config.training.freeze == parts


def test_clipping_looks_only_at_what_is_trained(tmp_path: Path, text: Path, whole: Run) -> None:
    """A step of SGD is as long as the clipping norm, whatever the gradient of the frozen parts."""
    plain = {"optimizer": "sgd", "beta1": 0.0, "clip_norm": 1e-3, "warmup_steps": 0, "learning_rate": 1.0}
    config = configure(text, freeze="embedding,layer0,layer1", steps=1, **plain)
    made = run(tmp_path / "run", config, init_from=whole.folder)
    moved = [made.last[name].astype(float) - whole.best[name] for name in made.last]
    assert np.sqrt(sum((one**2).sum() for one in moved)) == pytest.approx(1e-3, rel=1e-2)


def test_a_run_with_frozen_parts_resumes_to_the_same_bits(tmp_path: Path, text: Path) -> None:
    settings = {"freeze": "layer1"}
    whole = run(tmp_path / "whole", configure(text, steps=9, **settings))
    half = run(tmp_path / "half", configure(text, steps=4, **settings))
    config, before = half.started.config, half.last
    resume(half.folder, replace(config, training=replace(config.training, steps=9)))
    assert_identical(Run(half.folder).state, whole.state)
    assert changed(before, Run(half.folder).last) == {name for name in before if "_l1" not in name}


@pytest.mark.parametrize(
    ("settings", "what", "got", "allowed"),
    [
        ({"freeze": "layer2"}, "--freeze", "layer2", "embedding, layer0, layer1, readout"),
        ({"freeze": "embedding", "embed_size": 0}, "--freeze", "embedding", "layer0, layer1, readout"),
        ({"freeze": "layer0,"}, "--freeze", "", "embedding, layer0"),
        ({"freeze": "readout,layer1,embedding,layer0"}, "nothing to train", None, ""),
    ],
)
def test_names_that_the_network_does_not_have_are_refused(
    tmp_path: Path, text: Path, settings: dict, what: str, got: str, allowed: str
) -> None:
    with refused(what, got=got, allowed=allowed):
        run(tmp_path / "run", configure(text, **settings))
    assert not (tmp_path / "run").exists()

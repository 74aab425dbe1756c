"""Training with bfloat16 products reaches a similar loss, evaluated in float32; or it is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charloop import load
from charloop.errors import CharloopError
from charloop.kernels import availability
from charloop.trained import TrainedModel
from kernels.direct import NEEDS_BFLOAT16
from training.runs import TEXT, TRAIN, Run, configure, run


def trained(tmp_path: Path, name: str, **settings: Any) -> Run:
    corpus = tmp_path / "text"
    corpus.write_text(TEXT)
    return run(tmp_path / name, configure(corpus, **settings))


@NEEDS_BFLOAT16
def test_losses_are_near_those_of_float32_and_not_the_same(tmp_path: Path) -> None:
    plain, rounded = (trained(tmp_path, name, precision=name) for name in ("float32", "bfloat16"))
    pairs = [(a.loss, b.loss) for a, b in zip(plain.steps, rounded.steps, strict=True)]
    assert all(a == pytest.approx(b, abs=0.05) for a, b in pairs)
    assert any(a != b for a, b in pairs)


@NEEDS_BFLOAT16
def test_the_loss_of_an_evaluation_is_that_of_float32(tmp_path: Path) -> None:
    """The loss that a run records is the one that loaded weights have."""
    found = trained(tmp_path, "run", precision="bfloat16")
    network: TrainedModel = load(found.folder)
    assert network.facts["validation_loss"] == found.evaluations[-1].score.loss
    assert network.evaluate(TEXT[TRAIN:]).loss == pytest.approx(found.evaluations[-1].score.loss, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"unroll": "scan"}, "needs --unroll fused, not scan"), ({}, "no bfloat16 instructions")],
)
def test_without_bfloat16_it_is_refused_before_anything_is_written(
    settings: dict[str, str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from charloop.kernels import machine

    here = replace(machine.detect_machine(), bfloat16=False)
    monkeypatch.setattr(machine, "detect_machine", lambda: here)
    availability.reason_against_bfloat16.cache_clear()
    with pytest.raises(CharloopError, match=why):
        trained(tmp_path, "run", precision="bfloat16", **settings)
    availability.reason_against_bfloat16.cache_clear()
    assert not (tmp_path / "run").exists()

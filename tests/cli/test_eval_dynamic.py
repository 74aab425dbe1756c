"""`eval --dynamic` and `sample --dynamic-context`: a network that learns while it reads; its run stays as it is."""

import json
import random
import shutil
from pathlib import Path

import pytest

from charloop.config import DynamicConfig
from charloop.trained import adapting, load
from cli.commands import call, done, refused

BACKWARDS = "reviR dlo na yb speels god ehT\n" * 30
"""A text of letters that the run knows, in an order that it does not know."""


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because what dynamic evaluation needs of the training text is kept in the folder."""
    copy = tmp_path_factory.mktemp("dynamic") / "run"
    shutil.copytree(trained, copy)
    return copy


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "backwards.txt"
    path.write_text(BACKWARDS.lower())
    return str(path)


def test_the_loss_is_that_of_the_library_and_below_the_static_one(run: Path, text: str) -> None:
    weights = (run / "model.safetensors").read_bytes()
    found = json.loads(done(call("eval", str(run), text, "--dynamic", "--dynamic-rate", "0.5", "--json")))
    network = load(run)
    tokens = network.vocabulary.encode(BACKWARDS.lower())
    before = network.beginning().ids(network.vocabulary, tokens)
    settings = DynamicConfig(dynamic_rate=0.5)
    score, _ = adapting.score_while_learning(network, tokens, settings, before=before)
    assert found["dynamic"]["nats_per_character"] == pytest.approx(score.loss, rel=1e-6)
    assert found["dynamic"]["nats_per_character"] < found["nats_per_character"] - 0.1
    low, high = found["dynamic"]["change"]["interval"]
    change = found["dynamic"]["nats_per_character"] - found["nats_per_character"]
    assert low < change < high < 0
    assert found["dynamic"]["settings"]["rate"] == 0.5
    assert (run / "model.safetensors").read_bytes() == weights


def test_people_read_both(run: Path, text: str) -> None:
    printed = done(call("eval", str(run), text, "--dynamic", "--dynamic-rows", "2"))
    assert "\nnats/char   " in printed
    assert "\ndynamic     " in printed
    assert "segments of 20 in 2 rows" in printed
    assert "try --tune" not in printed


def test_settings_that_do_harm_are_named(run: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.txt"
    noise.write_text("".join(random.Random(0).choices("thequickbrown ", k=2000)))
    printed = done(call("eval", str(run), str(noise), "--dynamic", "--dynamic-rate", "1000"))
    assert "worse than the trained weights: try --tune, or a lower --dynamic-rate" in printed


def test_each_character_has_both_losses(run: Path, text: str) -> None:
    outcome = call("eval", str(run), text, "--dynamic", "--per-character", "-")
    assert "dynamic " in outcome.err
    lines = outcome.out.splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == len(BACKWARDS) - 1
    first, last = records[:20], records[-100:]
    assert all(one["dynamic_nats"] == pytest.approx(one["nats"], rel=1e-3, abs=1e-4) for one in first)
    assert sum(one["dynamic_nats"] for one in last) < sum(one["nats"] for one in last)


def test_tuning_prints_what_it_finds_and_uses_it(
    run: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapting, "GRID", {"dynamic_rate": (0.1, 0.3), "dynamic_decay": (0.003,)})
    outcome = call("eval", str(run), text, "--dynamic", "--tune", "--json")
    used = json.loads(outcome.out)["dynamic"]["settings"]
    tuned = [line for line in outcome.err.splitlines() if line.startswith("tuning: ")]
    assert f"--dynamic-rate {used['rate']:g} --dynamic-decay {used['decay']:g}: " in tuned[-1]


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (("--tune",), "--tune needs --dynamic"),
        (("--dynamic-rows", "2"), "--dynamic-rows needs --dynamic"),
        (("--dynamic", "--limit", "100"), "--dynamic and --limit do not go together"),
        (("--dynamic", "--per-document", "-"), "--per-document and --dynamic do not go together"),
        (("--dynamic", "--label-of", "-"), "--label-of and --dynamic do not go together"),
        (("--dynamic", "--dynamic-rows", "2"), "--dynamic-rows: got 2; allowed: up to 1"),
        (("--dynamic", "--dynamic-rate", "-1"), "--dynamic-rate"),
        (("--dynamic", "--dynamic-segment", "0"), "--dynamic-segment"),
        (("--dynamic", "--dynamic-epsilon", "0"), "--dynamic-epsilon"),
    ],
)
def test_bad_flags_are_refused(run: Path, flags: tuple[str, ...], wrong: str) -> None:
    assert wrong in refused(call("eval", str(run), "--text", "the fox", *flags))


def test_a_network_that_has_learned_from_a_text_writes_otherwise(run: Path, text: str) -> None:
    weights = (run / "model.safetensors").read_bytes()
    flags = ("--length", "300", "--temperature", "0.3", "--no-echo")
    plain = done(call("sample", str(run), *flags))
    outcome = call("sample", str(run), *flags, "--dynamic-context", text, "--dynamic-rate", "0.5")
    assert f"note: learned from backwards.txt, {len(BACKWARDS) - 1:,} characters at " in outcome.err
    network = load(run)
    tokens = network.vocabulary.encode(BACKWARDS.lower())
    adapted, _ = adapting.adapt(network, tokens, DynamicConfig(dynamic_rate=0.5))
    assert outcome.out == adapted.sample(length=300, temperature=0.3, seed=0)[0] + "\n" != plain
    assert call("sample", str(run), *flags, "--dynamic-context", text, "--dynamic-rate", "0").out == plain
    assert (run / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (("--dynamic-rate", "0.1"), "--dynamic-rate needs --dynamic-context"),
        (("--dynamic-context", "no such file"), "no such file"),
        (("--dynamic-context", "a.txt", "--dynamic-decay", "-1"), "--dynamic-decay"),
    ],
)
def test_bad_flags_of_sample_are_refused(trained: Path, flags: tuple[str, ...], wrong: str) -> None:
    assert wrong in refused(call("sample", str(trained), *flags))

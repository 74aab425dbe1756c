"""`charloop eval` and `charloop info`: the figures for people, for programs, and given back as settings."""

import json
import math
from pathlib import Path

import pytest

from charloop.configfile import to_dict
from charloop.description import weights_rows
from charloop.kernels import availability
from charloop.trained import load
from cli.commands import BRIEF, WITHOUT_OPTIONAL_LIBRARIES, assert_refused, call, done, process
from cli.conftest import text_of
from cli.test_train import config


def figures(out: str) -> dict[str, str]:
    """Labels and what stands beside them."""
    pairs = (line.split(maxsplit=1) for line in out.splitlines())
    return {pair[0]: pair[1] for pair in pairs}


def test_a_file_is_scored_as_the_library_scores_it(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(text_of(12, seed=5))
    out = done(call("eval", str(trained), "other.txt"))
    score = load(trained).evaluate(text_of(12, seed=5))
    found = figures(out)
    assert found["text"] == "other.txt"
    assert found["characters"] == f"{len(text_of(12, seed=5)) - 1:,} predicted"
    assert math.isclose(float(found["nats/char"]), score.loss, abs_tol=1e-4)
    assert math.isclose(float(found["bits/char"]), score.loss / math.log(2), abs_tol=1e-4)
    assert math.isclose(
        float(found["perplexity"].removesuffix(" per character")), math.exp(score.loss), abs_tol=2e-3
    )


def test_a_string_is_scored_as_the_library_scores_it(trained: Path) -> None:
    found = json.loads(done(call("eval", str(trained), "--text", "the quick fox", "--json")))
    score = load(trained).evaluate("the quick fox")
    assert found["characters"] == 12
    assert math.isclose(found["nats_per_character"], score.loss, rel_tol=1e-5)
    assert math.isclose(found["bits_per_character"], score.bits_per_character, rel_tol=1e-5)
    assert math.isclose(found["perplexity"], score.perplexity, rel_tol=1e-5)
    assert found["text"] == "the given string"


def test_perplexity_per_word_stands_beside_that_per_character_where_there_are_words(trained: Path) -> None:
    found = json.loads(done(call("eval", str(trained), "--text", "the quick fox", "--json")))
    assert math.isclose(found["perplexity_per_word"], found["perplexity"] ** (13 / 3), rel_tol=1e-4)
    assert " per word" in done(call("eval", str(trained), "--text", "the quick fox"))
    assert " per word" not in done(call("eval", str(trained), "--text", "x" * 90))


def test_parts_of_its_own_text(trained: Path) -> None:
    whole, val, train = (
        json.loads(done(call("eval", str(trained), "--json", *flags)))
        for flags in ((), ("--split", "val"), ("--split", "train"))
    )
    assert whole == val
    assert val["text"] == "val part of book.txt"
    assert train["characters"] > 8 * val["characters"]
    best = json.loads(done(call("info", str(trained), "--json")))["weights"]["validation_loss"]
    assert math.isclose(val["nats_per_character"], best, rel_tol=1e-4)


def test_a_text_in_another_encoding_than_the_training_text(trained: Path) -> None:
    Path("same.txt").write_text(text_of(3))
    Path("other.txt").write_text(text_of(3), "utf-16-le")
    evaluate = ("eval", str(trained))
    found = done(call(*evaluate, "other.txt", "--encoding", "utf-16-le"))
    assert figures(found)["nats/char"] == figures(done(call(*evaluate, "same.txt")))["nats/char"]
    for flag in (("--encoding", "latin-1"), ("--errors", "replace")):
        assert_refused(call(*evaluate, *flag), f"{flag[0]} is for files", do=f"leave {flag[0]} out")
        assert_refused(call(*evaluate, "--text", "the", *flag), f"{flag[0]} is for files")


def test_several_texts_and_unknown_characters(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text_of(3))
    (tmp_path / "b.txt").write_text("THE FOX" + text_of(3))
    out = done(call("eval", str(trained), "a.txt", "b.txt", "--unknown", "skip"))
    assert "\nnote        skipped 6 characters that are not in the vocabulary\n" in out
    assert figures(out)["characters"] == f"{2 * len(text_of(3)) + 1 - 1} predicted"


def test_standard_input_is_scored(trained: Path) -> None:
    out = done(call("eval", str(trained), "-", stdin="the fox\n"))
    assert figures(out)["text"] == "standard input"


def test_info_for_people(trained: Path, book: Path) -> None:
    found = figures(done(process("info", str(trained), first=WITHOUT_OPTIONAL_LIBRARIES)))
    size = len(book.read_text())
    assert found["run"] == str(trained)
    assert found["model"] == "lstm, 1 x 12, embedding 6"
    assert found["text"].startswith(f"book.txt, {size:,} characters, ")
    assert found["split"] == f"{size * 9 // 10:,} to train on, {size - size * 9 // 10:,} to validate"
    assert found["training"].startswith("adamw, learning rate 0.005, cosine")
    assert found["step"] == "4 batch rows x 16 characters"
    assert found["budget"] == "16 steps"
    assert found["dropout"] == "none"
    assert found["parameters"] == f"{sum(value.size for value in load(trained).params.values()):,}"
    assert found["best"].endswith("bits per character, after step 16")


def test_info_for_programs(trained: Path) -> None:
    found = json.loads(done(call("info", str(trained), "--json")))
    assert found["run"] == str(trained)
    assert {name: found[name] for name in ("data", "model", "training")} == json.loads(
        json.dumps(to_dict(config(trained)))
    )
    assert found["weights"]["step"] == 16


def test_settings_given_back(trained: Path, tmp_path: Path) -> None:
    """The same settings, the same text, the same seed: the same run."""
    (tmp_path / "again.toml").write_text(done(call("info", str(trained), "--toml")))
    done(call("train", "--config", "again.toml", "--output", "again"))
    assert config("again") == config(trained)
    done(call("train", "--config", str(trained / "config.json"), "--output", "third"))
    assert config("third") == config(trained)
    texts = {done(call("sample", run, "--length", "40")) for run in (str(trained), "again", "third")}
    assert len(texts) == 1


def test_info_of_a_run_without_weights(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    assert figures(done(call("info", str(copied))))["weights"].startswith("none yet (")
    assert json.loads(done(call("info", str(copied), "--json")))["weights"] is None


def test_info_of_a_run_without_validation_text(book: Path) -> None:
    done(call("train", str(book), *BRIEF, "--steps", "4", "--validation-fraction", "0", "--output", "run"))
    assert figures(done(call("info", "run")))["best"] == "after step 4; there is no validation text"


def test_info_says_why_there_is_no_kernel_in_the_words_of_sample(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(done(call("info", str(trained), "--json")))["notes"] == []
    monkeypatch.setattr(availability, "find_spec", lambda _: None)
    availability.reason_against_kernel.cache_clear()
    try:
        listed = json.loads(done(call("info", str(trained), "--json")))["notes"]
        shown = done(call("info", str(trained)))
        network = load(trained)
    finally:
        availability.reason_against_kernel.cache_clear()
    assert listed == list(network.notes)
    assert "llvmlite is not installed" in listed[0]
    assert f"\nnote        {listed[0]}\n" in shown


def test_info_says_that_weights_are_averaged() -> None:
    weights = {"parameters": 3, "step": 5, "validation_loss": 1.0}
    (_, plain), (_, averaged) = (
        list(weights_rows({"weights": weights | more, "text": {}}))[-1] for more in ({}, {"averaged": True})
    )
    assert averaged == f"{plain}, averaged weights"

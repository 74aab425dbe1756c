"""`eval`, `sample` and `compress RUN+RUN`: several networks as one."""

import json
import shutil
from pathlib import Path

import pytest

from charloop.cli.flags.mixing import split_runs
from charloop.trained import load
from cli.commands import call, done, refused


def test_eval_tells_the_loss_of_each_and_of_the_mixture(trained: Path, book: Path) -> None:
    found = json.loads(done(call("eval", f"{trained}+ngram", str(book), "--mix-weights", "3,1", "--json")))
    one, ngram = found["mixture"]["members"]
    network = json.loads(done(call("eval", str(trained), str(book), "--json")))
    assert (one["weight"], ngram["weight"]) == (0.75, 0.25)
    assert one["nats_per_character"] == pytest.approx(network["nats_per_character"], rel=1e-5)
    assert ngram["name"].endswith(f"-gram of {trained}")
    change, best = found["mixture"]["change"], min(one["nats_per_character"], ngram["nats_per_character"])
    assert change["nats_per_character"] == pytest.approx(found["nats_per_character"] - best, abs=1e-5)
    assert change["interval"][0] < change["nats_per_character"] < change["interval"][1]


def test_tuned_weights_are_printed_and_used(
    trained: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.trained.weighing.LEAST", 100)
    outcome = call("eval", f"{trained}+ngram", str(book), "--tune", "--mix", "linear")
    assert outcome.err.endswith(" nats per character of the validation text\n")
    assert "\nchange      " in outcome.out
    tuned = outcome.err.split("--mix-weights ")[1].split(": ")[0]
    assert f"mixture     mean, --mix-weights {tuned}\n" in outcome.out
    assert tuned != "0.5,0.5"
    assert "training text's end" in call("eval", f"{trained}+ngram", "--tune", "--limit", "9").err


def test_sample_writes_from_the_mixture(trained: Path) -> None:
    flags = ("--length", "40", "--no-echo", "--seed", "3", "--temperature", "0.7")
    alone = done(call("sample", str(trained), *flags))
    assert done(call("sample", f"{trained}+{trained}", *flags)) == alone
    assert done(call("sample", f"{trained}+ngram", *flags, "--mix-weights", "1,0")) == alone
    assert done(call("sample", f"{trained}+ngram", *flags, "--mix-weights", "0,1")) != alone


@pytest.mark.parametrize("flags", [("--tune",), ("--mix", "linear", "--mix-weights", "1,1,1")], ids=" ".join)
def test_compress_codes_with_the_mixture(trained: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    runs, text = f"{trained}+ngram+{trained}", tmp_path / "text"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 30)
    done(call("compress", str(trained), str(text), "-o", "alone"))
    assert call("compress", runs, str(text), *flags, "-o", "mixed").code == 0
    assert 0 < Path("mixed").stat().st_size != Path("alone").stat().st_size
    done(call("decompress", "mixed", "-o", "again"))
    assert Path("again").read_bytes() == text.read_bytes()
    done(call("decompress", "mixed", runs, "-o", "again", "--overwrite"))
    assert refused(call("decompress", "mixed", f"{trained}+{trained}+{trained}", "-o", "none"))
    assert not Path("none").exists()


def test_the_name_of_what_exists_may_hold_a_plus(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "a+b")
    assert split_runs("a+b") == ["a+b"]
    assert split_runs("c+a+b+ngram") == ["c", "a+b", "ngram"]
    assert load("a+b").vocabulary == load(trained).vocabulary
    done(call("sample", "a+b", "--length", "1"))


@pytest.mark.parametrize(
    ("command", "runs", "flags", "wrong"),
    [
        ("eval", "{}", ("--mix", "linear"), "--mix needs several runs"),
        ("eval", "{}", ("--mix-weights", "1,2"), "--mix-weights needs several runs"),
        ("eval", "{}+ngram", ("--mix-weights", "1"), "--mix-weights: got '1'"),
        ("eval", "{}+ngram", ("--mix-weights", "a,b"), "--mix-weights: got 'a,b'"),
        (
            "eval",
            "{}+ngram",
            ("--mix-weights", "1,1", "--tune"),
            "--tune and --mix-weights do not go together",
        ),
        ("eval", "{}+ngram", ("--dynamic",), "--dynamic and several runs do not go together"),
        ("eval", "ngram+{}", (), "runs to mix"),
        ("eval", "{}+", (), "runs to mix"),
        ("eval", "{}+nothing", (), "no such run: got 'nothing'"),
        ("sample", "{}", ("--tune",), "--tune needs several runs"),
        ("compress", "{}+ngram", ("x", "--dynamic"), "--dynamic and several runs do not go together"),
        ("compress", "{}", ("x", "--tune"), "--tune needs several runs"),
        ("compress", "{}", ("x", "--mix", "linear"), "--mix needs several runs"),
        ("sample", "{}+ngram", ("--dynamic-context", "x"), "--dynamic-context and several runs"),
        ("info", "{}+ngram", (), "only eval, sample and compress mix runs"),
    ],
)
def test_what_does_not_fit_is_refused(
    trained: Path, command: str, runs: str, flags: tuple[str, ...], wrong: str
) -> None:
    assert wrong in refused(call(command, runs.format(trained), *flags))


def test_characters_and_bytes_are_refused(trained: Path, binary: tuple[Path, object]) -> None:
    assert "networks of different units" in refused(call("eval", f"{trained}+{binary[0]}"))

"""What `sample` and `eval` read before a text: the run's own prefix, or --context."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from charloop import load
from choosing import slow
from cli.commands import BRIEF, assert_refused, call, done, refused

CONTEXT = "the lazy dog sleeps by "
FLAGS = ("--length", "40", "--seed", "3")


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a text of paragraphs."""
    folder = tmp_path_factory.mktemp("play")
    (folder / "play.txt").write_text("".join(f"KING:\nGo {n}.\n\nFOOL:\nNo.\n\n" for n in range(100)))
    done(call("train", str(folder / "play.txt"), *BRIEF, "--output", str(folder / "run")))
    return folder / "run"


def test_a_prompt_is_read_after_the_prefix_and_both_say_so(play: Path) -> None:
    network = load(play)
    assert network.prefix == "\n\n" == json.loads((play / "config.json").read_text())["text"]["prefix"]
    written = call("sample", str(play), "--prompt", "KING:", *FLAGS)
    assert written.err == "note: read from the beginning of a paragraph (after '\\n\\n')\n"
    same = call("sample", str(play), "--prompt", "KING:", "--context", "\n\n", *FLAGS)
    assert same.out == written.out
    assert same.err == "note: read from a context of 2 characters\n"
    none = call("sample", str(play), "--prompt", "KING:", "--context", "", *FLAGS)
    assert none.err == "note: read from an empty memory\n"


def test_what_the_prompt_begins_with_itself_is_read_once(play: Path) -> None:
    texts = {
        done(call("sample", str(play), "--prompt", prompt + "KING:", "--no-echo", *FLAGS))
        for prompt in ("", "\n", "\n\n")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("more", [(), ("--novel", "12"), ("--regex", "[A-Za-z0-9 :.\n]*")])
def test_a_context_is_read_and_not_written(play: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """From the command line, a file and a pipe alike, also under constraints."""
    (tmp_path / "context.txt").write_text("FOOL:\nNo.\n\nKI")
    given = ("FOOL:\nNo.\n\nKI", "context.txt", "-")
    texts = [
        done(call("sample", str(play), "--prompt", "N", *FLAGS, *more, "--context", c, stdin=given[0]))
        for c in given
    ]
    assert texts[0] == texts[1] == texts[2]
    assert texts[0].startswith("N")
    assert texts[0] != done(call("sample", str(play), "--prompt", "N", *FLAGS, *more))


@pytest.mark.parametrize("prompt", ["K", slow(""), slow("KING:\n")])
def test_the_command_and_the_library_write_the_same(play: Path, prompt: str) -> None:
    text = done(call("sample", str(play), "--prompt", prompt, "--no-echo", *FLAGS))
    network = load(play)
    assert text.rstrip("\n") == network.sample(prompt, length=40, seed=3)[0].rstrip("\n")
    assert network.sample(prompt, length=40, seed=3)[0] == "".join(network.stream(prompt, length=40, seed=3))
    assert (
        network.sample(prompt, length=40, seed=3, num_samples=3)[0]
        == network.sample(prompt, length=40, seed=3)[0]
    )


def test_a_context_of_characters_it_never_saw(play: Path) -> None:
    assert "the character" in refused(call("sample", str(play), "--context", "\u20ac"))
    skipped = done(call("sample", str(play), "--context", "\u20acGo", "--unknown", "skip", *FLAGS))
    assert skipped == done(call("sample", str(play), "--context", "Go", *FLAGS))


def test_one_standard_input_is_read_once(play: Path) -> None:
    flags = ("--context", "-", "--prompt-file", "-")
    assert "standard input" in refused(call("sample", str(play), *flags, stdin="K"))


def test_a_context_that_cannot_be_read(play: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff")
    assert_refused(call("sample", str(play), "--context", "odd"), "the context in odd is not UTF-8")
    assert_refused(call("eval", str(play), "--text", "Go", "--context", "."), "cannot read the context")


def test_a_text_is_scored_from_the_prefix_or_a_context(play: Path) -> None:
    network, text = load(play), "KING:\nGo 7."
    plain = evaluated(play, "--text", text)
    assert plain["read_from"] == "the beginning of a paragraph (after '\\n\\n')"
    assert plain["characters"] == len(text) - 1
    other = evaluated(play, "--text", text, "--context", CONTEXT, "--unknown", "skip")
    for found, context in ((plain, "\n\n"), (other, CONTEXT)):
        ids = network.vocabulary.encode(context + text, "skip")
        kept = len(network.vocabulary.encode(text)) - 1
        whole = network.score(ids, per_character=True).per_character
        np.testing.assert_allclose(found["nats_per_character"], whole[-kept:].mean(), rtol=1e-5)
    assert plain["nats_per_character"] == pytest.approx(network.evaluate(text).loss)
    assert other["nats_per_character"] == pytest.approx(network.evaluate(text, "skip", context=CONTEXT).loss)


def test_files_begin_like_strings_and_the_runs_own_text_as_in_training(play: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("KING:\nGo 7.")
    string, file = evaluated(play, "--text", "KING:\nGo 7."), evaluated(play, "short.txt")
    assert file["nats_per_character"] == string["nats_per_character"]
    assert "read from   an empty memory" in done(call("eval", str(play)))


def test_a_run_from_before_begins_with_a_guess(play: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(play, tmp_path / "old"))
    values = json.loads((old / "config.json").read_text())
    del values["text"]["prefix"], values["training"]["state_dropout"]
    (old / "config.json").write_text(json.dumps(values))
    written = call("sample", str(old), "--prompt", "KING:", *FLAGS)
    network = load(old)
    assert (written.code, written.err) == (0, f"note: read from {network.beginning().description}\n")
    assert network.prefix == load(old).prefix, "always the same"
    done(call("train", "--resume", str(old), "--steps", "20"))
    assert load(old).prefix == "\n\n"


@pytest.mark.slow
def test_bytes_begin_too(binary: tuple[Path, object]) -> None:
    written = call("sample", str(binary[0]), "--length", "5", "--prompt", "a")
    assert written.code == 0
    assert written.err.startswith("note: read from ")


def evaluated(run: Path, *flags: str) -> dict[str, object]:
    """What `charloop eval --json` says."""
    found: dict[str, object] = json.loads(done(call("eval", str(run), *flags, "--json")))
    return found

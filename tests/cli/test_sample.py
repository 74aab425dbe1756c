"""`charloop sample`: every flag does what it says, and the same seed writes the same text in every process."""

import json
import math
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest

from charloop import load
from charloop.checkpoint import load_tensors, save_tensors
from charloop.cli.flags import text
from charloop.cli.terminal.loop_notes import LoopNotes
from charloop.sampling import SamplingConfig
from cli.commands import BRIEF, Outcome, assert_refused, call, done, process, program, without_controls
from cli.conftest import Write


@pytest.mark.slow
def test_without_a_seed_each_text_differs_and_its_printed_seed_writes_it_again(
    trained: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.cli.commands.sample.secrets.randbelow", secrets.SystemRandom().randrange)
    first, second = (run("sample", str(trained), "--length", "60") for run in (process, call))
    assert done(first) != done(second)
    found = re.search(r"^note: --seed (\d+) writes this again$", first.err, re.MULTILINE)
    assert found
    assert write("--length", "60", "--seed", found[1]) == first.out
    greedy = call("sample", str(trained), "--length", "9", "--temperature", "0")
    assert "--seed" not in greedy.err + call("sample", str(trained), "--length", "9", "--seed", "0").err


def test_all_flags_at_once_write_the_same_in_every_process_and_from_a_pipe(
    trained: Path, write: Write
) -> None:
    flags = ("--length", "50", "--temperature", "0.8", "--top-k", "5")
    flags += ("--top-p", "0.95", "--min-p", "0.01", "--prompt", "the fox", "--seed", "7")
    piped = ("--prompt-file", "-", *flags[:-4], "--seed", "7")
    text = done(process("sample", str(trained), *piped, stdin="the fox"))
    assert text == write(*flags)
    assert text.startswith("the fox")
    assert len(text.rstrip("\n")) in (57, 56), "fifty new characters, the prompt not counted"
    assert text != write(*flags[:-1], "8")


def test_length_and_echo(write: Write) -> None:
    assert len(write("--length", "40", "--temperature", "0", "--prompt", "a fox ").rstrip("\n")) <= 46
    with_prompt, without = (
        write("--length", "40", "--prompt", "a fox ", *flag) for flag in ((), ("--no-echo",))
    )
    assert with_prompt == "a fox " + without
    assert len(write()) >= 500


def test_a_text_ends_with_the_line(write: Write) -> None:
    for seed in range(8):
        text = write("--length", "9", "--seed", str(seed), "--no-echo")
        assert text.endswith("\n")
        assert len(text) in (9, 10)


def test_at_temperature_zero_the_seed_does_not_matter(write: Write) -> None:
    flags = ("--temperature", "0", "--length", "60")
    assert (
        write(*flags)
        == write(*flags, "--seed", "5")
        == write("--top-k", "1", "--length", "60", "--seed", "6")
    )
    assert write("--length", "60") != write("--length", "60", "--seed", "5")


def test_filters_change_the_text(write: Write) -> None:
    plain = write("--length", "200")
    for flags in (("--top-k", "2"), ("--top-p", "0.1"), ("--min-p", "0.9"), ("--mode", "words")):
        assert write("--length", "200", *flags) != plain, flags


def test_the_last_weights_instead_of_the_best(copied: Path) -> None:
    """Last weights that are all 0 find every character equally likely."""
    state = copied / "checkpoints" / "step-000000016.safetensors"
    tensors, facts = load_tensors(state)
    nothing = {name: value * 0 if name.startswith("params/") else value for name, value in tensors.items()}
    save_tensors(state, nothing, facts)
    size = load(copied).vocabulary.size
    flags = ("--text", "the quick brown fox", "--json")
    best, last = (
        json.loads(done(call("eval", str(copied), *flags, *more))) for more in ((), ("--weights", "last"))
    )
    assert math.isclose(last["perplexity"], size, rel_tol=1e-4)
    assert abs(best["perplexity"] - size) > 0.1
    before, after = (done(call("sample", str(copied), "--weights", kind)) for kind in ("best", "last"))
    assert before == done(call("sample", str(copied))) != after


def test_several_samples(write: Write) -> None:
    text = write("--num-samples", "3", "--length", "30", "--prompt", "old ")
    parts = text.split("--- ")[1:]
    assert [part[:6] for part in parts] == ["1 ---\n", "2 ---\n", "3 ---\n"]
    assert all(part[6:].startswith("old ") for part in parts)
    assert len(set(parts)) == 3
    assert parts[0].removeprefix("1 ---\n") == write("--length", "30", "--prompt", "old ")


def test_a_text_ends_just_before_the_stop_string(write: Write) -> None:
    text = write("--length", "300", "--no-echo")
    stop = text[40:43]
    assert write("--length", "300", "--no-echo", "--stop", stop).removesuffix("\n") == text[
        : text.index(stop)
    ].removesuffix("\n")


def test_of_several_stop_strings_the_earliest_counts(write: Write) -> None:
    text = write("--length", "300", "--no-echo")
    early, late = text[10:16], text[40:46]
    end = text.index(early)
    assert end < text.index(late)
    for first, second in ((early, late), (late, early)):
        written = write("--length", "300", "--no-echo", "--stop", first, f"--stop={second}")
        assert written.removesuffix("\n") == text[:end].removesuffix("\n")


def test_a_text_ends_after_the_requested_lines(write: Write) -> None:
    text = write("--length", "2000", "--seed", "3")
    assert text.count("\n") > 2
    assert write("--length", "2000", "--seed", "3", "--lines", "2") == "".join(
        text.splitlines(keepends=True)[:2]
    )


def test_a_prompt_from_a_file_or_standard_input(write: Write, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_text("the dog\n")
    expected = write("--prompt", "the dog\n", "--length", "30")
    assert write("--prompt-file", "prompt", "--length", "30") == expected
    assert write("--prompt-file", "-", "--length", "30", stdin="the dog\n") == expected


def quiet_after(read: int, *arguments: str) -> tuple[bytes, Outcome]:
    """A reader that exits after `read` bytes, as `head` does; and what the command said then."""
    pipe, end = os.pipe()
    with subprocess.Popen(program(*arguments), stdout=end, stderr=subprocess.PIPE) as running:
        os.close(end)
        found = os.read(pipe, read)
        os.close(pipe)
        _, err = running.communicate(timeout=120)
    return found, Outcome(running.returncode, "", err.decode())


def test_a_reader_that_exits_is_not_an_error(trained: Path) -> None:
    found, outcome = quiet_after(10, "sample", str(trained), "--length", "200000")
    assert len(found) == 10
    assert done(outcome) == ""


@pytest.mark.parametrize("command", [("cells",), ("train", "--help")])
def test_a_reader_that_was_never_there(command: tuple[str, ...]) -> None:
    """What is left in the buffer at the end must not complain either."""
    assert done(quiet_after(0, *command)[1]) == ""


@pytest.mark.slow
def test_training_continues_without_a_listener(book: Path) -> None:
    assert quiet_after(1, "train", str(book), *BRIEF, "--output", "run")[1] == Outcome(0, "", "")
    assert "after step 16" in done(call("info", "run"))


def test_characters_that_the_terminal_lacks(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "αβ")
    out = done(process("info", "αβ", env=os.environ | {"PYTHONIOENCODING": "ascii"}))
    assert out.startswith("run         \\u03b1\\u03b2\n")


def test_a_prompt_with_other_line_ends(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_bytes(b"the dog\r\nthe fox")
    expected = done(call("sample", str(trained), "--prompt", "the dog\nthe fox", "--length", "9"))
    assert done(call("sample", str(trained), "--prompt-file", "prompt", "--length", "9")) == expected
    given = (tmp_path / "prompt").read_bytes()
    assert done(call("sample", str(trained), "--prompt-file", "-", "--length", "9", stdin=given)) == expected


def test_a_prompt_without_end(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(call("sample", str(trained), "--prompt-file", "/dev/zero"), "/dev/zero (more than 64 MB)")
    monkeypatch.setattr(text, "MAX_PROMPT_BYTES", 1 << 20)
    outcome = call("sample", str(trained), "--prompt-file", "-", stdin=b"a" * (1 << 20) + b"b")
    assert_refused(outcome, "standard input (more than 1 MB)")


def test_colours_of_surprise_change_no_character_and_spare_the_prompt(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    flags = ("--prompt", "the fox", "--length", "70", "--seed", "3")
    plain = write(*flags)
    assert write(*flags, "--color", "surprise") == plain, "down a pipe"
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = write(*flags, "--color", "surprise")
    assert painted.startswith("the fox\x1b[38;5;")
    bare = without_controls(painted)
    assert bare.startswith(plain)
    assert bare.count("\n") == plain.count("\n") + 1, "and a legend"
    monkeypatch.setenv("NO_COLOR", "1")
    assert write(*flags, "--color", "surprise") == plain


def test_several_texts_are_coloured_each_by_itself(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    flags = ("--prompt", "the fox", "--length", "40", "--seed", "3", "--num-samples", "2")
    plain = write(*flags)
    monkeypatch.setenv("FORCE_COLOR", "1")
    first = write(*flags, "--color", "surprise")
    assert without_controls(first).startswith(plain)
    assert first.count("bits, by the network's own") == 1
    assert write(*flags, "--color", "surprise") == first


def test_bytes_have_no_colours(binary: tuple[Path, Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    """A character is several bytes, and some bytes are no character."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    outcome = call("sample", str(binary[0]), "--color", "surprise")
    assert_refused(outcome, "--color surprise", "a network of bytes", "a network of characters", "--color")


def test_forbidden_characters_are_not_written_and_a_bias_counts(write: Write) -> None:
    flags = ("--length", "300", "--no-echo")
    plain, biased = write(*flags), write(*flags, "--forbid", "eo", "--bias", "t=3", "--bias", "h=-9")
    assert not set(biased) & set("eo")
    assert biased.count("t") > 2 * plain.count("t")
    assert biased.count("h") < plain.count("h")


def test_no_sequence_comes_twice(write: Write) -> None:
    text = write("--length", "80", "--temperature", "0", "--prompt", "the ", "--no-repeat", "4")[:84]
    assert len(text) == len({text[start : start + 4] for start in range(81)}) + 3


def test_the_repetition_penalty_counts_the_window_and_the_prompt(trained: Path, write: Write) -> None:
    flags = ("--length", "80", "--temperature", "0", "--no-echo", "--prompt", "the", "--repetition-penalty")
    text = write(*flags, "100", "--repetition-window", "3")
    written = "the" + text.removesuffix("\n")
    assert all(written[at] not in written[at - 3 : at] for at in range(3, len(written)))
    assert text == write(*flags, "100", "--repetition-window", "3", "--novel", "99")
    assert write(*flags, "1.5") == write(*flags, "1.5", "--repetition-window", "64") != write(*flags, "1")
    window = load(trained).sample(
        "the", length=80, temperature=0, repetition_penalty=100, repetition_window=3
    )
    assert window == [text.removesuffix("\n")[: len(window[0])]]


def test_a_loop_of_greedy_writing_is_noted(trained: Path) -> None:
    flags = ("sample", str(trained), "--length", "600", "--seed", "0", "--no-echo", "--temperature")
    greedy = call(*flags, "0")
    found = re.search(
        r"^note: the text ends in a loop: its last ([\d,]+) characters repeat the same ([\d,]+); "
        r"--no-repeat, --repetition-penalty or a higher temperature avoids it$",
        greedy.err,
        re.MULTILINE,
    )
    assert found
    length, period = (int(number.replace(",", "")) for number in found.groups())
    end = load(trained).sample(length=600, temperature=0)[0][-length:]
    assert end == (end[:period] * length)[:length]
    assert "loop" not in call(*flags, "1").err + call(*flags, "0", "--no-repeat", "9").err
    penalised = call(*flags, "1", "--top-k", "1", "--repetition-penalty", "1.001").err
    assert re.search("^note: the text ends in a loop: .*; --no-repeat or a higher --top-k", penalised, re.M)


def test_of_several_texts_it_is_noted_how_many_end_in_a_loop(trained: Path) -> None:
    flags = ("sample", str(trained), "--length", "600", "--seed", "0", "--num-samples", "3", "--temperature")
    assert "note: 3 of 3 texts end in a loop (the longest: " in call(*flags, "0").err
    assert "loop" not in call(*flags, "1").err
    loops = LoopNotes(SamplingConfig(temperature=0.1))
    for end in ("a" * 40, "ends well", "so " + "ab" * 30):
        assert "".join(loops.watch([end[:2], end[2:]])) == end
    (note,) = loops.notes()
    assert note.startswith("2 of 3 texts end in a loop (the longest: 60 characters that repeat the same 2); ")

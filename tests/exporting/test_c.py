"""The C form: compiled by gcc and clang, called, and run as a program."""

import math
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from charloop.exporting import export
from charloop.exporting.forms.c_source import make_prefix
from exporting.in_c import STRICT, compile_c, compile_network
from exporting.networks import (
    HOSTILE,
    LABELS,
    SYMBOLS,
    assert_close,
    draw_tokens,
    each_network,
    expect_logits,
    make_network,
)
from exporting.test_numpy import load_exported

EIGHT_BIT = ["lstm", "tied", "one-hot", "gru-original", "ln-lstm"]


def without_surrogates(text: str) -> bytes:
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


@each_network
def test_the_library_computes_the_same_logits(kind: str, layers: int) -> None:
    made = compile_network(kind, layers)
    assert_close(made.run(draw_tokens(make_network(kind, layers))), expect_logits(kind, layers))
    compile_c("clang", *STRICT, "-fsyntax-only", made.source)


@pytest.mark.parametrize("kind", EIGHT_BIT)
def test_8_bit_weights_compute_what_rounded_weights_do(kind: str) -> None:
    made = compile_network(kind, int8=True)
    assert_close(made.run(draw_tokens(make_network(kind))), expect_logits(kind, int8=True))
    source = made.source.read_text("ascii")
    sizes = [int(size) for size in re.findall(r"static const float \w+\[(\d+)\]", source)]
    assert max(sizes) < 100, "a matrix is kept as float32"
    compile_c("clang", *STRICT, "-DCHARLOOP_MAIN", "-fsyntax-only", made.source)


@pytest.mark.parametrize("kind", ["lstm", "bytes", "unknown", "labels"])
def test_the_texts_are_those_of_the_numpy_form(kind: str, tmp_path: Path) -> None:
    made, python = compile_network(kind), load_exported(make_network(kind), tmp_path).Network()
    settings = [
        (0.0, 0, 1.0), (1.0, 0, 1.0), (0.7, 5, 1.0), (1.3, 0, 0.8), (1.0, 9, 0.6), (0.2, 1, 0.1), (1.0, 99, 0.999),
    ]  # fmt: skip
    for seed, (temperature, top_k, top_p) in enumerate(settings, start=2**32 - 3):
        how = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        label = seed % 3 if kind == "labels" else None
        for prompt in ("", "abba\n"):
            tokens = python.write(prompt, length=100, label=None if label is None else LABELS[label], **how)
            text = python.decode(tokens)
            written = made.write(prompt.encode(), 100, label=label, **how)
            if kind == "bytes":
                assert written.decode("utf-8", "replace") == text
            else:
                assert written == without_surrogates(text)


def test_characters_are_read_and_written_as_utf_8() -> None:
    made = compile_network("lstm")
    for token, symbol in enumerate(SYMBOLS):
        written = made.decode(token)
        assert written == without_surrogates(symbol)
        assert made.encode(written + b"\x80") == (-1 if symbol == "\ud800" else token, len(written))
    assert made.decode(len(SYMBOLS)) == b""
    assert made.decode(-1) == b""
    for wrong in (
        b"\x80a",
        b"\xc0\x80",
        b"\xc3",
        b"\xe2\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xff",
        b"\xe9a",
    ):
        assert made.encode(wrong) == (-1, 1)
    assert compile_network("unknown").encode("ж".encode()) == (len(SYMBOLS), 2)
    assert compile_network("bytes").encode(b"\xff\xfe") == (255, 1)


def test_an_unknown_character_of_a_prompt_is_found() -> None:
    assert compile_network("lstm").begin("abжa".encode()) == 2
    assert compile_network("unknown").begin("abжa".encode()) == 5


@pytest.mark.parametrize(("kind", "int8"), [("labels", True), ("ln-lstm-cell", False)])
def test_the_program_runs_under_sanitizers(kind: str, int8: bool, tmp_path: Path) -> None:
    network, source, program = make_network(kind, 2), tmp_path / "made.c", str(tmp_path / "made")
    export(network, "c", source, int8=int8, prompt="ab", length=60, temperature=0)
    checks = ("-g", "-O0", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
    compile_c("clang", *STRICT, *checks, "-DCHARLOOP_MAIN", "-o", program, source, "-lm")

    def run(*arguments: str, code: int = 0) -> bytes:
        ran = subprocess.run([program, *arguments], capture_output=True)
        assert ran.returncode == code, ran.stderr.decode()[:3000]
        assert ran.stderr.count(b"\n") == (code != 0)
        return ran.stdout

    python = load_exported(network, tmp_path, int8=int8).Network()
    text = "ab" + python.decode(python.write("ab", 60, temperature=0))
    assert run() == run("--temperature=0", "--prompt=ab") == without_surrogates(text) + b"\n"
    run("--prompt", "", "--seed", "3", "--top-k", "4", "--top-p", "0.5", "--temperature", "2")
    if kind == "labels":
        for label in LABELS:
            text = "ab" + python.decode(python.write("ab", 60, temperature=0, label=label))
            assert run("--label", label) == without_surrogates(text) + b"\n"
        run("--label", "none", code=2)
    scored = tmp_path / "scored.txt"
    scored.write_bytes("abc\r\ndé\U0001f600".encode())
    losses = python.score("abc\ndé\U0001f600")
    assert run("--score", str(scored)) == b"%.4f bits per character\n" % (np.mean(losses) / math.log(2))
    if kind == "labels":
        scored.write_bytes(b"abc\r\n")
        assert run("--score", str(scored)) == b"%.4f bits per character\n" % (
            np.mean(python.score("abc")) / math.log(2)
        )
    scored.write_text("ж")
    run("--score", str(scored), code=2)


REFUSED = [
    ("--temperature", "-1"), ("--temperature", "nan"), ("--temperature", "1x"), ("--top-p", "0"), ("--top-p", "1.5"),
    ("--top-k", "-1"), ("--top-k", "1.5"), ("--length", ""), ("--seed", "-1"), ("--seed", "4294967296"),
    ("--prompt", "ж"), ("--score", "nowhere"), ("--score", "/dev/null"), ("--wrong", "1"), ("--prompt",), ("word",),
    ("--score", "no\nwhere\x1b"), ("no\nflag", "1"),
]  # fmt: skip


def test_the_program_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    made, program = compile_network("lstm"), str(tmp_path / "made")
    compile_c("gcc", *STRICT, "-O0", "-DCHARLOOP_MAIN", "-o", program, made.source, "-lm")
    for arguments in REFUSED:
        ran = subprocess.run([program, *arguments], capture_output=True)
        assert (ran.returncode, ran.stdout, ran.stderr.count(b"\n")) == (2, b"", 1), arguments
    ran = subprocess.run([program, "--help"], capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_the_program_says_that_its_output_is_lost(tmp_path: Path) -> None:
    """It stops, too."""
    source, program = tmp_path / "made.c", str(tmp_path / "made")
    export(make_network("lstm"), "c", source, top_k=2**40)
    compile_c("gcc", *STRICT, "-O0", "-DCHARLOOP_MAIN", "-o", program, source, "-lm")
    scored = tmp_path / "scored.txt"
    scored.write_text("abc")
    for arguments in (("--length", "1e15"), ("--score", str(scored)), ("--help",)):
        with open("/dev/full", "wb") as full:
            ran = subprocess.run([program, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60)
        assert (ran.returncode, ran.stderr) == (2, b"standard output: cannot be written\n"), arguments


def test_two_networks_are_linked_into_one_program(tmp_path: Path) -> None:
    names = ['a "b\\".h * ?? \u202e', "2x128 names"]
    for name in names:
        export(make_network("documents"), "c", tmp_path / f"{name}.c", prompt=HOSTILE)
    prefixes = [make_prefix(name) for name in names]
    assert prefixes == ["a_b_h", "network_2x128_names"]
    text = "".join(f'#include "{header}"\n' for header in ("a_b_h.h", "2x128 names.h"))
    body = "".join(f"{prefix}_state s{n}; {prefix}_init(&s{n}, 1);" for n, prefix in enumerate(prefixes))
    (tmp_path / "program.c").write_text(
        f"{text}int main(void) {{ {body} return s0.random[0] != s1.random[0]; }}"
    )
    sources = [tmp_path / f"{name}.c" for name in ("program", *names)]
    compile_c("gcc", *STRICT, "-O0", "-o", tmp_path / "program", *sources, "-lm")
    assert subprocess.run([tmp_path / "program"]).returncode == 0


def test_hostile_labels_and_descriptions_stay_in_their_comment(tmp_path: Path) -> None:
    from charloop.exporting.content import Export
    from charloop.exporting.forms.c_source import make_files
    from charloop.sampling import SamplingConfig

    facts = {"text": "*/ #error /* ??/\n\\\n//" + HOSTILE}
    files = make_files(Export(make_network("labels"), False, "made", SamplingConfig(), HOSTILE * 2000, facts))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert content.isascii()
    compile_c("gcc", *STRICT, "-DCHARLOOP_MAIN", "-fsyntax-only", tmp_path / "made.c")

"""A network of bytes reads and writes bytes, also those that are not UTF-8."""

import contextlib
import io
import json
import re
import subprocess
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from charloop import load
from charloop.cli.main import main
from charloop.cli.terminal.documents import cost_records, text_values
from charloop.cli.terminal.output import CONTROL
from charloop.data import Vocabulary
from charloop.evaluation.documents import sum_by_document
from choosing import slow
from cli.commands import BRIEF, Outcome, assert_refused, call, program

FLAGS = ("--length", "300", "--temperature", "3", "--seed", "1")
PROMPT = b"\xff\x00\r\n\xe2\x82a"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(binary: tuple[Path, Outcome]) -> Path:
    return binary[0]


def test_a_file_holds_the_bytes_that_the_network_wrote_and_nothing_else(run: Path) -> None:
    with open("out.bin", "wb") as out:
        subprocess.run(program("sample", str(run), *FLAGS), stdout=out, check=True)
    written = Path("out.bin").read_bytes()
    network = load(run)
    assert [written] == network.sample_bytes(length=300, temperature=3, seed=1)
    assert len(written) == 300
    assert "\ufffd" in written.decode(errors="replace"), "else the test says nothing"
    assert [written.decode(errors="replace")] == network.sample(length=300, temperature=3, seed=1)


def test_a_terminal_shows_bytes_that_are_not_text_as_escapes(run: Path) -> None:
    with contextlib.redirect_stdout(Screen()) as screen:
        assert main(("sample", str(run), *FLAGS)) == 0
    (written,) = load(run).sample_bytes(length=300, temperature=3, seed=1)
    shown = screen.getvalue().removesuffix("\n")
    assert re.search(r"\\x[89a-f]", shown)
    assert not CONTROL.search(shown)
    escape = lambda control: "".join(map("\\x{:02x}".format, control[0].encode()))  # noqa: E731
    assert shown == CONTROL.sub(escape, written.decode(errors="backslashreplace")).removesuffix("\n")


@pytest.mark.parametrize("flag", ["--prompt-file", slow("--context")])
def test_a_prompt_and_a_context_are_bytes_as_they_stand(run: Path, flag: str) -> None:
    Path("prompt").write_bytes(PROMPT)
    with open("out.bin", "wb") as out:
        subprocess.run(program("sample", str(run), flag, "prompt", *FLAGS), stdout=out, check=True)
    network, settings = load(run), {"length": 300, "temperature": 3, "seed": 1}
    if flag == "--context":
        texts = network.sample_bytes(context=PROMPT.decode(errors="surrogateescape"), **settings)
        expected = texts[0]
    else:
        expected = PROMPT + network.sample_bytes(PROMPT, **settings)[0]
    assert Path("out.bin").read_bytes() == expected


def test_a_network_of_characters_reads_text_and_gives_its_utf8(trained: Path) -> None:
    Path("prompt").write_bytes(PROMPT)
    assert_refused(call("sample", str(trained), "--prompt-file", "prompt"), "is not UTF-8, at byte 0")
    network = load(trained)
    assert network.sample_bytes("the ", length=9) == [
        text.encode() for text in network.sample("the ", length=9)
    ]


@pytest.mark.slow
def test_documents_are_bytes_too() -> None:
    Path("latin.txt").write_bytes("né\ndé\nçà\n".encode("latin-1") * 60)
    flags = (*BRIEF, "--unit", "byte", "--documents", "line", "--output", "run")
    assert call("train", "latin.txt", *flags).code == 0
    with open("out.bin", "wb") as out:
        flags = ("--documents", "9", "--max-length", "9", "--temperature", "3", "--seed", "1")
        subprocess.run(program("sample", "run", *flags), stdout=out, check=True)
    stream = load("run").keep_stray_bytes().documents(max_length=9, temperature=3, seed=1)
    texts = [document.text.encode("utf-8", "surrogateescape") for document in stream.take(9)]
    assert Path("out.bin").read_bytes() == b"".join(text + b"\n" for text in texts)
    assert "\ufffd" in b"".join(texts).decode(errors="replace"), "else the test says nothing"
    lines = [json.loads(line) for line in call("sample", "run", *flags, "--json").out.splitlines()]
    assert [b64decode(one["base64"]) if "base64" in one else one["text"].encode() for one in lines] == texts


def test_json_has_bytes_that_are_not_utf8_in_base64() -> None:
    assert text_values("né", as_bytes=True) == {"text": "né"}
    assert text_values("n\udce9\ufffd", as_bytes=True) == {"text": "n\ufffd\ufffd", "base64": "bunvv70="}
    vocabulary = Vocabulary.of_bytes("line")
    tokens = vocabulary.encode_text("n\udce9\ne\n")
    costs = sum_by_document(tokens, np.ones(len(tokens) - 1), vocabulary.end_id or 0)
    first, second = cost_records(tokens, costs, vocabulary, most_first=False, limit=None)
    assert (first["text"], b64decode(first["base64"])) == ("n\ufffd", b"n\xe9")
    assert (second["text"], second.get("base64")) == ("e", None)


def test_samples_of_training_have_escapes_for_bytes_that_are_not_text(binary: tuple[Path, Outcome]) -> None:
    run, trained = binary
    text = "".join(file.read_text("utf-8") for file in (run / "samples").iterdir())
    assert "\ufffd" not in text
    for shown in (text, trained.out.partition("--- temperature")[2]):
        assert re.search(r"\\x[89a-f]", shown)

"""`charloop sample --output-encoding`: files and pipes in another encoding, and what that lacks is counted."""

import contextlib
import io
import re
from collections import Counter
from pathlib import Path

import pytest

from charloop import load
from charloop.cli.main import main
from charloop.cli.terminal.encoding import describe_replaced
from cli.commands import BRIEF, Outcome, assert_refused, call, done
from cli.conftest import text_of

FLAGS = ("--length", "200", "--temperature", "3", "--seed", "1", "--prompt", "für ")
NOTE = re.compile(r"^note: wrote \? for (\d+) characters? that (\S+) lacks: (.*); --forbid", re.MULTILINE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with characters that no one-byte encoding has together; their number is that of other tests."""
    folder = tmp_path_factory.mktemp("german")
    text = text_of(100).translate(str.maketrans("uqxz", "ü“”月"))
    (folder / "text.txt").write_text(text, encoding="utf-8")
    done(call("train", str(folder / "text.txt"), *BRIEF, "--output", str(folder / "run")))
    return folder / "run"


def write(run: Path, *flags: str) -> tuple[bytes, str]:
    """The bytes of a pipe that is standard output, and what stands on standard error."""
    pipe, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(pipe, encoding="utf-8", newline="")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(("sample", str(run), *flags)) == 0
    return pipe.getvalue(), err.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "gb18030"])
def test_a_file_is_in_the_encoding(run: Path, encoding: str) -> None:
    written, err = write(run, *FLAGS, "--output-encoding", encoding)
    text = write(run, *FLAGS)[0].decode()
    assert text.startswith("für ")
    assert written == text.encode(encoding)
    assert not NOTE.search(err)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_what_the_encoding_lacks_becomes_a_question_mark_and_is_counted(run: Path, encoding: str) -> None:
    written, err = write(run, *FLAGS, "--output-encoding", encoding)
    text = write(run, *FLAGS)[0].decode()
    assert written == text.encode(encoding, "replace")
    lacking = Counter(c for c in text if c.encode(encoding, "ignore") == b"")
    found = NOTE.search(err)
    assert found
    assert (int(found[1]), found[2]) == (lacking.total(), encoding)
    assert set(found[3].split()) == set(lacking)


def test_a_note_names_the_most_frequent_and_no_control_character() -> None:
    few, many = Counter("“"), Counter("“““””\x85\x85\x85\x85月火水")
    assert describe_replaced("ascii", few).startswith("wrote ? for 1 character that ascii lacks: “; ")
    said = describe_replaced("ascii", many)
    assert said.startswith("wrote ? for 12 characters that ascii lacks: U+0085 “ ” 月 火 ...; ")


def test_several_texts_are_in_it_too(run: Path) -> None:
    flags = ("--num-samples", "2", "--length", "30", "--seed", "1")
    assert write(run, *flags, "--output-encoding", "utf-16")[0] == write(run, *flags)[0].decode().encode(
        "utf-16"
    )


def test_a_terminal_keeps_its_own(run: Path) -> None:
    class Screen(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    raw = io.BytesIO()
    with contextlib.redirect_stdout(Screen(raw, encoding="utf-8")) as screen:
        assert main(("sample", str(run), *FLAGS, "--output-encoding", "utf-16")) == 0
        screen.flush()
    assert raw.getvalue().decode() == write(run, *FLAGS)[0].decode()


@pytest.mark.parametrize(
    "encoding", ["klingon", "", "auto", "base64", "rot13", "punycode", "idna", "undefined", "a\0b"]
)
def test_an_encoding_that_python_cannot_write_is_refused(run: Path, encoding: str) -> None:
    outcome = call("sample", str(run), "--output-encoding", encoding)
    allowed = "utf-8, latin-1, utf-16, cp1252 or another of Python's"
    assert_refused(outcome, "--output-encoding", encoding, allowed)


def test_bytes_have_no_encoding(binary: tuple[Path, Outcome]) -> None:
    outcome = call("sample", str(binary[0]), "--output-encoding", "latin-1")
    assert_refused(outcome, "--output-encoding: a network of bytes writes its bytes", do="leave it out")


def test_an_editor_has_none(run: Path) -> None:
    outcome = call("sample", str(run), "--interactive", "--output-encoding", "latin-1")
    assert_refused(outcome, "--output-encoding and --interactive do not go together", do="leave one out")


def test_the_library_gives_text(run: Path) -> None:
    (text,) = load(run).sample("für ", length=200, temperature=3, seed=1)
    assert ("für " + text).rstrip("\n") == write(run, *FLAGS)[0].decode().rstrip("\n")

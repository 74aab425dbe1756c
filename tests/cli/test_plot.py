"""`charloop plot`: a complete file at the requested path; errors are one line."""

import xml.etree.ElementTree as Xml
from pathlib import Path
from typing import Any

import pytest

from cli.commands import WITHOUT_OPTIONAL_LIBRARIES, assert_refused, call, done, process, refused
from figures.test_drawing import HEADS


@pytest.mark.parametrize("kind", HEADS)
def test_a_figure_of_each_kind(kind: str, trained: Path) -> None:
    assert done(call("plot", str(trained), "-o", f"curves.{kind}")) == ""
    assert Path(f"curves.{kind}").read_bytes().startswith(HEADS[kind])
    assert [path.name for path in Path().iterdir()] == [f"curves.{kind}"]


def test_against_each_axis(trained: Path, copied: Path) -> None:
    flags = ("--smooth", "3", "--width", "3.4")
    done(call("plot", str(trained), str(copied), "--output", "steps.svg", *flags))
    for against in ("characters", "minutes"):
        done(call("plot", str(trained), str(copied), "-o", f"{against}.svg", "--against", against, *flags))
    files = [Path(f"{against}.svg").read_bytes() for against in ("steps", "characters", "minutes")]
    assert len(set(files)) == 3
    assert all(Xml.fromstring(file).get("width") == "244.8pt" for file in files)


def test_an_existing_file_is_kept_without_overwrite(trained: Path) -> None:
    Path("a.svg").write_text("mine")
    outcome = call("plot", str(trained), "-o", "a.svg")
    assert_refused(outcome, "--output: a.svg is there already", do="--overwrite")
    assert Path("a.svg").read_text() == "mine"
    done(call("plot", str(trained), "-o", "a.svg", "--overwrite"))
    assert Path("a.svg").read_bytes().startswith(HEADS["svg"])


def test_without_matplotlib(trained: Path) -> None:
    said = refused(process("plot", str(trained), "-o", "a.svg", first=WITHOUT_OPTIONAL_LIBRARIES))
    assert "needs matplotlib; pip install matplotlib" in said
    assert not Path("a.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("", ("no run to draw", None, None, "charloop plot runs/book -o curves.png")),
        ("RUN", ("no file to draw to", None, None, "-o curves.png")),
        ("RUN -o a.jpg", ("--output", "a.jpg", "a name that ends in .png, .svg or .pdf")),
        ("RUN -o a", ("--output", "a", "a name that ends in .png, .svg or .pdf")),
        ("RUN -o no/a.svg", ("--output: there is no folder no", None, None, "make it first")),
        ("nowhere -o a.svg", ("no such run", "nowhere", None, "`charloop train`")),
    ],
)
def test_arguments_that_are_refused(arguments: str, error: tuple[Any, ...], trained: Path) -> None:
    named = [str(trained) if argument == "RUN" else argument for argument in arguments.split()]
    assert_refused(call("plot", *named), *error)
    assert not [*Path().iterdir()]


def test_a_width_out_of_range(trained: Path) -> None:
    said = refused(call("plot", str(trained), "-o", "a.svg", "--width", "1"))
    assert said.startswith("--width: got 1.0; ")


def test_a_run_without_steps(copied: Path) -> None:
    (copied / "metrics.jsonl").write_text("")
    assert "has no step" in refused(call("plot", str(copied), "-o", "a.svg"))
    (copied / "metrics.jsonl").write_bytes(b"\xff\0{" * 99)
    assert "has no step" in refused(call("plot", str(copied), "-o", "a.svg"))
    assert [path.name for path in Path().iterdir()] == ["copy"]

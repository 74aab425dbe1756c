"""`charloop plot`: a complete file at the requested path; errors are one line."""

import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from cli.commands import WITHOUT_OPTIONAL_LIBRARIES, call, done, process, refused
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


def test_what_is_there_is_kept_unless_asked_for(trained: Path) -> None:
    Path("a.svg").write_text("mine")
    said = refused(call("plot", str(trained), "-o", "a.svg"))
    assert said == "--output: a.svg is there already; choose another name, or add --overwrite"
    assert Path("a.svg").read_text() == "mine"
    done(call("plot", str(trained), "-o", "a.svg", "--overwrite"))
    assert Path("a.svg").read_bytes().startswith(HEADS["svg"])


def test_without_matplotlib(trained: Path) -> None:
    said = refused(process("plot", str(trained), "-o", "a.svg", first=WITHOUT_OPTIONAL_LIBRARIES))
    assert said == "charloop plot needs matplotlib; pip install matplotlib"
    assert not Path("a.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no run to draw; name its folder: charloop plot runs/book -o curves.png"),
        (("RUN",), "no file to draw to; name it: -o curves.png, .svg or .pdf"),
        (("RUN", "-o", "a.jpg"), "--output: got 'a.jpg'; allowed: a name that ends in .png, .svg or .pdf"),
        (("RUN", "-o", "a"), "--output: got 'a'; allowed: a name that ends in .png, .svg or .pdf"),
        (("RUN", "-o", "no/a.svg"), "--output: there is no folder no; make it first"),
        (
            ("nowhere", "-o", "a.svg"),
            "no such run: got 'nowhere'; runs are folders that `charloop train` creates",
        ),
    ],
)
def test_refused(arguments: tuple[str, ...], said: str, trained: Path) -> None:
    assert refused(call("plot", *(str(trained) if a == "RUN" else a for a in arguments))) == said
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

